import { charsetOf, textDecoder } from './scan/charset.js';
import type { DecodeText } from './scan/character-data.js';
import { type MessageBeginning, readBeginning, readFacts, type MessageFacts } from './message-facts.js';

/** Who a CPE says it is (TR-069 A6 §A.3.3.1, DeviceIdStruct); an empty string where it says nothing. */
export interface DeviceId {
  readonly manufacturer: string;
  readonly oui: string;
  readonly productClass: string;
  readonly serialNumber: string;
}

/** A ConnectionRequestURL that stood in a message. */
export interface ConnectionRequestUrl {
  /** The decoded value without white space around it; empty where there was none that can be read. */
  readonly original: string;
  /** What it was replaced by; undefined where it left as it came. */
  readonly rewritten: string | undefined;
}

/**
 * Why a message, a part of it or one of its URLs left as it came:
 * - `utf-16`: the message is in UTF-16 or UTF-32, which is not read
 * - `doctype`: a document type declaration is never interpreted (SOAP 1.1 §3 forbids it)
 * - `structure`: from some place on the structure could not be followed, and a URL may have stood after it
 * - `content-coding`: the body is in a coding that is not known, or in more than one
 * - `empty`: the URL was empty or its Value missing
 * - `too-long`: the Value was longer than can be held back
 * - `not-a-url`: the Value was not an absolute http or https URL, or none by which a CPE can be called: with a user, a fragment,
 *   port 0 or a zone, for instance
 * - `kept`: `rewriteUrl` left the URL as it was
 */
export type UnchangedReason =
  'utf-16' | 'doctype' | 'structure' | 'content-coding' | 'empty' | 'too-long' | 'not-a-url' | 'kept';

/** How it went: a URL was replaced; there was none; or there was (or may have been) one and it left as it came. */
export type RewriteOutcome = 'rewritten' | 'none' | 'unchanged';

/**
 * What a message was. `urls`, `outcome` and `reason` are known from the rewriting; the other facts are read from the first
 * {@link maxHeadBytes} bytes when the first of them is asked for. The bytes of a body must not be changed before that.
 */
export interface CwmpMessage {
  /**
   * Local name of the Body's first child: `Inform`, `GetParameterValuesResponse`, `Fault`. Undefined for an empty body and
   * for what is no SOAP envelope; a bare `Inform` or `GetParameterValuesResponse` counts.
   */
  readonly method: string | undefined;
  /** Whether it is an Inform. Cheap where it is none: the name would have to stand in the bytes. */
  readonly isInform: boolean;
  /** The `cwmp:ID` header. */
  readonly id: string | undefined;
  /** The last part of the CWMP namespace: `cwmp-1-0`, `cwmp-1-1` or `cwmp-1-2` (TR-069 A6 §3.7.4). */
  readonly namespaceVersion: string | undefined;
  /** The DeviceId of an Inform. Absent where the message names more than one, or a part of it twice: ACSs differ in which one they take. */
  readonly device: DeviceId | undefined;
  /** The event codes of an Inform, in order: `0 BOOTSTRAP`, `6 CONNECTION REQUEST`. */
  readonly events: readonly string[];
  /** RetryCount of an Inform. */
  readonly retryCount: number | undefined;
  /** CurrentTime of an Inform, as the CPE wrote it. */
  readonly currentTime: string | undefined;
  /** The `cwmp:SessionTimeout` header, in seconds. */
  readonly sessionTimeout: number | undefined;
  /** FaultCode of a CWMP fault: `9005`. */
  readonly faultCode: string | undefined;
  /** The ConnectionRequestURLs that were found, in order; the first 64. */
  readonly urls: readonly ConnectionRequestUrl[];
  /** How it went. */
  readonly outcome: RewriteOutcome;
  /** The first reason for which something was left as it came. */
  readonly reason: UnchangedReason | undefined;
}

/** How much of a message's beginning the facts are read from, in bytes. */
export const maxHeadBytes: number = 65_536;

const lessThan = 0x3c;
const colon = 0x3a;

const noFacts: MessageFacts = {
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

/** What the rewriting knows about a message. */
export interface RewriteResult {
  readonly urls: readonly ConnectionRequestUrl[];
  readonly outcome: RewriteOutcome;
  readonly reason: UnchangedReason | undefined;
}

/** Of a message in which nothing was found, or nothing was looked for yet. */
export const nothingFound: RewriteResult = { urls: [], outcome: 'none', reason: undefined };

/** A message whose facts are read when they are asked for. */
export class LazyMessage implements CwmpMessage {
  readonly urls: readonly ConnectionRequestUrl[];
  readonly outcome: RewriteOutcome;
  readonly reason: UnchangedReason | undefined;
  readonly #contentType: string | undefined;
  #head: Buffer | undefined;
  #facts: MessageFacts | undefined;
  /** Read ahead of the other facts; undefined as well for what cannot be an Inform. */
  #beginning: MessageBeginning | undefined;
  #isInform: boolean | undefined;

  readonly #namesDeviceBehind: boolean;

  /**
   * @param head The beginning of the message, or undefined where it cannot be read.
   * @param namesDeviceBehind Whether there is a tag of a DeviceId behind it.
   */
  constructor(
    head: Buffer | undefined,
    contentType: string | undefined,
    result: RewriteResult,
    namesDeviceBehind: boolean = false,
  ) {
    this.#namesDeviceBehind = namesDeviceBehind;
    this.urls = result.urls;
    this.outcome = result.outcome;
    this.reason = result.reason;
    this.#head = head;
    this.#contentType = contentType;
  }

  get method(): string | undefined {
    return this.#read().method;
  }

  get isInform(): boolean {
    // It is asked of every message, the other facts only by those who listen.
    this.#isInform ??= this.#facts === undefined ? this.#beginsInform() : this.#facts.method === 'Inform';
    return this.#isInform;
  }

  get id(): string | undefined {
    return this.#read().id;
  }

  get namespaceVersion(): string | undefined {
    return this.#read().namespaceVersion;
  }

  get device(): DeviceId | undefined {
    if (this.#namesDeviceBehind) return undefined;
    if (this.#facts === undefined && this.isInform) return this.#beginning?.device;
    return this.#read().device;
  }

  get events(): readonly string[] {
    return this.#read().events;
  }

  get retryCount(): number | undefined {
    return this.#read().retryCount;
  }

  get currentTime(): string | undefined {
    return this.#read().currentTime;
  }

  get sessionTimeout(): number | undefined {
    const absent = this.#facts === undefined && this.#head?.includes('SessionTimeout') !== true;
    return absent ? undefined : this.#read().sessionTimeout;
  }

  get faultCode(): string | undefined {
    return this.#read().faultCode;
  }

  /** All of it as plain data, for logs. */
  toJSON(): CwmpMessage {
    const { urls, outcome, reason, isInform, device } = this;
    return { ...this.#read(), isInform, device, urls, outcome, reason };
  }

  #beginsInform(): boolean {
    const head = this.#head;
    if (head === undefined || !namesInform(head)) return false;
    this.#beginning = readBeginning(head, this.#decoder(head));
    return (this.#beginning ?? this.#read()).method === 'Inform';
  }

  #read(): MessageFacts {
    if (this.#facts === undefined) {
      const head = this.#head;
      this.#facts = head === undefined ? noFacts : readFacts(head, this.#decoder(head));
      this.#head = undefined;
    }
    return this.#facts;
  }

  #decoder(head: Buffer): DecodeText {
    let charset: string | undefined;
    return textDecoder(() => (charset ??= charsetOf(head, this.#contentType)));
  }
}

/** Whether a tag of this local name may stand in a message; `PeriodicInformInterval` stands in many that are no Inform. */
function namesInform(head: Buffer): boolean {
  for (let at = head.indexOf('Inform'); at !== -1; at = head.indexOf('Inform', at + 6)) {
    const before = head[at - 1];
    if (before === lessThan || before === colon) return true;
  }
  return false;
}
