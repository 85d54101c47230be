import { readCharacterData, trimBlank, type DecodeText } from './character-data.js';
import { localName } from './local-name.js';
import { MarkupScanner, type MarkupHandler } from './markup-scanner.js';
import type { DeviceId } from './message.js';

/** What a message says about itself; each fact is the first of its kind. */
export interface MessageFacts {
  method: string | undefined;
  id: string | undefined;
  namespaceVersion: string | undefined;
  device: DeviceId | undefined;
  events: string[];
  retryCount: number | undefined;
  currentTime: string | undefined;
  sessionTimeout: number | undefined;
  faultCode: string | undefined;
}

const cwmpNamespace = /:(cwmp-\d+-\d+)$/;
const namespaceDeclarations = /[ \t\r\n]xmlns[^ \t\r\n=]*[ \t\r\n]*=[ \t\r\n]*(?:"([^"]*)"|'([^']*)')/g;
const wholeNumber = /^\d{1,15}$/;

function number(text: string): number | undefined {
  return wholeNumber.test(text) ? Number(text) : undefined;
}

/** Reads the facts from the head of a message and stops where no more can come. */
class FactsReader implements MarkupHandler {
  readonly facts: MessageFacts = {
    method: undefined,
    id: undefined,
    namespaceVersion: undefined,
    device: undefined,
    events: [],
    retryCount: undefined,
    currentTime: undefined,
    sessionTimeout: undefined,
    faultCode: undefined,
  };
  readonly #scanner = new MarkupScanner(this);
  readonly #decode: DecodeText;
  readonly #path: string[] = [];
  readonly #device = new Map<string, string>();
  /** Depth of the message element, once it has begun. */
  #messageDepth: number | undefined;
  #leaf: string | undefined;

  constructor(decode: DecodeText) {
    this.#decode = decode;
  }

  read(head: string): MessageFacts {
    this.#scanner.write(head);
    if (this.#device.size > 0) {
      const part = (name: string): string => this.#device.get(name) ?? '';
      this.facts.device = {
        manufacturer: part('Manufacturer'),
        oui: part('OUI'),
        productClass: part('ProductClass'),
        serialNumber: part('SerialNumber'),
      };
    }
    return this.facts;
  }

  onOpen(tagName: string, end: number): void {
    const name = localName(tagName);
    const path = this.#path;
    this.#leaf = undefined;
    if (this.#messageDepth === undefined) this.#seekMessage(name);
    path.push(name);
    if (this.#factPath() !== undefined) {
      this.#leaf = name;
      this.#scanner.beginCapture(end);
    }
  }

  passesPlainRuns(): boolean {
    return false;
  }

  onClose(end: number): void {
    const leaf = this.#leaf;
    const fact = leaf === undefined ? undefined : this.#factPath();
    if (fact !== undefined) {
      const raw = this.#scanner.endCapture(end);
      const text = raw === undefined ? undefined : readCharacterData(raw, this.#decode)?.text;
      if (text !== undefined) this.#take(fact, trimBlank(text));
    }
    this.#leaf = undefined;
    this.#path.pop();
    if (this.#messageDepth !== undefined && this.#path.length < this.#messageDepth) this.#scanner.stop();
  }

  #seekMessage(name: string): void {
    if (this.facts.namespaceVersion === undefined) {
      for (const [, double, single = ''] of this.#scanner.startTag.matchAll(namespaceDeclarations)) {
        this.facts.namespaceVersion ??= cwmpNamespace.exec((double ?? single).trim())?.[1];
      }
    }
    const parent = this.#path.at(-1);
    const bare = parent === undefined && (name === 'Inform' || name === 'GetParameterValuesResponse');
    const inBody =
      parent === 'Body' && (this.#path.length === 1 || (this.#path.length === 2 && this.#path[0] === 'Envelope'));
    if (bare || inBody) {
      this.facts.method = name;
      this.#messageDepth = this.#path.length + 1;
    }
  }

  /** The path of the open element below the message or the header, where it is one that holds a fact. */
  #factPath(): string | undefined {
    const path = this.#path;
    const depth = this.#messageDepth;
    if (depth === undefined) {
      return path.length === 3 && path[0] === 'Envelope' && path[1] === 'Header' ? headerFact(path[2]) : undefined;
    }
    const below = path.slice(depth - 1).join('/');
    return messageFacts.has(below) ? below : undefined;
  }

  #take(fact: string, text: string): void {
    const facts = this.facts;
    switch (fact) {
      case 'ID':
        facts.id ??= text;
        break;
      case 'SessionTimeout':
        facts.sessionTimeout ??= number(text);
        break;
      case 'Inform/Event/EventStruct/EventCode':
        facts.events.push(text);
        break;
      case 'Inform/RetryCount':
        facts.retryCount ??= number(text);
        break;
      case 'Inform/CurrentTime':
        facts.currentTime ??= text;
        break;
      case 'Fault/detail/Fault/FaultCode':
        facts.faultCode ??= text;
        break;
      default: {
        const part = localName(fact.replace('Inform/DeviceId/', ''));
        if (!this.#device.has(part)) this.#device.set(part, text);
      }
    }
  }
}

const messageFacts: ReadonlySet<string> = new Set([
  'Inform/DeviceId/Manufacturer',
  'Inform/DeviceId/OUI',
  'Inform/DeviceId/ProductClass',
  'Inform/DeviceId/SerialNumber',
  'Inform/Event/EventStruct/EventCode',
  'Inform/RetryCount',
  'Inform/CurrentTime',
  'Fault/detail/Fault/FaultCode',
]);

function headerFact(name: string | undefined): string | undefined {
  return name === 'ID' || name === 'SessionTimeout' ? name : undefined;
}

/** Reads what a message says about itself from its head, given as latin1. */
export function readFacts(head: string, decode: DecodeText): MessageFacts {
  return new FactsReader(decode).read(head);
}
