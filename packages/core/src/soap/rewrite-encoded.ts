import { Readable, Writable, pipeline } from 'node:stream';
import { pipeline as pipelineEnd } from 'node:stream/promises';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { CwmpProxyError } from '../errors.js';
import {
  brotliOptions,
  bytesBehindEnd,
  checkUnknownCoding,
  contentCodingOf,
  hasZlibHeader,
  invalidCoding,
  unreadable,
  type ContentCoding,
  type EncodedRewriteOptions,
} from './content-coding.js';
import { decodedLimit } from './decoding-limits.js';
import type { CwmpMessage } from './message.js';
import { BodyRewriting, type RewrittenMessage } from './rewrite-message.js';
import { decodingStages, rewriteStages } from './rewrite-stages.js';
import { inSlices } from './time-slices.js';

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

/** Longest decoded body that is held whole. A longer one is decoded as it is read, since it may be a hundred times as long as it came. */
const maxWholeBytes = 65_536;

function tooLarge(body: Uint8Array, coding: ContentCoding, limit: number, cause?: unknown): CwmpProxyError {
  const message = `a ${coding} body of ${body.length} bytes expands to more than ${limit}`;
  return new CwmpProxyError('ERR_CWMP_BODY_TOO_LARGE', message, { cause });
}

async function rewriteCoded(
  body: Uint8Array,
  coding: ContentCoding,
  options: EncodedRewriteOptions,
): Promise<RewrittenMessage> {
  const codec = codecFor(coding, body);
  const limit = decodedLimit(body.length, options);
  let decoding: Buffer | Decoding;
  try {
    decoding = await codec.decode(body, { maxOutputLength: Math.min(limit, maxWholeBytes), info: true });
  } catch (error) {
    if (!(error instanceof RangeError)) throw invalidCoding(coding, error);
    if (limit <= maxWholeBytes) throw tooLarge(body, coding, limit, error);
    return rewriteLong(body, coding, options);
  }
  const used = 'engine' in decoding ? decoding.engine.bytesWritten : body.length;
  if (used < body.length) throw bytesBehindEnd(coding, body.length - used);
  const decoded = 'engine' in decoding ? decoding.buffer : decoding;
  const rewriting = new BodyRewriting(decoded, options);
  await inSlices(rewriting);
  const rewritten = rewriting.result();
  if (rewritten.body === decoded) return { body, message: rewritten.message };
  return { body: await codec.encode(rewritten.body), message: rewritten.message };
}

/**
 * Rewrites a body that is long when it is decoded, as a stream, so that no more of it is in memory than is being read: once to see
 * whether there is anything to replace, and where there is, a second time to replace it and encode it anew.
 */
async function rewriteLong(
  body: Uint8Array,
  coding: ContentCoding,
  options: EncodedRewriteOptions,
): Promise<RewrittenMessage> {
  const unchanged = await readLong(body, coding, options);
  if (unchanged !== undefined) return { body, message: unchanged };
  const { stages, message } = rewriteStages(options);
  const parts: Buffer[] = [];
  const sink = new Writable({
    write(part: Buffer, _encoding, done) {
      parts.push(part);
      done();
    },
  });
  await pipelineEnd([Readable.from([body]), ...stages, sink]);
  return { body: Buffer.concat(parts), message: message() };
}

/** What the message is; `undefined` as soon as a URL in it has to be replaced. */
function readLong(
  body: Uint8Array,
  coding: ContentCoding,
  options: EncodedRewriteOptions,
): Promise<CwmpMessage | undefined> {
  const { decoder, rewriter } = decodingStages(coding, options);
  const isFound = (): boolean => rewriter.message.outcome === 'rewritten';
  return new Promise((resolve, reject) => {
    // What leaves is not looked at.
    rewriter.on('data', () => {
      if (isFound()) rewriter.destroy();
    });
    pipeline([Readable.from([body]), decoder, rewriter], (error) => {
      if (isFound()) resolve(undefined);
      else if (error) reject(error);
      else resolve(rewriter.message);
    });
  });
}

/**
 * Rewrites a body that is in memory, in the content coding that is named, and gives it back in the same one: the very same
 * object where nothing was replaced. In identity coding the answer of a short body is there at once, not a promise; a body that
 * takes long is read in slices, between which the event loop goes on. However far a coded body expands, what is in memory is the
 * body, its result and what {@link coderBytes} says.
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
  if (coding === 'identity' || body.length === 0) {
    const rewriting = new BodyRewriting(body, options);
    const later = inSlices(rewriting);
    return later === undefined ? rewriting.result() : later.then(() => rewriting.result());
  }
  if (coding !== undefined) return rewriteCoded(body, coding, options);
  checkUnknownCoding(options);
  return unreadable(body);
}
