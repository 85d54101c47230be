import { escapeText, readCharacterData, trimBlank, type DecodeText } from '../scan/character-data.js';
import { localName } from '../scan/open-elements.js';
import { MarkupScanner, type MarkupHandler, type ScannerOptions } from '../scan/markup-scanner.js';
import type { ConnectionRequestUrl, RewriteResult, UnchangedReason } from '../message.js';
import { structName, urlName } from './markers.js';
import { maxHeldBytes, maxTagBytes, maxUrls } from '../scan/limits.js';

/** Bytes `start` to `end` of the message that are replaced by `text`, which is ASCII. */
export interface Splice {
  start: number;
  end: number;
  text: string;
}

type Role = 'none' | 'envelope' | 'body' | 'message' | 'struct' | 'name' | 'value';

const urlNames: ReadonlySet<string> = new Set([
  `InternetGatewayDevice.ManagementServer.${urlName}`,
  `Device.ManagementServer.${urlName}`,
]);
const absoluteHttpUrl = /^https?:\/\/[^\s\p{Cc}/?#\\][^\s\p{Cc}]*$/iu;

const printable = /^[\x20-\x7e]*$/;

/** A copy: a part of a string keeps the whole of it alive, and whoever listens may keep the URL of every CPE. */
function standAlone(text: string): string {
  return printable.test(text) ? Buffer.from(text, 'latin1').toString('latin1') : text;
}

function undecoded(latin1: string): string {
  return latin1;
}

function isMessage(name: string): boolean {
  return name === 'Inform' || name === 'GetParameterValuesResponse';
}

function roleOf(name: string, parent: Role | undefined): Role {
  switch (parent) {
    case undefined:
      if (name === 'Envelope') return 'envelope';
      if (name === 'Body') return 'body';
      if (name === structName) return 'struct';
      return isMessage(name) ? 'message' : 'none';
    case 'envelope':
      return name === 'Body' ? 'body' : 'none';
    case 'body':
      return isMessage(name) ? 'message' : 'none';
    case 'message':
      return name === structName ? 'struct' : 'message';
    case 'struct':
      if (name === 'Name') return 'name';
      if (name === 'Value') return 'value';
      return name === structName ? 'struct' : 'none';
    default:
      return 'none';
  }
}

/** Gives the URL that stands in the place of a CPE's own; `undefined` to leave it, `false` where it is none that can be used. */
export type RewriteUrl = (url: string) => string | undefined | false;

/**
 * Reads a message and says which of its bytes are to be replaced: the URL in the first Value of each
 * `ParameterValueStruct` whose first Name is that of the ConnectionRequestURL, in an Inform or a
 * GetParameterValuesResponse (TR-069 A6 §A.3.3.1, §A.3.2.2), be it in an Envelope or bare.
 */
export class UrlFinder implements MarkupHandler {
  /** What is to be replaced, in the order of the message; whoever applies a splice may remove it. */
  readonly splices: Splice[] = [];
  readonly scanner: MarkupScanner;
  /** The ConnectionRequestURLs found so far, {@link maxUrls} at most. */
  readonly #urls: ConnectionRequestUrl[] = [];
  #rewroteAny = false;
  /** Why the first URL that was left as it is was left. */
  #keptReason: UnchangedReason | undefined;
  readonly #rewriteUrl: RewriteUrl;
  readonly #decode: DecodeText;
  readonly #roles: Role[] = [];
  #nameMatches: boolean | undefined;
  #valueSeen = false;
  #pending: { raw: string | undefined; start: number } | undefined;
  #start = 0;
  #heldFrom: number | undefined;

  constructor(rewriteUrl: RewriteUrl, decode: DecodeText, options?: ScannerOptions) {
    this.#rewriteUrl = rewriteUrl;
    this.#decode = decode;
    this.scanner = new MarkupScanner(this, options);
  }

  /** The offset from which on bytes must not leave yet, as they may have to be replaced. */
  heldFrom(readTo: number): number {
    const from = this.#heldFrom;
    // The end tag of the Name that decides may be read in part only.
    const longest = maxHeldBytes + maxTagBytes;
    return from === undefined || readTo - from > longest || this.scanner.lostAt !== undefined ? readTo : from;
  }

  /** Called with the offset where a struct has ended. */
  onStructEnd: ((end: number) => void) | undefined;

  onOpen(name: string, end: number): void {
    const role = roleOf(localName(name), this.#roles.at(-1));
    this.#roles.push(role);
    if (role === 'struct') {
      this.#nameMatches = undefined;
      this.#valueSeen = false;
      this.#forget();
    } else if (role === 'name' && this.#nameMatches === undefined) {
      this.#start = end;
      this.scanner.beginCapture(end);
    } else if (role === 'value' && !this.#valueSeen && this.#nameMatches !== false) {
      this.#start = end;
      this.#heldFrom ??= end;
      this.scanner.beginCapture(end);
    }
  }

  passesPlainRuns(): boolean {
    const role = this.#roles.at(-1);
    // An Envelope and what stands in a Body are deeper than a run.
    return role === 'message' || role === 'envelope' || role === 'none';
  }

  onClose(end: number): void {
    const role = this.#roles.pop();
    if (role === 'name' && this.#nameMatches === undefined) this.#endName(end);
    else if (role === 'value' && !this.#valueSeen) this.#endValue(end);
    else if (role === 'struct') this.#endStruct(end);
  }

  /** Call once at the end of the message; nothing is read after it. */
  end(): void {
    // Cut off, or lost, between the Name and the end of its Value.
    if (this.#nameMatches === true && !this.#valueSeen) this.#keep('', 'structure');
    else if (this.scanner.mayHaveMissed(this.#roles.includes('struct'))) this.#keptReason ??= 'structure';
    this.scanner.close();
  }

  /** How it went, as far as the message was read. */
  result(): RewriteResult {
    const reason = this.scanner.sawDoctype ? 'doctype' : this.#keptReason;
    const outcome = this.#rewroteAny ? 'rewritten' : reason === undefined ? 'none' : 'unchanged';
    return { urls: this.#urls, outcome, reason };
  }

  #endName(end: number): void {
    const raw = this.scanner.endCapture(end);
    // In no charset does a byte above 127 stand for an ASCII letter, of which the name consists.
    const data = raw === undefined ? undefined : readCharacterData(raw, undecoded);
    this.#nameMatches = data !== undefined && urlNames.has(trimBlank(data.text));
    const pending = this.#pending;
    if (this.#nameMatches && pending !== undefined) {
      this.#rewrite(end - pending.start > maxHeldBytes ? undefined : pending.raw, pending.start);
    }
    this.#forget();
  }

  #endValue(end: number): void {
    this.#valueSeen = true;
    if (this.#nameMatches === false) return;
    const raw = this.scanner.endCapture(end);
    if (this.#nameMatches === undefined) {
      this.#pending = { raw, start: this.#start };
    } else {
      this.#rewrite(raw, this.#start);
      this.#forget();
    }
  }

  #endStruct(end: number): void {
    if (this.#nameMatches === true && !this.#valueSeen) this.#keep('', 'empty');
    // What follows in an outer struct that was never closed is nobody's.
    this.#nameMatches = false;
    this.#valueSeen = true;
    this.#forget();
    if (!this.#roles.includes('struct')) this.onStructEnd?.(end);
  }

  #forget(): void {
    this.#pending = undefined;
    this.#heldFrom = undefined;
  }

  #tell({ original, rewritten }: ConnectionRequestUrl): void {
    if (this.#urls.length < maxUrls) this.#urls.push({ original: standAlone(original), rewritten });
  }

  #keep(original: string, reason: UnchangedReason): void {
    this.#tell({ original, rewritten: undefined });
    this.#keptReason ??= reason;
  }

  #rewrite(raw: string | undefined, offset: number): void {
    if (raw === undefined) return this.#keep('', 'too-long');
    const data = readCharacterData(raw, this.#decode);
    if (data === undefined) return this.#keep('', 'not-a-url');
    const original = trimBlank(data.text);
    if (original === '') return this.#keep('', 'empty');
    if (!absoluteHttpUrl.test(original)) return this.#keep(original, 'not-a-url');
    const rewritten = this.#rewriteUrl(original);
    if (rewritten === false) return this.#keep(original, 'not-a-url');
    if (rewritten === undefined || rewritten === original) return this.#keep(original, 'kept');
    this.#tell({ original, rewritten });
    this.#rewroteAny = true;
    this.splices.push({
      start: offset + data.start,
      end: offset + data.end,
      text: data.lead + escapeText(rewritten) + data.tail,
    });
  }
}
