/** How far a compressed body may expand. */
export interface DecodingLimits {
  /** Most bytes that a compressed body may expand to. Default 16 MiB; beyond, `ERR_CWMP_BODY_TOO_LARGE` (413). */
  maxDecodedBytes?: number | undefined;
  /**
   * Most times its own length that a compressed body may expand to, once that is over 1 MiB. Default 100: CWMP messages reach
   * 10 to 40. Beyond, `ERR_CWMP_BODY_TOO_LARGE` (413).
   */
  maxRatio?: number | undefined;
}

const defaultMaxDecodedBytes = 16 * 1024 * 1024;
const defaultMaxRatio = 100;
const alwaysAllowedBytes = 1024 * 1024;

/** Most bytes that an encoded body of `encodedBytes` may expand to. */
export function decodedLimit(encodedBytes: number, limits: DecodingLimits): number {
  const { maxDecodedBytes = defaultMaxDecodedBytes, maxRatio = defaultMaxRatio } = limits;
  return Math.max(Math.min(maxDecodedBytes, Math.max(alwaysAllowedBytes, encodedBytes * maxRatio)), 1);
}
