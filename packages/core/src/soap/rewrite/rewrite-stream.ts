import { Transform, type TransformCallback, type TransformOptions } from 'node:stream';
import { type CwmpMessage, LazyMessage, maxHeadBytes, nothingFound } from '../message.js';
import { inSlices, type Stepwise } from '../scan/time-slices.js';
import { charsetBytes, charsetOf, isWide, textDecoder } from '../scan/charset.js';
import { HeldBytes } from './held-bytes.js';
import type { ScannerOptions } from '../scan/markup-scanner.js';
import { DeviceTagSearch } from '../device-tags.js';
import { UrlFinder } from './value-finder.js';

/** How much of a chunk is read in one step. */
const partBytes = 1 << 14;
/** More pieces than this, which one step gives, are put together. */
const maxParts = 4;

/**
 * Rewrites each ConnectionRequestURL in a message that streams through, in identity coding. Emits `message`, with the
 * {@link CwmpMessage}, once: after the last byte was read and before `end`. What `rewriteUrl` throws ends the stream.
 *
 * It holds back the first byte, until the second tells UTF-16, and from the beginning of a Value that may have to be replaced
 * to its end: at most 48 KiB. Everything else leaves with the chunk it came in. A long chunk is read in slices, between which
 * the event loop goes on.
 */
export class InformRewriter extends Transform {
  readonly #rewriter: MessageRewriter;
  #final: CwmpMessage | undefined;

  /** @param stream How the stream works: its `highWaterMark`, Node's by default. */
  constructor(options: RewriteOptions, stream?: Pick<TransformOptions, 'highWaterMark'>) {
    super(stream);
    this.#rewriter = new MessageRewriter(options);
  }

  /** What the message was: final once the stream has ended, until then as far as it was read. */
  get message(): CwmpMessage {
    return this.#final ?? this.#rewriter.message();
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, callback: TransformCallback): void {
    const fail = (error: unknown): void => callback(error instanceof Error ? error : new Error(String(error)));
    let later: Promise<void> | undefined;
    try {
      later = inSlices(this.#reading(chunk));
    } catch (error) {
      return fail(error);
    }
    if (later === undefined) callback();
    // oxlint-disable-next-line promise/no-callback-in-promise -- a stream knows no promise
    else void later.then(() => callback(), fail);
  }

  override _flush(callback: TransformCallback): void {
    try {
      for (const part of this.#rewriter.end()) this.push(part);
    } catch (error) {
      return callback(error instanceof Error ? error : new Error(String(error)));
    }
    this.#final = this.#rewriter.message();
    this.emit('message', this.#final);
    callback();
  }

  /** The reading of a chunk, a part in each step. */
  #reading(chunk: Uint8Array): Stepwise {
    let at = 0;
    return {
      step: () => {
        if (this.destroyed) return false;
        const part = chunk.length > partBytes ? chunk.subarray(at, at + partBytes) : chunk;
        at += partBytes;
        const parts = this.#rewriter.push(part);
        // Whoever takes them has a cost for each.
        if (parts.length > maxParts) this.push(Buffer.concat(parts));
        else for (const bytes of parts) this.push(bytes);
        return at < chunk.length;
      },
    };
  }
}

/** How a message is rewritten. */
export interface RewriteOptions {
  /**
   * Gives the URL that stands in the place of a CPE's ConnectionRequestURL; `undefined` to leave it as it is (reason `kept`), `false`
   * where it is no URL that can be used (reason `not-a-url`). Called with each absolute http or https URL that is found, decoded,
   * without white space around it.
   */
  rewriteUrl(url: string): string | undefined | false;
  /** The message's Content-Type, for its charset. Default: none; the declaration decides, else UTF-8. */
  contentType?: string | undefined;
}

/** The same bytes as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const noBytes = Buffer.alloc(0);

/** What a message is told to be that is in UTF-16 or UTF-32. */
export function wideMessage(contentType: string | undefined): CwmpMessage {
  return new LazyMessage(undefined, contentType, { urls: [], outcome: 'unchanged', reason: 'utf-16' });
}

/**
 * Rewrites a message as its bytes come; under both {@link InformRewriter} and {@link rewriteMessage}. Bytes leave at once
 * unless they belong to a Value that may have to be replaced.
 */
export class MessageRewriter {
  readonly #options: RewriteOptions;
  readonly #scanning: ScannerOptions | undefined;
  #finder: UrlFinder | undefined;
  /** The beginning of the message, with room behind it where it has come in pieces. */
  #head: Buffer = noBytes;
  #ownsHead = false;
  #headBytes = 0;
  /** What is behind the beginning. */
  #behind: DeviceTagSearch | undefined;
  #knownCharset: string | undefined;
  #wide = false;
  readonly #held = new HeldBytes();
  #readTo = 0;
  #sentTo = 0;

  constructor(options: RewriteOptions, scanning?: ScannerOptions) {
    this.#options = options;
    this.#scanning = scanning;
  }

  /** Takes the next bytes and returns those that may leave, in order. */
  push(chunk: Uint8Array): Buffer[] {
    const bytes = asBuffer(chunk);
    if (bytes.length === 0) return [];
    const isFirstHeld = this.#sentTo === this.#readTo;
    this.#readTo += bytes.length;
    this.#keepHead(bytes);
    if (this.#finder !== undefined || this.#wide) this.#read(bytes);
    else if (this.#readTo >= 2) this.#begin(bytes);
    const to = this.#leavesTo();
    const isReplaced = (this.#finder?.splices.length ?? 0) > 0;
    // Most that comes is held back by nothing.
    if (isFirstHeld && to === this.#readTo && !isReplaced) {
      this.#sentTo = to;
      return [bytes];
    }
    this.#held.push(bytes);
    return to === this.#sentTo && !isReplaced ? [] : this.#send(to);
  }

  /** The offset up to which bytes may leave. */
  #leavesTo(): number {
    if (this.#finder !== undefined) return this.#finder.heldFrom(this.#readTo);
    return this.#wide ? this.#readTo : 0;
  }

  /** Returns the bytes that were still held back. */
  end(): Buffer[] {
    if (this.#finder === undefined && !this.#wide && this.#readTo > 0) this.#begin(noBytes);
    this.#finder?.end();
    return this.#send(this.#readTo);
  }

  /** What the message was, as far as it has been read. */
  message(): CwmpMessage {
    if (this.#wide) return wideMessage(this.#options.contentType);
    const head = this.#headBytes === 0 ? undefined : this.#headSoFar();
    const found = this.#finder?.result() ?? nothingFound;
    return new LazyMessage(head, this.#options.contentType, found, this.#behind?.found);
  }

  #keepHead(bytes: Buffer): void {
    if (this.#headBytes >= maxHeadBytes) {
      this.#lookBehind(bytes);
      return;
    }
    const known = this.#headBytes;
    const length = Math.min(known + bytes.length, maxHeadBytes);
    this.#headBytes = length;
    if (known === 0 && bytes.length <= maxHeadBytes) {
      this.#head = bytes;
      return;
    }
    // Twice as long each time: chunks may be small and many. And a copy, where a large chunk would be kept alive for its beginning.
    if (known === 0 || length > this.#head.length || !this.#ownsHead) {
      const longer = Buffer.allocUnsafe(Math.min(2 * length, maxHeadBytes));
      this.#head.copy(longer, 0, 0, known);
      this.#head = longer;
      this.#ownsHead = true;
    }
    bytes.copy(this.#head, known, 0, length - known);
    if (known + bytes.length > length) this.#lookBehind(bytes.subarray(length - known));
  }

  #lookBehind(bytes: Buffer): void {
    this.#behind ??= new DeviceTagSearch(this.#headSoFar());
    this.#behind.push(bytes);
  }

  #headSoFar(): Buffer {
    return this.#head.subarray(0, this.#headBytes);
  }

  /** Begins with the second byte; `bytes` came last. */
  #begin(bytes: Buffer): void {
    const head = this.#headSoFar();
    this.#wide = isWide(head);
    if (this.#wide) return;
    const decode = textDecoder(() => this.#charset());
    this.#finder = new UrlFinder((url) => this.#options.rewriteUrl(url), decode, this.#scanning);
    this.#read(head.subarray(0, this.#readTo - bytes.length));
    this.#read(bytes);
  }

  /** Asked for each text that is not ASCII, of which a message may have very many. */
  #charset(): string {
    if (this.#knownCharset !== undefined) return this.#knownCharset;
    const found = charsetOf(this.#headSoFar(), this.#options.contentType);
    if (this.#headBytes >= charsetBytes) this.#knownCharset = found;
    return found;
  }

  #read(bytes: Buffer): void {
    if (bytes.length > 0) this.#finder?.scanner.write(bytes.toString('latin1'));
  }

  #send(to: number): Buffer[] {
    const out: Buffer[] = [];
    for (const splice of this.#finder?.splices.splice(0) ?? []) {
      this.#sendTo(splice.start, out);
      this.#sendTo(splice.end, undefined);
      out.push(Buffer.from(splice.text, 'latin1'));
    }
    this.#sendTo(to, out);
    return out;
  }

  #sendTo(to: number, out: Buffer[] | undefined): void {
    if (to <= this.#sentTo) return;
    this.#held.take(to - this.#sentTo, out);
    this.#sentTo = to;
  }
}
