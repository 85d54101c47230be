/**
 * Every code an error of this library can carry, with the HTTP status that tells the peer about it. One table, so that a
 * `switch (error.code)` narrows and no fault has two answers.
 */
const statusByCode = {
  /** An option is missing, misspelt or out of range; thrown when something is created, never later. */
  ERR_CWMP_OPTION: 500,
  /** A body is longer, or expands to more, than the limits allow. */
  ERR_CWMP_BODY_TOO_LARGE: 413,
  /** A body is in a Content-Encoding that is not known; TR-069 A6 §3.4.7 has the CPE retry without one. */
  ERR_CWMP_CONTENT_CODING: 415,
  /** A streamed body is not valid in the Content-Encoding that was named. */
  ERR_CWMP_CONTENT_DECODING: 400,
} as const;

/** The code of a {@link CwmpProxyError}. */
export type CwmpProxyErrorCode = keyof typeof statusByCode;

/** What goes wrong in this library is one of these. Messages name the place and never hold a secret. */
export class CwmpProxyError extends Error {
  /** What went wrong, for programs. */
  readonly code: CwmpProxyErrorCode;
  /** The HTTP status that the peer of the failed exchange is answered with. */
  readonly statusCode: number;

  constructor(code: CwmpProxyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CwmpProxyError';
    this.code = code;
    this.statusCode = statusByCode[code];
  }
}
