import { maxTextBytes, maxDepth, maxTagBytes } from './limits.js';
import { MissedUrlWatch, PlainMarkers } from '../rewrite/markers.js';
import { OpenElements, maskTag } from './open-elements.js';
import { endOfPlainRun, plainElement, runDepth } from './plain-run.js';

/** Keeps the raw content of one element while it is read, {@link maxTextBytes} at most and what one chunk adds. */
class TextCapture {
  #from = -1;
  #kept = '';

  /** Begins at an offset of the message. */
  begin(offset: number): void {
    this.#kept = '';
    this.#from = offset;
  }

  /** Takes what `buffer`, which begins at the offset `base`, holds of the content up to `to`, before the buffer goes. */
  keep(buffer: string, base: number, to: number): void {
    if (this.#from < 0 || this.#kept.length > maxTextBytes) return;
    this.#kept += buffer.slice(Math.max(this.#from - base, 0), to);
  }

  /** The content up to `offset`, the last of which `buffer` holds; undefined where it is too long or was never begun. */
  end(offset: number, buffer: string, base: number): string | undefined {
    const from = this.#from;
    this.#from = -1;
    if (from < 0 || offset - from > maxTextBytes) return undefined;
    return this.#kept + buffer.slice(Math.max(from - base, 0), offset - base);
  }
}

/** What the scanner tells its reader. Offsets count the bytes of the message from 0. */
export interface MarkupHandler {
  /** An element begins; `end` is the offset after its start tag. */
  onOpen(name: string, end: number): void;
  /** The innermost element ends at `end`, before the tag that ends it. */
  onClose(end: number): void;
  /**
   * Whether elements that hold nothing but text, and elements with such, mean nothing to this reader where it stands, as
   * long as the name of the ConnectionRequestURL does not stand in them.
   */
  passesPlainRuns(): boolean;
}

/** How a {@link MarkupScanner} reads. */
export interface ScannerOptions {
  /**
   * Whether work that changes nothing is left out: well-formed runs of elements are passed over where the reader allows, and of
   * a well-formed start tag saxes gets the name only. Default true; false is for the test that shows that it changes nothing.
   */
  shortcuts?: boolean | undefined;
}

type Mode = 'text' | 'comment' | 'cdata' | 'instruction';
const terminators: Readonly<Record<Mode, string>> = { text: '<', comment: '-->', cdata: ']]>', instruction: '?>' };
const declarations = [
  ['<!--', 'comment'],
  ['<![CDATA[', 'cdata'],
  ['<!DOCTYPE', 'doctype'],
] as const;

const slash = 0x2f;
const bang = 0x21;
const question = 0x3f;
const endTagName = /[ \t\r\n]*([^ \t\r\n>/='"]*)/y;

function beginsName(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || code === 0x3a || code > 0x7f
  );
}

/**
 * Finds the markup of a message in bytes that are read as latin1, so that one char is one byte, and hands each tag to saxes,
 * which decides what it is and what it closes. Text, comments, CDATA and processing instructions are passed over: they
 * change no structure. What is kept is one unfinished tag ({@link maxTagBytes}), one captured content
 * (as {@link TextCapture} does) and the names of the open elements ({@link maxDepth}).
 *
 * Faults that are followed: a stray `&` or `<`, control characters, an end tag that nothing is open for (passed over) or
 * that holds more than a name, missing end tags, several document elements, text before the declaration.
 */
export class MarkupScanner {
  readonly #handler: MarkupHandler;
  readonly #open: OpenElements;
  readonly #shortcuts: boolean;
  readonly #capture = new TextCapture();
  #buffer = '';
  #base = 0;
  #at = 0;
  #mode: Mode = 'text';
  /** Whether the buffer ends with a tag whose `>` has yet to come. */
  #awaitsTagEnd = false;
  /** What saxes has read of an unfinished tag; it is in the buffer no more, so that what follows is not put behind it anew each time. */
  #begun = '';
  #opened = false;
  #closeAt = 0;
  #tagEnd = 0;
  #sawElement = false;
  #sawDoctype = false;
  #stopped = false;
  #lostAt: number | undefined;
  /** Sees what is not read: after the structure was lost, or inside of a comment and its like that goes on. */
  #unread: MissedUrlWatch | undefined;
  /** Where a run was last looked for, or ended. */
  #runTriedAt = -1;
  readonly #markers = new PlainMarkers();

  constructor(handler: MarkupHandler, options: ScannerOptions = {}) {
    this.#handler = handler;
    this.#shortcuts = options.shortcuts ?? true;
    this.#open = new OpenElements({
      onOpen: (name) => {
        this.#opened = true;
        this.#sawElement = true;
        this.#handler.onOpen(name, this.#tagEnd);
      },
      onClose: () => this.#handler.onClose(this.#closeAt),
    });
  }

  /** The offset from which on nothing is read, as the structure cannot be followed or a document type declaration stands there. */
  get lostAt(): number | undefined {
    return this.#lostAt;
  }

  /** Whether a document type declaration before the first element ended the reading. */
  get sawDoctype(): boolean {
    return this.#sawDoctype;
  }

  /** The start tag that is being told, as latin1. */
  get startTag(): string {
    return this.#begun + this.#buffer.slice(this.#at, this.#tagEnd - this.#base);
  }

  /** Whether the reading has ended, by {@link stop} or since the structure was lost. */
  get ended(): boolean {
    return this.#stopped || this.#lostAt !== undefined;
  }

  /** Whether the reading was ended by {@link stop}. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Ends the reading after the tag or element that is being told. */
  stop(): void {
    this.#stopped = true;
  }

  /** Begins to keep the raw content from `offset` on: the end of the start tag that is being told. */
  beginCapture(offset: number): void {
    this.#capture.begin(offset);
  }

  /** The raw content up to `offset`, or undefined where it is too long. */
  endCapture(offset: number): string | undefined {
    return this.#capture.end(offset, this.#buffer, this.#base);
  }

  /** Reads on: `chunk` is the next bytes as latin1. */
  write(chunk: string): void {
    if (this.#stopped) return;
    if (this.#lostAt !== undefined) return this.#unread?.see(chunk);
    const unread = this.#buffer.length - this.#at;
    if (this.#awaitsTagEnd && this.#begun.length + unread + chunk.length <= maxTagBytes && !chunk.includes('>')) {
      this.#buffer += chunk;
      return;
    }
    this.#awaitsTagEnd = false;
    const rest = this.#buffer.slice(this.#at);
    this.#base += this.#at;
    this.#buffer = rest === '' ? chunk : rest + chunk;
    this.#at = 0;
    this.#markers.reset();
    while (this.#at < this.#buffer.length && !this.#stopped && this.#step()) {
      // each step passes over one piece of markup
    }
    this.#capture.keep(this.#buffer, this.#base, this.#at);
  }

  /**
   * Call once at the end of the message. Whether a URL may have been missed, where the structure was lost or a tag, a comment
   * or its like does not end; `inStruct` tells whether a struct is open.
   */
  mayHaveMissed(inStruct: boolean): boolean {
    if (this.#stopped) return false;
    if (this.#lostAt === undefined) (this.#unread ??= new MissedUrlWatch()).see(this.#rest());
    return this.#unread?.mayHaveMissed(inStruct) ?? false;
  }

  /** Call last: lets go of the text, which would else be kept as long as V8 keeps the scanner. */
  close(): void {
    this.#stopped = true;
    this.#buffer = '';
    this.#begun = '';
    this.#open.clear();
  }

  /** Passes over one piece of markup, with the text before it; false where the rest of it has yet to come. */
  #step(): boolean {
    if (this.#begun !== '') return this.#startTag(this.#at);
    const buffer = this.#buffer;
    const terminator = terminators[this.#mode];
    const found = buffer.indexOf(terminator, this.#at);
    if (found < 0) {
      const to = Math.max(this.#at, buffer.length - terminator.length + 1);
      if (this.#mode !== 'text') (this.#unread ??= new MissedUrlWatch()).see(buffer.slice(this.#at, to));
      this.#at = to;
      return false;
    }
    if (this.#mode !== 'text') {
      this.#unread = undefined;
      this.#at = found + terminator.length;
      this.#mode = 'text';
      return true;
    }
    this.#at = found;
    const code = buffer.charCodeAt(found + 1);
    if (code === slash) return this.#endTag(found);
    if (beginsName(code)) return this.#startTag(found);
    if (code === bang) return this.#declaration(found);
    if (Number.isNaN(code)) return false;
    if (code === question) this.#mode = 'instruction';
    this.#at = found + (code === question ? 2 : 1);
    return true;
  }

  /** A start tag, or what follows {@link #begun} of one. */
  #startTag(start: number): boolean {
    if (this.#begun === '') {
      if (this.#open.depth >= maxDepth) return this.#lose();
      if (this.#shortcuts && (this.#passRun(start) || this.#passPlain(start))) return true;
    }
    this.#opened = false;
    const begun = this.#begun.length - start;
    let from = start;
    let end = this.#buffer.indexOf('>', from) + 1;
    // A `>` inside a quoted attribute value does not end the tag; saxes knows.
    while (end > 0 && begun + end <= maxTagBytes) {
      this.#tagEnd = this.#base + end;
      this.#closeAt = this.#tagEnd;
      this.#open.read(maskTag(this.#buffer.slice(from, end)));
      if (this.#opened) {
        this.#begun = '';
        this.#at = end;
        return true;
      }
      from = end;
      end = this.#buffer.indexOf('>', from) + 1;
    }
    this.#begun += this.#buffer.slice(start, from);
    this.#at = from;
    return this.#incomplete(end);
  }

  /** A well-formed start tag, of which saxes gets the name where it is asked; or a well-formed element with text. */
  #passPlain(start: number): boolean {
    plainElement.lastIndex = start;
    const match = plainElement.exec(this.#buffer);
    if (match === null || match[0].length > maxTagBytes) return false;
    const [whole, rawName = '', slash = '', content, endTag = ''] = match;
    const name = maskTag(rawName);
    const end = start + whole.length;
    const contentEnd = end - endTag.length;
    this.#tagEnd = this.#base + contentEnd - (content?.length ?? 0);
    if (content === undefined) {
      this.#closeAt = this.#tagEnd;
      this.#open.open(name, slash);
    } else {
      this.#sawElement = true;
      this.#handler.onOpen(name, this.#tagEnd);
      this.#handler.onClose(this.#base + contentEnd);
    }
    this.#at = end;
    return true;
  }

  #passRun(start: number): boolean {
    const tried = this.#base + start;
    if (tried === this.#runTriedAt || this.#open.depth + runDepth > maxDepth || !this.#handler.passesPlainRuns())
      return false;
    this.#runTriedAt = tried;
    const buffer = this.#buffer;
    const marker = this.#markers.next(buffer, start);
    // A run is no longer than a tag may be, so that no tag in it is too long.
    const limit = start + maxTagBytes;
    const end = endOfPlainRun(buffer, start, Math.min(marker, limit));
    if (end === start) return false;
    // Where it ended before its limit there is no other.
    if (marker <= limit) this.#runTriedAt = this.#base + end;
    this.#sawElement = true;
    this.#at = end;
    return true;
  }

  #endTag(start: number): boolean {
    const end = this.#buffer.indexOf('>', start) + 1;
    if (end === 0 || end - start > maxTagBytes) return this.#incomplete(end);
    endTagName.lastIndex = start + 2;
    this.#closeAt = this.#base + start;
    this.#open.close(maskTag(endTagName.exec(this.#buffer)?.[1] ?? ''));
    this.#at = end;
    return true;
  }

  #declaration(start: number): boolean {
    const left = this.#buffer.length - start;
    for (const [opening, kind] of declarations) {
      if (this.#buffer.startsWith(opening, start)) {
        if (kind === 'doctype') return this.#lose(!this.#sawElement);
        this.#mode = kind;
        this.#at = start + opening.length;
        return true;
      }
      if (left < opening.length && this.#buffer.endsWith(opening.slice(0, left))) return false;
    }
    return this.#lose();
  }

  /** The tag at hand goes on; `end` is where a `>` ends it or a part of it, 0 where there is none. */
  #incomplete(end: number): boolean {
    if (this.#begun.length + (end === 0 ? this.#buffer.length : end) - this.#at > maxTagBytes) return this.#lose();
    this.#awaitsTagEnd = true;
    return false;
  }

  /** What has not been read of the buffer, and an unfinished tag before it. */
  #rest(): string {
    return this.#begun + this.#buffer.slice(this.#at);
  }

  #lose(doctype = false): boolean {
    this.#lostAt = this.#base + this.#at - this.#begun.length;
    this.#sawDoctype = doctype;
    this.#unread = new MissedUrlWatch();
    this.#unread.see(this.#rest());
    return false;
  }
}
