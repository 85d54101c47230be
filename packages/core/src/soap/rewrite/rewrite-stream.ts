import { charsetBytes, charsetOf, isWide, textDecoder } from '../scan/charset.js';
import { HeldBytes } from './held-bytes.js';
import type { ScannerOptions } from '../scan/markup-scanner.js';
import { DeviceTagSearch } from '../device-tags.js';
import { LazyMessage, maxHeadBytes, nothingFound, type CwmpMessage } from '../message.js';
import { UrlFinder } from './value-finder.js';

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
