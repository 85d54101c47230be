import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { Client, Dispatcher } from 'undici';
import { CwmpProxyError } from '../errors.js';
import { responseHead } from './headers.js';

/** One request as it goes to a backend. */
export interface OutgoingRequest {
  method: string;
  /** Path and query. */
  path: string;
  /** Names and values in turn. */
  headers: string[];
  body: Buffer | Readable | null;
}

/** The answer a backend gave, as the CPE got it. */
export interface ExchangeOutcome {
  status: number;
  /** Names and values in turn. */
  headers: readonly string[];
  /** Whether the answer had no body. */
  empty: boolean;
}

/** How an answer goes to the CPE. */
export interface AnswerSettings {
  /** Longest body held in memory to learn its length, in bytes. */
  maxHeldBytes: number;
  /** Changes the fields of the answer, in place. */
  mapHeaders: (headers: string[]) => void;
}

/**
 * Sends one request on a session's own connection and runs the answer back to the CPE: at once when its length is known,
 * else held for a while to learn the length (netcwmp reads no chunks), and only then in chunks.
 *
 * Rejects with a {@link CwmpProxyError} when the backend fails or the CPE leaves; then the CPE was either sent nothing,
 * or its connection was cut, which is all that can be said once a head is out.
 */
export function exchange(
  connection: Client,
  request: OutgoingRequest,
  response: ServerResponse,
  settings: AnswerSettings,
): Promise<ExchangeOutcome> {
  return new Promise((resolve, reject) => {
    connection.dispatch(request, new ExchangeHandler(response, settings, resolve, reject));
  });
}

class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  readonly #settings: AnswerSettings;
  readonly #resolve: (outcome: ExchangeOutcome) => void;
  readonly #reject: (error: CwmpProxyError) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #reason = '';
  #headers: string[] = [];
  /** Body bytes waiting for their length to be known; `undefined` once the head is out. */
  #held: Buffer[] | undefined;
  #bodyBytes = 0;

  constructor(
    response: ServerResponse,
    settings: AnswerSettings,
    resolve: (outcome: ExchangeOutcome) => void,
    reject: (error: CwmpProxyError) => void,
  ) {
    this.#response = response;
    this.#settings = settings;
    this.#resolve = resolve;
    this.#reject = reject;
    response.on('close', this.#onClose).on('drain', this.#onDrain);
  }

  readonly #onClose = (): void => {
    if (this.#response.writableFinished) return;
    const gone = new CwmpProxyError('ERR_CWMP_CPE_GONE', 'the CPE left before its answer was whole');
    if (this.#controller === undefined) this.onResponseError(undefined, gone);
    else this.#controller.abort(gone);
  };

  readonly #onDrain = (): void => {
    this.#controller?.resume();
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#response.destroyed) this.#onClose();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, reason = ''): void {
    if (status < 200) return;
    const { rawHeaders } = controller;
    const head = responseHead(Array.isArray(rawHeaders) ? rawHeaders : []);
    this.#status = status;
    this.#reason = reason;
    this.#headers = head.headers;
    this.#settings.mapHeaders(head.headers);
    if (head.closes) head.headers.push('Connection', 'close');
    if (head.hasLength || status === 204 || status === 304) this.#sendHead();
    else this.#held = [];
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    if (this.#held === undefined) {
      if (!this.#response.write(chunk)) controller.pause();
      return;
    }
    this.#held.push(chunk);
    if (this.#bodyBytes <= this.#settings.maxHeldBytes) return;
    const held = Buffer.concat(this.#held);
    this.#sendHead();
    if (!this.#response.write(held)) controller.pause();
  }

  onResponseEnd(): void {
    this.#settle();
    if (this.#held !== undefined) {
      const body = Buffer.concat(this.#held);
      this.#headers.push('Content-Length', String(body.length));
      this.#sendHead();
      this.#response.end(body);
    } else {
      this.#response.end();
    }
    this.#resolve({ status: this.#status, headers: this.#headers, empty: this.#bodyBytes === 0 });
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#settle();
    if (this.#response.headersSent) this.#response.destroy();
    this.#reject(error instanceof CwmpProxyError ? error : backendError(error, this.#controller !== undefined));
  }

  #sendHead(): void {
    this.#held = undefined;
    // The CPE gets the ACS's own Date, or none.
    this.#response.sendDate = false;
    writeHead(this.#response, this.#status, this.#reason, this.#headers);
  }

  #settle(): void {
    this.#response.off('close', this.#onClose).off('drain', this.#onDrain);
  }
}

function writeHead(response: ServerResponse, status: number, reason: string, headers: string[]): void {
  if (response.getHeaderNames().length === 0) {
    response.writeHead(status, reason, headers);
    return;
  }
  // A host's middleware has set fields (Express its X-Powered-By). Node 20 would then keep only the last of several fields
  // of one name, and with it one of the ACS's cookies.
  for (let index = 0; index < headers.length; index += 2) response.removeHeader(headers[index] ?? '');
  for (let index = 0; index < headers.length; index += 2) {
    response.appendHeader(headers[index] ?? '', headers[index + 1] ?? '');
  }
  response.writeHead(status, reason);
}

/** @param sent Whether a byte of the request may have reached the backend. */
function backendError(cause: Error, sent: boolean): CwmpProxyError {
  const code = 'code' in cause ? String(cause.code) : cause.name;
  if (!sent) {
    return new CwmpProxyError('ERR_CWMP_BACKEND_UNREACHABLE', `cannot connect to the backend (${code})`, { cause });
  }
  return code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT'
    ? new CwmpProxyError('ERR_CWMP_BACKEND_TIMEOUT', `the backend did not answer in time (${code})`, { cause })
    : new CwmpProxyError('ERR_CWMP_BACKEND_FAILED', `the backend broke off (${code})`, { cause });
}
