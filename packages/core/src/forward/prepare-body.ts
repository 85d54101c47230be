import type { IncomingMessage } from 'node:http';
import { type Readable, pipeline } from 'node:stream';
import type { Hold } from '../http/held-room.js';
import { type EncodedRewriteOptions, coderBytes, contentCodingOf } from '../soap/coding/content-coding.js';
import { type CwmpMessage, type DeviceId, LazyMessage, nothingFound } from '../soap/message.js';
import { rewriteEncodedMessage } from '../soap/coding/rewrite-body.js';
import { rewriteStages } from '../soap/rewrite/rewrite-stages.js';
import type { SessionAnswer } from '../sessions/session.js';
import { readBody, streamBytes } from './read-body.js';
import { type BodyLimits, RequestBody } from './request-body.js';

/** What the bodies of CPEs are prepared with. */
export interface PrepareSettings extends BodyLimits {
  /** The proxied form of a CPE's URL, or `undefined` to leave it. */
  rewriteUrl: (url: string) => string | undefined | false;
  /** Maximum number of bytes that a compressed body may expand to. */
  maxDecodedBytes: number;
  /** Whether a body in a content coding that is not known leaves as it came or is refused. */
  unknownCoding: 'pass' | 'reject';
}

/** What is known of a message before it goes. */
type PreparedMessage = Partial<Pick<Prepared, 'message' | 'length' | 'streamed'>> & { beginning?: CwmpMessage };

/** A request's body, ready for a backend. */
export class Prepared {
  /** The whole body, or a stream of it. */
  readonly body: Buffer | Readable;
  /** What the body is in the course of a session. */
  readonly kind: Exclude<SessionAnswer['to'], 'transfer'>;
  /** Content-Length of a stream that leaves as it came. */
  readonly length: string | undefined;
  /** What the message is; `undefined` for no message, while it streams, and once it was told of. */
  message: CwmpMessage | undefined;
  /** What the message was, once it has streamed through; `undefined` where it does not stream. */
  readonly streamed: Promise<CwmpMessage> | undefined;
  readonly #beginning: CwmpMessage | undefined;

  constructor(body: Buffer | Readable, { message, beginning, length, streamed }: PreparedMessage = {}) {
    this.body = body;
    this.kind = Buffer.isBuffer(body) && body.length === 0 ? 'empty' : 'message';
    this.message = message;
    this.length = length;
    this.streamed = streamed;
    this.#beginning = beginning;
  }

  /** What its beginning tells: all of a message that is whole; `undefined` for no message, and once it was told of. */
  get beginning(): CwmpMessage | undefined {
    return this.message ?? this.#beginning;
  }

  /** Whether a session begins with it; looked for when it is asked for first. */
  get isInform(): boolean {
    return this.beginning?.isInform ?? false;
  }

  /** The DeviceId of an Inform. */
  get device(): DeviceId | undefined {
    return this.beginning?.device;
  }

  /** The longest quiet time that an Inform asks for, in seconds (TR-069 A6 §3.7.1.1). */
  get sessionTimeout(): number | undefined {
    const message = this.beginning;
    // Few name one, which is quickly seen.
    const timeout = message?.sessionTimeout;
    return timeout !== undefined && message?.isInform === true ? timeout : undefined;
  }

  /** It goes nowhere. */
  discard(): void {
    if (!Buffer.isBuffer(this.body)) this.body.destroy();
  }
}

/**
 * Reads a request's body as far as it may be held and rewrites it: whole where it is short, else as it streams. Only a POST
 * is a message; what goes by PUT is a file (TR-069 A6 §A.3.2.8), which nothing changes.
 *
 * @param holds Is given the room that the body and its coders take, for the caller to release when the exchange is over.
 *
 * Rejects with a {@link CwmpProxyError} of the body's way in (see {@link readBody}), of its content coding, or `ERR_CWMP_BUSY` when
 * there is no room for its coders in time.
 */
export async function prepareBody(
  request: IncomingMessage,
  settings: PrepareSettings,
  holds: Hold[],
): Promise<Prepared> {
  const { whole, bytes } = await readBody(request, settings, holds);
  const { 'content-type': contentType, 'content-encoding': contentEncoding } = request.headers;
  const isMessage = request.method === 'POST';
  const [hold] = holds;
  if (hold === undefined || (whole && !isMessage)) return new Prepared(bytes);
  if (!whole) hold.resize(streamBytes);
  if (!isMessage) {
    return new Prepared(new RequestBody(request, settings, holds), { length: request.headers['content-length'] });
  }
  const { rewriteUrl, maxDecodedBytes, unknownCoding, budget } = settings;
  const rewriting: EncodedRewriteOptions = {
    rewriteUrl,
    contentType,
    contentEncoding,
    maxDecodedBytes,
    unknownCoding,
  };
  let coders: Hold | undefined;
  if (contentEncoding !== undefined) {
    const coderRoom = coderBytes(contentCodingOf(contentEncoding), bytes);
    const room = whole ? budget.coders : budget.streamCoders;
    if (coderRoom > 0) holds.push((coders = await room.take(request, coderRoom)));
  }
  if (!whole) return prepareStream(request, bytes, settings, rewriting, holds);
  const rewritten = rewriteEncodedMessage(bytes, rewriting);
  const { body, message } = rewritten instanceof Promise ? await rewritten : rewritten;
  const buffer = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  hold.resize(buffer.length);
  coders?.release();
  return new Prepared(buffer, { message });
}

function prepareStream(
  request: IncomingMessage,
  head: Buffer,
  settings: PrepareSettings,
  rewriting: EncodedRewriteOptions,
  holds: readonly Hold[],
): Prepared {
  const rewriter = rewriteStages(rewriting);
  const source = new RequestBody(request, settings, holds);
  const [first, ...others] = rewriter.stages;
  if (first === undefined) {
    return new Prepared(source, { message: rewriter.message(), length: request.headers['content-length'] });
  }
  // Of a compressed message the beginning cannot be read here; that it is an Inform shows in its event only.
  const readable = contentCodingOf(rewriting.contentEncoding) === 'identity' ? head : undefined;
  const beginning = new LazyMessage(readable, rewriting.contentType, nothingFound);
  const last = others.at(-1) ?? first;
  const streamed = new Promise<CwmpMessage>((resolve) => {
    pipeline([source, ...rewriter.stages], (error) => {
      // What destroys one stage destroys the others, and with them the exchange that reads from the last.
      if (!error) resolve(rewriter.message());
    });
  });
  return new Prepared(last, { beginning, streamed });
}
