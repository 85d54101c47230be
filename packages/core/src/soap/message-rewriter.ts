import { charsetOf, isWide, textDecoder } from './charset.js';
import type { ScannerOptions } from './markup-scanner.js';
import { LazyMessage, maxHeadBytes, type CwmpMessage, type UnchangedReason } from './message.js';
import { UrlFinder } from './url-finder.js';

/** How a message is rewritten. */
export interface RewriteOptions {
  /**
   * Gives the URL that stands in the place of a CPE's ConnectionRequestURL, or undefined to leave it as it is. Called with
   * each absolute http or https URL that is found, decoded, without white space around it.
   */
  rewriteUrl(url: string): string | undefined;
  /** The message's Content-Type, for its charset. Default: none; the declaration decides, else UTF-8. */
  contentType?: string | undefined;
}

/** The same bytes as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function joined(parts: readonly Buffer[]): Buffer {
  const [first] = parts;
  return first !== undefined && parts.length === 1 ? first : Buffer.concat(parts);
}

const maxHeadParts = 16;

/** How a {@link MessageRewriter} goes about it. */
export interface RewriterInternals extends ScannerOptions {
  /** Whether a URL may stand after an offset that is outside of any struct; where none may, the reading ends. */
  mayFollow?: ((offset: number) => boolean) | undefined;
}

/**
 * Rewrites a message as its bytes come; under both {@link InformRewriter} and {@link rewriteMessage}. Bytes leave at once
 * unless they belong to a Value that may have to be replaced.
 */
export class MessageRewriter {
  readonly #options: RewriteOptions;
  readonly #internals: RewriterInternals;
  #finder: UrlFinder | undefined;
  #head: Buffer[] = [];
  #headBytes = 0;
  #wide = false;
  #queue: Buffer[] = [];
  #readTo = 0;
  #sentTo = 0;

  constructor(options: RewriteOptions, internals: RewriterInternals = {}) {
    this.#options = options;
    this.#internals = internals;
  }

  /**
   * Takes the next bytes and returns those that may leave, in order.
   *
   * @param text The same as latin1, where it is known.
   */
  push(chunk: Uint8Array, text?: string): Buffer[] {
    const bytes = asBuffer(chunk);
    this.#queue.push(bytes);
    this.#readTo += bytes.length;
    this.#keepHead(bytes);
    if (this.#finder === undefined && !this.#wide) {
      if (this.#readTo < 2) return [];
      this.#begin(this.#readTo === bytes.length ? text : undefined);
    } else this.#read(bytes);
    return this.#send(this.#finder?.heldFrom(this.#readTo) ?? this.#readTo);
  }

  /** Returns the bytes that were still held back. */
  end(): Buffer[] {
    if (this.#finder === undefined && !this.#wide && this.#readTo > 0) this.#begin();
    this.#finder?.end();
    return this.#send(this.#readTo);
  }

  /** What the message was, as far as it has been read. */
  message(): CwmpMessage {
    const finder = this.#finder;
    const urls = finder?.urls ?? [];
    const reason = this.#reason();
    const outcome = finder?.rewroteAny === true ? 'rewritten' : reason === undefined ? 'none' : 'unchanged';
    const head = this.#wide || this.#headBytes === 0 ? undefined : joined(this.#head);
    return new LazyMessage(head, this.#options.contentType, { urls, outcome, reason });
  }

  #reason(): UnchangedReason | undefined {
    if (this.#wide) return 'utf-16';
    if (this.#finder?.scanner.sawDoctype === true) return 'doctype';
    return this.#finder?.keptReason;
  }

  #keepHead(bytes: Buffer): void {
    if (this.#headBytes >= maxHeadBytes) return;
    const left = maxHeadBytes - this.#headBytes;
    // A copy, where a large chunk would be kept alive for its beginning.
    const part = bytes.length > left ? Buffer.from(bytes.subarray(0, left)) : bytes;
    this.#head.push(part);
    this.#headBytes += part.length;
    // Small chunks would cost more than they hold.
    if (this.#head.length > maxHeadParts) this.#head = [joined(this.#head)];
  }

  #begin(text?: string): void {
    const bytes = joined(this.#queue);
    this.#wide = isWide(bytes);
    if (this.#wide) return;
    const charset = (): string => charsetOf(joined(this.#head), this.#options.contentType);
    const finder = new UrlFinder((url) => this.#options.rewriteUrl(url), textDecoder(charset), this.#internals);
    const { mayFollow } = this.#internals;
    if (mayFollow !== undefined) {
      finder.onStructEnd = (end) => {
        if (!mayFollow(end)) finder.scanner.stop();
      };
    }
    this.#finder = finder;
    this.#read(bytes, text);
  }

  #read(bytes: Buffer, text: string = bytes.toString('latin1')): void {
    this.#finder?.scanner.write(text);
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
    while (this.#sentTo < to) {
      const bytes = this.#queue[0];
      if (bytes === undefined) return;
      const count = to - this.#sentTo;
      if (count >= bytes.length) {
        out?.push(bytes);
        this.#queue.shift();
        this.#sentTo += bytes.length;
      } else {
        out?.push(bytes.subarray(0, count));
        this.#queue[0] = bytes.subarray(count);
        this.#sentTo = to;
      }
    }
  }
}
