import { charsetOf, isWide, textDecoder } from '../scan/charset.js';
import { deviceTags, tagOverlap } from '../device-tags.js';
import { LazyMessage, maxHeadBytes, nothingFound, type CwmpMessage } from '../message.js';
import { asBuffer, type RewriteOptions, wideMessage } from './rewrite-stream.js';
import type { Stepwise } from '../scan/time-slices.js';
import { type Splice, UrlFinder } from './value-finder.js';
import { UrlMarkers } from './markers.js';

/** A body after the rewriting. */
export interface RewrittenMessage {
  /** The body that leaves: the very same object where nothing was replaced. */
  readonly body: Uint8Array;
  /** What the message was. */
  readonly message: CwmpMessage;
}

/** The beginning of a body, without keeping a long one alive. */
function headOf(bytes: Buffer): Buffer {
  return bytes.length <= maxHeadBytes ? bytes : Buffer.from(bytes.subarray(0, maxHeadBytes));
}

/** How much is read in one step. */
const windowBytes = 1 << 14;
/** How much is copied in one step, and how many replacements are counted. */
const copyBytes = 1 << 18;
const countedSplices = 1 << 14;

/** The rewriting of a body that is in memory, in identity coding, step by step. Every other byte stays as it came. */
export class BodyRewriting implements Stepwise {
  readonly #body: Uint8Array;
  readonly #bytes: Buffer;
  readonly #options: RewriteOptions;
  readonly #markers: UrlMarkers;
  #finder: UrlFinder | undefined;
  #charset: string | undefined;
  #readTo = 0;
  /** Where the last struct has ended, while it is not known whether a URL may follow. */
  #openEnd: number | undefined;
  #splicing: Splicing | undefined;

  constructor(body: Uint8Array, options: RewriteOptions) {
    this.#body = body;
    this.#bytes = asBuffer(body);
    this.#options = options;
    this.#markers = new UrlMarkers(this.#bytes);
  }

  /** Does the next step; whether there is another. It throws only what `rewriteUrl` throws. */
  step(): boolean {
    if (this.#splicing !== undefined) return this.#splicing.step();
    const finder = this.#finder;
    if (finder === undefined) return this.#begin();
    if (this.#openEnd !== undefined) {
      this.#stopUnlessMore(finder, this.#openEnd);
      if (this.#openEnd !== undefined) return true;
    }
    const { scanner } = finder;
    if (!scanner.stopped && this.#readTo < this.#bytes.length) {
      const from = this.#readTo;
      this.#readTo += windowBytes;
      scanner.write(this.#bytes.toString('latin1', from, this.#readTo));
    }
    if (!scanner.stopped && this.#readTo < this.#bytes.length) return true;
    finder.end();
    if (finder.splices.length === 0) return false;
    this.#splicing = new Splicing(this.#bytes, finder.splices);
    return this.#splicing.step();
  }

  /** What came of it, after the last step. */
  result(): RewrittenMessage {
    const { contentType } = this.#options;
    if (isWide(this.#bytes)) return { body: this.#body, message: wideMessage(contentType) };
    const found = this.#finder?.result() ?? nothingFound;
    const isLong = this.#bytes.length > maxHeadBytes;
    const namesDeviceBehind = isLong && deviceTags(this.#bytes.subarray(maxHeadBytes - tagOverlap)) > 0;
    const message = new LazyMessage(headOf(this.#bytes), contentType, found, namesDeviceBehind);
    return { body: this.#splicing?.out ?? this.#body, message };
  }

  #begin(): boolean {
    if (isWide(this.#bytes)) return false;
    const any = this.#markers.any;
    if (any !== true) return any === undefined;
    const charset = (): string => (this.#charset ??= charsetOf(this.#bytes, this.#options.contentType));
    const finder = new UrlFinder((url) => this.#options.rewriteUrl(url), textDecoder(charset));
    finder.onStructEnd = (end) => this.#stopUnlessMore(finder, end);
    this.#finder = finder;
    return true;
  }

  /** Ends the reading where no URL can follow. */
  #stopUnlessMore(finder: UrlFinder, end: number): void {
    const more = this.#markers.mayFollow(end);
    this.#openEnd = more === undefined ? end : undefined;
    if (more === false) finder.scanner.stop();
  }
}

/** Puts a body together from what is kept of it and what is replaced, step by step. */
class Splicing implements Stepwise {
  readonly #bytes: Buffer;
  readonly #splices: readonly Splice[];
  #out: Buffer | undefined;
  #length: number;
  #counted = 0;
  #index = 0;
  #read = 0;
  #written = 0;

  constructor(bytes: Buffer, splices: readonly Splice[]) {
    this.#bytes = bytes;
    this.#splices = splices;
    this.#length = bytes.length;
  }

  /** The body, after the last step. */
  get out(): Buffer | undefined {
    return this.#out;
  }

  step(): boolean {
    if (this.#out !== undefined) return this.#copy(this.#out);
    const to = this.#counted + countedSplices;
    for (const { start, end, text } of this.#splices.slice(this.#counted, to))
      this.#length += text.length - (end - start);
    this.#counted = to;
    if (to >= this.#splices.length) this.#out = Buffer.allocUnsafe(this.#length);
    return true;
  }

  #copy(out: Buffer): boolean {
    const from = this.#written;
    while (this.#written - from < copyBytes) {
      const splice = this.#splices[this.#index];
      const keptTo = splice?.start ?? this.#bytes.length;
      const to = Math.min(keptTo, this.#read + copyBytes);
      this.#written += this.#bytes.copy(out, this.#written, this.#read, to);
      this.#read = to;
      if (to < keptTo) return true;
      if (splice === undefined) return false;
      this.#written += out.write(splice.text, this.#written, 'latin1');
      this.#read = splice.end;
      this.#index += 1;
    }
    return true;
  }
}

/**
 * Rewrites each ConnectionRequestURL in a body that is in memory, in identity coding. Every other byte stays as it came.
 * It throws only what `rewriteUrl` throws.
 *
 * It is synchronous: a body of many megabytes holds the event loop for as long as the reading takes, which grows with its length
 * and is at most 25 ms for each 64 KiB, whatever stands in it. {@link InformRewriter} lets others have their turn.
 */
export function rewriteMessage(body: Uint8Array, options: RewriteOptions): RewrittenMessage {
  const rewriting = new BodyRewriting(body, options);
  while (rewriting.step()) {
    // each step reads or copies a part
  }
  return rewriting.result();
}
