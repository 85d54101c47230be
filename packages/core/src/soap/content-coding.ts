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

/** What a decoding gives with zlib's option `info`: the bytes, and the decoder, which tells how much of its input it used. */
interface Decoding {
  buffer: Buffer;
  engine: { bytesWritten: number };
}

interface DecodeOptions {
  maxOutputLength: number;
  info: true;
}

/** Always a {@link Decoding}; the types of zlib do not know what `info` gives. */
type Decode = (body: Uint8Array, options: DecodeOptions) => Promise<Buffer | Decoding>;

const gunzip: Decode = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gunzip);
const gzip = promisify<Uint8Array, Buffer>(zlib.gzip);
const inflate: Decode = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflate);
const deflate = promisify<Uint8Array, Buffer>(zlib.deflate);
const inflateRaw: Decode = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflateRaw);
const deflateRaw = promisify<Uint8Array, Buffer>(zlib.deflateRaw);
const brotliDecompress: Decode = promisify<Uint8Array, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress);
const brotliCompress = promisify<Uint8Array, zlib.BrotliOptions, Buffer>(zlib.brotliCompress);

interface Codec {
  decode: Decode;
  encode(body: Uint8Array): Promise<Buffer>;
}

function codecFor(coding: ContentCoding, body: Uint8Array): Codec {
  if (coding === 'gzip') return { decode: gunzip, encode: gzip };
  if (coding === 'br') return { decode: brotliDecompress, encode: (bytes) => brotliCompress(bytes, brotliOptions) };
  return hasZlibHeader(body) ? { decode: inflate, encode: deflate } : { decode: inflateRaw, encode: deflateRaw };
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

async function rewriteCoded(
  body: Uint8Array,
  coding: ContentCoding,
  options: EncodedRewriteOptions,
): Promise<RewrittenMessage> {
  const codec = codecFor(coding, body);
  const maxOutputLength = decodedLimit(body.length, options);
  let decoding: Buffer | Decoding;
  try {
    decoding = await codec.decode(body, { maxOutputLength, info: true });
  } catch (error) {
    if (!(error instanceof RangeError)) throw invalidCoding(coding, error);
    const message = `a ${coding} body of ${body.length} bytes expands to more than ${maxOutputLength}`;
    throw new CwmpProxyError('ERR_CWMP_BODY_TOO_LARGE', message, { cause: error });
  }
  const used = 'engine' in decoding ? decoding.engine.bytesWritten : body.length;
  if (used < body.length) throw bytesBehindEnd(coding, body.length - used);
  const decoded = 'engine' in decoding ? decoding.buffer : decoding;
  const rewritten = rewriteMessage(decoded, options);
  if (rewritten.body === decoded) return { body, message: rewritten.message };
  return { body: await codec.encode(rewritten.body), message: rewritten.message };
}

/**
 * Rewrites a body that is in memory, in the content coding that is named, and gives it back in the same one: the very same
 * object where nothing was replaced. In identity coding the answer is there at once, not a promise.
 *
 * A body that is not valid in its coding rejects with `ERR_CWMP_CONTENT_DECODING` (400): it is something else, it ends in the
 * middle, or bytes stand behind its end (zero bytes too, which zlib would pass over). It does not leave as it came, because a
 * longer one, which streams, cannot: by the time its fault shows, a part of it has been decoded and encoded anew. An ACS would
 * get its URL as the CPE wrote it, or be the only one to read what stands behind the end. One that expands beyond the limits
 * rejects with `ERR_CWMP_BODY_TOO_LARGE`. An empty body stays empty, whatever coding is named.
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
