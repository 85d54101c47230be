import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { CwmpProxyError } from '../errors.js';
import { decodedLimit, type DecodingLimits } from './decoding-limits.js';
import { LazyMessage } from './message.js';
import type { RewriteOptions } from './message-rewriter.js';
import { rewriteMessage, type RewrittenMessage } from './rewrite-message.js';

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

/** Brotli's default quality takes 50 times as long for a tenth less. */
export const brotliOptions: zlib.BrotliOptions = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } };

const gunzip = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gunzip);
const gzip = promisify<Uint8Array, Buffer>(zlib.gzip);
const inflate = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflate);
const deflate = promisify<Uint8Array, Buffer>(zlib.deflate);
const inflateRaw = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflateRaw);
const deflateRaw = promisify<Uint8Array, Buffer>(zlib.deflateRaw);
const brotliDecompress = promisify<Uint8Array, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress);
const brotliCompress = promisify<Uint8Array, zlib.BrotliOptions, Buffer>(zlib.brotliCompress);

interface Codec {
  decode(body: Uint8Array, options: { maxOutputLength: number }): Promise<Buffer>;
  encode(body: Uint8Array): Promise<Buffer>;
}

function codecFor(coding: ContentCoding, body: Uint8Array): Codec {
  if (coding === 'gzip') return { decode: gunzip, encode: gzip };
  if (coding === 'br') return { decode: brotliDecompress, encode: (bytes) => brotliCompress(bytes, brotliOptions) };
  return hasZlibHeader(body) ? { decode: inflate, encode: deflate } : { decode: inflateRaw, encode: deflateRaw };
}

/** The answer for a body whose coding cannot be read: it leaves as it came. */
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

async function rewriteCoded(
  body: Uint8Array,
  coding: ContentCoding,
  options: EncodedRewriteOptions,
): Promise<RewrittenMessage> {
  const codec = codecFor(coding, body);
  const maxOutputLength = decodedLimit(body.length, options);
  let decoded: Buffer;
  try {
    decoded = await codec.decode(body, { maxOutputLength });
  } catch (error) {
    if (!(error instanceof RangeError)) return unreadable(body);
    const message = `a ${coding} body of ${body.length} bytes expands to more than ${maxOutputLength}`;
    throw new CwmpProxyError('ERR_CWMP_BODY_TOO_LARGE', message, { cause: error });
  }
  const rewritten = rewriteMessage(decoded, options);
  if (rewritten.body === decoded) return { body, message: rewritten.message };
  return { body: await codec.encode(rewritten.body), message: rewritten.message };
}

/**
 * Rewrites a body that is in memory, in the content coding that is named, and gives it back in the same one: the very same
 * object where nothing was replaced. In identity coding the answer is there at once, not a promise. A body that is not valid
 * in its coding leaves as it came, with the reason `content-coding`; one that expands beyond the limits rejects with
 * `ERR_CWMP_BODY_TOO_LARGE`.
 */
export function rewriteEncodedMessage(
  body: Uint8Array,
  options: EncodedRewriteOptions,
): RewrittenMessage | Promise<RewrittenMessage> {
  const coding = contentCodingOf(options.contentEncoding);
  // Some CPEs name a coding with an empty POST too.
  if (coding === 'identity' || body.length === 0) return rewriteMessage(body, options);
  if (coding !== undefined) return rewriteCoded(body, coding, options);
  checkUnknownCoding(options);
  return unreadable(body);
}
