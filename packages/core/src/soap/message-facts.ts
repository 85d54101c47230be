import { readCharacterData, trimBlank, type DecodeText } from './scan/character-data.js';
import { deviceTags } from './device-tags.js';
import { localName } from './scan/open-elements.js';
import { MarkupScanner, type MarkupHandler, type ScannerOptions } from './scan/markup-scanner.js';
import type { DeviceId } from './message.js';

/** What a message says about itself. */
export interface MessageFacts {
  readonly method: string | undefined;
  readonly id: string | undefined;
  readonly namespaceVersion: string | undefined;
  readonly device: DeviceId | undefined;
  readonly events: readonly string[];
  readonly retryCount: number | undefined;
  readonly currentTime: string | undefined;
  readonly sessionTimeout: number | undefined;
  readonly faultCode: string | undefined;
}

/** What is read of a message to know which session it belongs to. */
export type MessageBeginning = Pick<MessageFacts, 'method' | 'device'>;

const windowBytes = 4096;
/** The name of a message, and an Inform's DeviceId, mostly stand in its first kilobyte. */
const beginningWindowBytes = 1024;
/** How far the beginning alone is looked for: whoever has to read further reads the other facts with it. */
const maxBeginningBytes = 16_384;
const cwmpNamespace = /:(cwmp-\d+-\d+)$/;
const namespaceDeclarations = /[ \t\r\n]xmlns[^ \t\r\n=]*[ \t\r\n]*=[ \t\r\n]*(?:"([^"]*)"|'([^']*)')/g;
const wholeNumber = /^\d{1,15}$/;
/** The children of an Inform that hold facts; the first of each counts. */
const sections: ReadonlySet<string> = new Set(['DeviceId', 'Event', 'RetryCount', 'CurrentTime']);
const deviceParts: readonly string[] = ['Manufacturer', 'OUI', 'ProductClass', 'SerialNumber'];

function wholeNumberOf(text: string | undefined): number | undefined {
  return text !== undefined && wholeNumber.test(text) ? Number(text) : undefined;
}

/** Reads the facts from the head of a message and stops where no more can come. */
class FactsReader implements MarkupHandler {
  readonly #scanner: MarkupScanner;
  readonly #decode: DecodeText;
  readonly #path: string[] = [];
  readonly #sections = new Set<string>();
  /** The texts found, the first of its kind, by the name of their element. */
  readonly #texts = new Map<string, string>();
  readonly #events: string[] = [];
  /** The parts of the DeviceId that have begun. */
  readonly #parts = new Set<string>();
  #isPartRepeated = false;
  #method: string | undefined;
  #namespaceVersion: string | undefined;
  /** How many elements are open around the message and including it, once it has begun. */
  #messageDepth = 0;
  /** The child of the Inform that is being read. */
  #section = '';
  /** How many elements are open around the text that is being read and including its own; 0 where none is. */
  #leafDepth = 0;

  /** Whether the name of the message, and of an Inform its DeviceId, is all that is asked for. */
  readonly #beginningOnly: boolean;

  constructor(decode: DecodeText, options?: ScannerOptions, beginningOnly = false) {
    this.#scanner = new MarkupScanner(this, options);
    this.#decode = decode;
    this.#beginningOnly = beginningOnly;
  }

  readBeginning(head: Buffer): MessageBeginning | undefined {
    const end = Math.min(head.length, maxBeginningBytes);
    const isRead = this.#scan(head.subarray(0, end)) || end === head.length;
    return isRead ? { method: this.#method, device: this.#device(head) } : undefined;
  }

  read(head: Buffer): MessageFacts {
    this.#scan(head);
    const texts = this.#texts;
    return {
      method: this.#method,
      id: texts.get('ID'),
      namespaceVersion: this.#namespaceVersion,
      device: this.#device(head),
      events: this.#events,
      retryCount: wholeNumberOf(texts.get('RetryCount')),
      currentTime: texts.get('CurrentTime'),
      sessionTimeout: wholeNumberOf(texts.get('SessionTimeout')),
      faultCode: texts.get('FaultCode'),
    };
  }

  #device(head: Buffer): DeviceId | undefined {
    const texts = this.#texts;
    if (!deviceParts.some((part) => texts.has(part))) return undefined;
    if (this.#isPartRepeated || deviceTags(head) > 2) return undefined;
    return {
      manufacturer: texts.get('Manufacturer') ?? '',
      oui: texts.get('OUI') ?? '',
      productClass: texts.get('ProductClass') ?? '',
      serialNumber: texts.get('SerialNumber') ?? '',
    };
  }

  /** Whether the reading has ended before the end of the head. */
  #scan(head: Buffer): boolean {
    const step = this.#beginningOnly ? beginningWindowBytes : windowBytes;
    for (let at = 0; at < head.length && !this.#scanner.ended; at += step) {
      this.#scanner.write(head.toString('latin1', at, at + step));
    }
    const { ended } = this.#scanner;
    this.#scanner.close();
    return ended;
  }

  onOpen(tagName: string, end: number): void {
    const name = localName(tagName);
    const before = this.#messageDepth;
    if (before === 0) this.#seekMessage(name);
    this.#path.push(name);
    // What has an element in it is no text.
    this.#leafDepth = 0;
    if (this.#beginningOnly && before === 0) return;
    if (before === 0 ? this.#isHeaderFact() : this.#isMessageFact(name)) {
      this.#leafDepth = this.#path.length;
      this.#scanner.beginCapture(end);
    }
  }

  onClose(end: number): void {
    const depth = this.#path.length;
    const name = this.#path.pop() ?? '';
    if (this.#leafDepth === depth) {
      this.#leafDepth = 0;
      const raw = this.#isWanted(name) ? this.#scanner.endCapture(end) : undefined;
      const text = raw === undefined ? undefined : readCharacterData(raw, this.#decode)?.text;
      if (text !== undefined) this.#take(name, trimBlank(text));
    }
    if (this.#messageDepth === 0) return;
    if (depth === this.#messageDepth) this.#scanner.stop();
    const isRead = this.#beginningOnly ? this.#section === 'DeviceId' : this.#sections.size === sections.size;
    if (depth === this.#messageDepth + 1 && isRead) this.#scanner.stop();
  }

  passesPlainRuns(): boolean {
    return false;
  }

  #seekMessage(name: string): void {
    if (this.#namespaceVersion === undefined && !this.#beginningOnly) {
      for (const [, double, single = ''] of this.#scanner.startTag.matchAll(namespaceDeclarations)) {
        this.#namespaceVersion ??= cwmpNamespace.exec((double ?? single).trim())?.[1];
      }
    }
    const [root, child] = this.#path;
    const depth = this.#path.length;
    const inBody = (depth === 1 && root === 'Body') || (depth === 2 && root === 'Envelope' && child === 'Body');
    const bare = depth === 0 && (name === 'Inform' || name === 'GetParameterValuesResponse');
    if (!inBody && !bare) return;
    this.#method = name;
    this.#messageDepth = depth + 1;
    if (name !== 'Inform' && (name !== 'Fault' || this.#beginningOnly)) this.#scanner.stop();
  }

  #isHeaderFact(): boolean {
    const [root, header, name] = this.#path;
    if (this.#path.length !== 3 || root !== 'Envelope' || header !== 'Header') return false;
    return name === 'ID' || name === 'SessionTimeout';
  }

  #isMessageFact(name: string): boolean {
    const path = this.#path;
    const depth = path.length - this.#messageDepth;
    if (this.#method === 'Fault') {
      const at = this.#messageDepth;
      return depth === 3 && name === 'FaultCode' && path[at] === 'detail' && path[at + 1] === 'Fault';
    }
    if (depth === 1) {
      this.#section = sections.has(name) && !this.#sections.has(name) ? name : '';
      if (this.#section !== '') this.#sections.add(name);
      return this.#section === 'RetryCount' || this.#section === 'CurrentTime';
    }
    if (depth === 2) {
      if (this.#section !== 'DeviceId' || !deviceParts.includes(name)) return false;
      this.#isPartRepeated ||= this.#parts.has(name);
      this.#parts.add(name);
      return true;
    }
    return depth === 3 && this.#section === 'Event' && name === 'EventCode' && path.at(-2) === 'EventStruct';
  }

  /** Of most texts the first of its kind counts. */
  #isWanted(name: string): boolean {
    return name === 'EventCode' || !this.#texts.has(name);
  }

  #take(name: string, text: string): void {
    if (name === 'EventCode') this.#events.push(text);
    else this.#texts.set(name, text);
  }
}

/** Reads what a message says about itself from its head. */
export function readFacts(head: Buffer, decode: DecodeText, options?: ScannerOptions): MessageFacts {
  return new FactsReader(decode, options).read(head);
}

/**
 * Reads the name of a message and the DeviceId of an Inform, as {@link readFacts} does, and nothing behind them; `undefined` where it
 * would have to read far.
 */
export function readBeginning(head: Buffer, decode: DecodeText): MessageBeginning | undefined {
  return new FactsReader(decode, undefined, true).readBeginning(head);
}
