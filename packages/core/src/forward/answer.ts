import { type ServerResponse, STATUS_CODES } from 'node:http';
import {
  cut,
  answeredByHost,
  checkAnswerable,
  endLast,
  isOpen,
  responseFault,
  untilParsed,
  watchForStall,
} from '../http/response.js';
import { CwmpProxyError } from '../errors.js';
import { onClosed } from '../http/client-left.js';
import { GatheredBytes } from '../http/gathered-bytes.js';
import type { Hold } from '../http/held-room.js';
import type { HoldBudget } from '../http/hold-budget.js';
import { type ResponseHead, responseHead } from './headers.js';

/** How an answer goes to the CPE. */
export interface AnswerSettings {
  /** Maximum of a body that is held in memory, in bytes. */
  maxHeldBytes: number;
  /** What all bodies may hold together; an answer that finds no room is streamed. */
  budget: HoldBudget;
  /** Maximum time in which a CPE takes nothing of its answer, in milliseconds. */
  quietMs: number;
  /** Changes the fields of the answer, in place. */
  mapHeaders: (headers: string[]) => void;
}

/** The answer that a backend gave, as the CPE got it. */
export interface ExchangeOutcome {
  status: number;
  /** Names and values in turn. */
  headers: readonly string[];
  /** Whether the answer had no body. */
  empty: boolean;
  /** The body, where it was held until it was whole. */
  body: Buffer | undefined;
}

/** The backend's side of an answer, as {@link Answer} needs it. */
export interface AnswerSource {
  /** No more is to come for now. */
  pause(): void;
  resume(): void;
  /** The answer was sent. */
  onSent(outcome: ExchangeOutcome): void;
  /** The answer cannot be sent, or no more of it. */
  onFault(error: CwmpProxyError): void;
}

const noHead: Readonly<ResponseHead> = { headers: [], length: undefined, chunked: false, closes: false };

/** Pieces of a streamed answer that are smaller than this go together; larger ones are no part of the buffer that is read into. */
const smallBytes = 4_096;

/** A body of up to this length goes out in one write with its head. */
const smallAnswerBytes = 16_384;

/**
 * The CPE's side of an exchange. A body that is small enough is held until it is whole: then its length is known (netcwmp reads no
 * chunks), and a backend that breaks off in the middle costs the CPE a plain 502 instead of half a message. A longer one is streamed.
 *
 * `head`, `data` and `end` throw where the response does, or has nowhere to go.
 */
export class Answer {
  readonly #method: string;
  readonly #response: ServerResponse;
  readonly #settings: AnswerSettings;
  readonly #source: AnswerSource;
  #status = 0;
  #reason = '';
  #head: Readonly<ResponseHead> = noHead;
  /** What is held of the body; `undefined` once the head is out. */
  #held: GatheredBytes | undefined = new GatheredBytes();
  /** The room that it takes. */
  #hold: Hold | undefined;
  /** Small pieces of a streamed answer, until the turn is over. */
  #small: GatheredBytes | undefined;
  /** Whether the head was written, or the writing was tried. */
  #begun = false;
  /** Whether the answer closes the CPE's connection. */
  #closes = false;
  #bodyBytes = 0;

  constructor(method: string, response: ServerResponse, settings: AnswerSettings, source: AnswerSource) {
    this.#method = method;
    this.#response = response;
    this.#settings = settings;
    this.#source = source;
  }

  /** Whether its head has come from the backend. */
  get hasHead(): boolean {
    return this.#status !== 0;
  }

  /** Whether it is held, and leaves the CPE's connection open. */
  get mayWait(): boolean {
    return this.#held !== undefined && !this.#closes;
  }

  /** The head has come. */
  head(status: number, reason: string, fields: string[]): void {
    const head = responseHead(fields);
    this.#head = head;
    this.#status = status;
    this.#reason = reason;
    this.#settings.mapHeaders(head.headers);
    // A body without length and chunks ends with its connection (RFC 9112 §6.3).
    if (head.closes || (this.#learnsLength && !head.chunked)) {
      head.headers.push('Connection', 'close');
      this.#closes = true;
    }
    if (head.length !== undefined && head.length > this.#settings.maxHeldBytes) this.#stream();
  }

  /** A part of the body has come; it is good during the call only, unless it is large. */
  data(chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    if (this.#held === undefined) {
      this.#checkStreaming();
      this.#write(chunk);
      return;
    }
    this.#held.append(chunk);
    // One that is whole goes on in this turn.
    if (this.#bodyBytes === this.#head.length) return;
    if (this.#bodyBytes > this.#settings.maxHeldBytes || !this.#mayHold(this.#held.allocated)) this.#stream();
  }

  /** Whether there is room for what is held. */
  #mayHold(bytes: number): boolean {
    if (this.#hold !== undefined) return this.#hold.tryGrow(bytes, Infinity);
    this.#hold = this.#settings.budget.answers.tryTake(this.#response.req, bytes);
    return this.#hold !== undefined;
  }

  /** Hands on a piece of a streamed answer. Small ones go together, as each costs more than what is in it. */
  #write(chunk: Buffer): void {
    if (this.#small !== undefined) return this.#small.append(chunk);
    if (chunk.length >= smallBytes) {
      if (!this.#response.write(chunk)) this.#source.pause();
      return;
    }
    this.#small = new GatheredBytes();
    this.#small.append(chunk);
    process.nextTick(() => this.#writeSmall());
  }

  #writeSmall(): void {
    const small = this.#takeSmall();
    if (small === undefined) return;
    try {
      this.#checkStreaming();
      if (!this.#response.write(small)) this.#source.pause();
    } catch (cause) {
      this.#source.onFault(faultOfAnswer(cause));
    }
  }

  #takeSmall(): Buffer | undefined {
    const small = this.#small?.take();
    this.#small = undefined;
    return small;
  }

  /** The body is whole. */
  end(): void {
    const held = this.#held;
    if (held !== undefined) {
      if (this.#learnsLength) this.#head.headers.push('Content-Length', String(this.#bodyBytes));
      this.#sendHead();
    }
    this.#response.off('drain', this.#onDrain);
    const body = held === undefined || held.length === 0 ? undefined : held.take();
    const left = body ?? this.#takeSmall();
    const { req, shouldKeepAlive } = this.#response;
    if (!req.complete && (this.#closes || !shouldKeepAlive)) void this.#finishEarly(left, body);
    else if (this.#closes) void untilParsed(this.#response).then(() => this.#finish(left, body));
    else this.#finish(left, body);
  }

  /**
   * Ends the answer.
   *
   * @param left What of its body was not written yet.
   * @param body What was held of it, if it was held.
   */
  #finish(left: Buffer | undefined, body: Buffer | undefined): void {
    try {
      this.#checkStreaming();
      // Node writes a string together with the head, in one write.
      if (body !== undefined && body.length <= smallAnswerBytes) this.#response.end(body.toString('latin1'), 'latin1');
      else this.#response.end(left);
      this.#sent(body);
    } catch (cause) {
      this.#source.onFault(faultOfAnswer(cause));
    }
  }

  /** The same where it closes the connection of a CPE that is still sending, and that may act on the answer before it has ended. */
  async #finishEarly(left: Buffer | undefined, body: Buffer | undefined): Promise<void> {
    try {
      this.#checkStreaming();
      const ended = endLast(this.#response, left);
      this.#sent(body);
      await ended;
    } catch (cause) {
      this.#source.onFault(faultOfAnswer(cause));
    }
  }

  #sent(body: Buffer | undefined): void {
    const response = this.#response;
    // Usually the kernel has taken all of it by now.
    if (body === undefined || response.writableLength === 0) this.#hold?.release();
    else {
      // It is held until the CPE takes it, whether there is room or not.
      this.#mayHold(body.length);
      watchForStall(response, this.#settings.quietMs);
      onClosed(response, () => this.#hold?.release());
    }
    this.#source.onSent({ status: this.#status, headers: this.#head.headers, empty: this.#bodyBytes === 0, body });
  }

  /**
   * Gives up. Of an answer whose head is out the rest is missing, so the connection is cut, whoever has ended the answer; and
   * a response that throws takes no other answer.
   */
  abandon(error: CwmpProxyError): void {
    this.#hold?.release();
    this.#small = undefined;
    const { headersSent } = this.#response;
    try {
      this.#response.off('drain', this.#onDrain);
      if (!this.#begun || (!headersSent && error.code !== 'ERR_CWMP_INTERNAL')) return;
    } catch {
      // It takes nothing any more, and is told of by the error.
    }
    cut(this.#response);
  }

  readonly #onDrain = (): void => this.#source.resume();

  /** @throws {@link CwmpProxyError} where the rest of a streamed answer has nowhere to go. */
  #checkStreaming(): void {
    if (this.#response.writableEnded) throw answeredByHost();
    if (!isOpen(this.#response)) throw cpeLeft();
  }

  /** Whether the length of the body is to be told and was not. */
  get #learnsLength(): boolean {
    const bodiless = this.#method === 'HEAD' || this.#status === 204 || this.#status === 304;
    return this.#head.length === undefined && !bodiless;
  }

  /** Sends the head and what is held of the body; from here on chunks go on as they come. */
  #stream(): void {
    const held = this.#held?.take();
    this.#sendHead();
    if (this.#method === 'HEAD') return;
    this.#response.on('drain', this.#onDrain);
    watchForStall(this.#response, this.#settings.quietMs);
    this.#hold?.release();
    if (held !== undefined && held.length > 0 && !this.#response.write(held)) this.#source.pause();
  }

  #sendHead(): void {
    checkAnswerable(this.#response);
    this.#begun = true;
    // The CPE gets the ACS's own Date, or none.
    this.#response.sendDate = false;
    // netcwmp takes no status line without a reason, and Node writes none with control characters.
    const isFit = /^[\t\x20-\x7e\x80-\xff]+$/.test(this.#reason);
    const reason = isFit ? this.#reason : (STATUS_CODES[this.#status] ?? 'Unknown');
    writeHead(this.#response, this.#status, reason, this.#head.headers);
    this.#held = undefined;
  }
}

export function cpeLeft(): CwmpProxyError {
  return new CwmpProxyError('ERR_CWMP_CPE_GONE', 'the CPE left before its answer was whole');
}

/** What is told of something that was thrown while an answer was handed on. */
export function faultOfAnswer(cause: unknown): CwmpProxyError {
  if (cause instanceof CwmpProxyError) return cause;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  // Node writes no field with such a name or value.
  return code === 'ERR_INVALID_CHAR' || code === 'ERR_INVALID_HTTP_TOKEN'
    ? new CwmpProxyError('ERR_CWMP_BACKEND_FAILED', `the backend sent a field that is no HTTP (${code})`, { cause })
    : responseFault(cause);
}

function writeHead(response: ServerResponse, status: number, reason: string, headers: string[]): void {
  if (response.getHeaderNames().length === 0) {
    response.writeHead(status, reason, headers);
    return;
  }
  // A host's middleware has set fields (Express its X-Powered-By). Node 20 would then keep only the last of several fields
  // of one name, and with it one of the ACS's cookies.
  removeAll(response, headers);
  try {
    for (let index = 0; index < headers.length; index += 2) {
      response.appendHeader(headers[index] ?? '', headers[index + 1] ?? '');
    }
    response.writeHead(status, reason);
  } catch (error) {
    // They would go out with the error answer.
    if (!response.headersSent) removeAll(response, headers);
    throw error;
  }
}

function removeAll(response: ServerResponse, headers: readonly string[]): void {
  for (let index = 0; index < headers.length; index += 2) response.removeHeader(headers[index] ?? '');
}
