import * as zlib from 'node:zlib';
import { CwmpProxyError } from '../../errors.js';
import type { Coder } from './coding-stage.js';
import { LazyMessage } from '../message.js';
import type { RewriteOptions } from '../rewrite/rewrite-stream.js';
import type { RewrittenMessage } from '../rewrite/rewrite-whole.js';

/** How far a compressed body may expand. */
export interface DecodingLimits {
  /** Maximum number of bytes that a compressed body may expand to. Default 16 MiB; beyond, `ERR_CWMP_BODY_TOO_LARGE` (413). */
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

/** Maximum number of bytes that an encoded body of `encodedBytes` may expand to. */
export function decodedLimit(encodedBytes: number, limits: DecodingLimits): number {
  const { maxDecodedBytes = defaultMaxDecodedBytes, maxRatio = defaultMaxRatio } = limits;
  return Math.max(Math.min(maxDecodedBytes, Math.max(alwaysAllowedBytes, encodedBytes * maxRatio)), 1);
}

/** The content codings that are read (TR-069 A6 §3.4.7 names gzip and deflate). */
export type ContentCoding = 'identity' | 'gzip' | 'deflate' | 'br';

/** How a body is rewritten that may be in a content coding. */
export interface EncodedRewriteOptions extends RewriteOptions, DecodingLimits {
  /** The message's Content-Encoding. Default: none, which is `identity`. */
  contentEncoding?: string | undefined;
  /**
   * What happens to a body in a coding that is not known, or in more than one: `pass` sends it on as it came, with the
   * reason `content-coding`; `reject` throws `ERR_CWMP_CONTENT_CODING`, whose status 415 has a CPE turn compression off.
   * Default `pass`.
   */
  unknownCoding?: 'pass' | 'reject' | undefined;
}

/** The coding that a Content-Encoding names; undefined where it is not known or there is more than one. */
export function contentCodingOf(contentEncoding: string | undefined): ContentCoding | undefined {
  if (contentEncoding === undefined) return 'identity';
  const codings = contentEncoding
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  const [coding] = codings;
  if (coding === undefined) return 'identity';
  if (codings.length > 1) return undefined;
  if (coding === 'gzip' || coding === 'x-gzip') return 'gzip';
  return coding === 'deflate' || coding === 'br' ? coding : undefined;
}

/** Whether a `deflate` body begins like zlib (RFC 1950 §2.2), as it should; many senders leave the wrapping out. */
export function hasZlibHeader(head: Uint8Array): boolean {
  const [first = 0, second = 0] = head;
  return (first & 0x0f) === 8 && first >> 4 <= 7 && ((first << 8) | second) % 31 === 0;
}

const brotliEncoderWindowBits = 18;

/** Brotli's default quality takes 50 times as long for a tenth less; its default window takes 16 times the memory of this one. */
export const brotliOptions: zlib.BrotliOptions = {
  params: {
    [zlib.constants.BROTLI_PARAM_QUALITY]: 4,
    [zlib.constants.BROTLI_PARAM_LGWIN]: brotliEncoderWindowBits,
  },
};

/** What zlib's decoder and encoder hold with their windows (RFC 1951 §2), and what waits between them. */
const deflateCoderBytes = 768 * 1024;
/** The same for brotli, without the window of the decoder, which the sender of a body chooses. */
const brotliCoderBytes = 3 * 1024 * 1024;

/** The window that a brotli stream wants, in bytes (RFC 7932 §9.1). */
function brotliWindowBytes([first = 0]: Uint8Array): number {
  if ((first & 1) === 0) return 1 << 16;
  const high = (first >> 1) & 7;
  if (high !== 0) return 1 << (17 + high);
  const low = (first >> 4) & 7;
  return 1 << (low === 0 ? 17 : 8 + low);
}

/**
 * What the rewriting of a coded body holds in memory at most beside the body and its result, in bytes: the coders and what waits
 * between them. It does not depend on how far the body expands. `head` is the beginning of the body, of one byte at least.
 */
export function coderBytes(coding: ContentCoding | undefined, head: Uint8Array): number {
  if (coding === undefined || coding === 'identity') return 0;
  return coding === 'br' ? brotliCoderBytes + brotliWindowBytes(head) : deflateCoderBytes;
}

/** Makes the decoder of a coding; `zlibWrapped` tells the two kinds of `deflate` apart. */
export function decoderFor(coding: ContentCoding, zlibWrapped: boolean): Coder {
  if (coding === 'gzip') return zlib.createGunzip();
  if (coding === 'br') return zlib.createBrotliDecompress();
  return zlibWrapped ? zlib.createInflate() : zlib.createInflateRaw();
}

/** Makes the encoder of a coding, as {@link decoderFor} does the decoder. */
export function encoderFor(coding: ContentCoding, zlibWrapped: boolean): Coder {
  if (coding === 'gzip') return zlib.createGzip();
  if (coding === 'br') return zlib.createBrotliCompress(brotliOptions);
  return zlibWrapped ? zlib.createDeflate() : zlib.createDeflateRaw();
}

/** The result for a body whose coding is not known: it leaves as it came. */
export function unreadable(body: Uint8Array): RewrittenMessage {
  return {
    body,
    message: new LazyMessage(undefined, undefined, { urls: [], outcome: 'unchanged', reason: 'content-coding' }),
  };
}

/** Throws where a coding that is not known is to be rejected. */
export function checkUnknownCoding(options: EncodedRewriteOptions): void {
  if (options.unknownCoding !== 'reject') return;
  throw new CwmpProxyError(
    'ERR_CWMP_CONTENT_CODING',
    'Content-Encoding is none of gzip, x-gzip, deflate, br, identity',
  );
}

/** The fault of a body that is not valid in its coding. */
export function invalidCoding(coding: ContentCoding, cause: unknown): CwmpProxyError {
  return new CwmpProxyError('ERR_CWMP_CONTENT_DECODING', `the body is not valid ${coding}`, { cause });
}

/** The fault of a body that goes on behind the end of what is coded. */
export function bytesBehindEnd(coding: ContentCoding, bytes: number): CwmpProxyError {
  return invalidCoding(coding, new Error(`${bytes} bytes stand behind its end`));
}
