import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { CwmpProxyError } from '../../errors.js';
import {
  brotliOptions,
  bytesBehindEnd,
  checkUnknownCoding,
  contentCodingOf,
  decoderFor,
  encoderFor,
  hasZlibHeader,
  invalidCoding,
  unreadable,
  type ContentCoding,
  type EncodedRewriteOptions,
  decodedLimit,
} from './content-coding.js';
import type { CwmpMessage } from '../message.js';
import { MessageRewriter } from '../rewrite/rewrite-stream.js';
import { BodyRewriting, type RewrittenMessage } from '../rewrite/rewrite-whole.js';
import { inSlices } from '../scan/time-slices.js';

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
/** How much of a longer one is read in one step. */
const partBytes = 1 << 14;
const noBytes = Buffer.alloc(0);

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
    return rewriteLong(body, coding, limit, options);
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

/** The body as it is decoded, no more of it at once than was asked for. */
async function* decodedPieces(body: Uint8Array, coding: ContentCoding, limit: number): AsyncGenerator<Buffer> {
  const decoder = decoderFor(coding, hasZlibHeader(body));
  decoder.end(body);
  let length = 0;
  try {
    for await (const piece of decoder) {
      const bytes: unknown = piece;
      if (!Buffer.isBuffer(bytes)) continue;
      length += bytes.length;
      if (length > limit) throw tooLarge(body, coding, limit);
      yield bytes;
    }
  } catch (error) {
    throw error instanceof CwmpProxyError ? error : invalidCoding(coding, error);
  }
  const rest = body.length - decoder.bytesWritten;
  if (rest > 0) throw bytesBehindEnd(coding, rest);
}

/**
 * Rewrites a body that is long when it is decoded piece by piece, so that no more of it is in memory than is being read. It is
 * encoded anew only where something is replaced: until that is known the pieces go nowhere, and are decoded a second time then.
 */
class LongRewriting {
  readonly #pieces: () => AsyncIterable<Buffer>;
  readonly #rewriter: MessageRewriter;
  /** How much was read until the first URL was replaced. */
  #readTo = 0;
  /** How much of that leaves as it came, before the first URL. */
  #keptTo = 0;
  /** What leaves with the first URL that is replaced. */
  #first: Buffer | undefined;

  constructor(pieces: () => AsyncIterable<Buffer>, options: EncodedRewriteOptions) {
    this.#pieces = pieces;
    this.#rewriter = new MessageRewriter(options);
  }

  /** What the message was, as far as it was read. */
  get message(): CwmpMessage {
    return this.#rewriter.message();
  }

  /** Reads up to the first URL that has to be replaced; whether there is one. */
  async findsUrl(): Promise<boolean> {
    for await (const piece of this.#pieces()) {
      const bytes = await this.#read(piece);
      this.#readTo += piece.length;
      if (this.message.outcome === 'rewritten') {
        this.#first = bytes;
        return true;
      }
      this.#keptTo += bytes.length;
    }
    this.#rewriter.end();
    return false;
  }

  /** The whole body, rewritten, after {@link findsUrl} has found one. */
  async *rewritten(): AsyncGenerator<Buffer> {
    let at = 0;
    for await (const piece of this.#pieces()) {
      const end = at + piece.length;
      if (at < this.#keptTo) yield piece.subarray(0, this.#keptTo - at);
      if (at < this.#readTo && end >= this.#readTo) yield this.#first ?? noBytes;
      if (end > this.#readTo) yield this.#read(piece.subarray(Math.max(0, this.#readTo - at)));
      at = end;
    }
    yield* this.#rewriter.end();
  }

  /** In one piece: a coder goes to another thread for each. */
  async #read(piece: Buffer): Promise<Buffer> {
    const parts: Buffer[] = [];
    let at = 0;
    await inSlices({
      step: () => {
        for (const part of this.#rewriter.push(piece.subarray(at, at + partBytes))) parts.push(part);
        at += partBytes;
        return at < piece.length;
      },
    });
    return Buffer.concat(parts);
  }
}

async function rewriteLong(
  body: Uint8Array,
  coding: ContentCoding,
  limit: number,
  options: EncodedRewriteOptions,
): Promise<RewrittenMessage> {
  const rewriting = new LongRewriting(() => decodedPieces(body, coding, limit), options);
  if (!(await rewriting.findsUrl())) return { body, message: rewriting.message };
  const parts: Buffer[] = [];
  const sink = new Writable({
    write(part: Buffer, _encoding, done) {
      parts.push(part);
      done();
    },
  });
  await pipeline(rewriting.rewritten(), encoderFor(coding, hasZlibHeader(body)), sink);
  return { body: Buffer.concat(parts), message: rewriting.message };
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
