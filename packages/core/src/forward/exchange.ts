import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type {
  AnswerListener,
  BackendConnection,
  BackendRequest,
  RunningRequest,
} from '../backends/backend-connection.js';
import { CwmpProxyError } from '../errors.js';
import { answeredByHost, checkAnswerable } from '../http/response.js';
import {
  Answer,
  type AnswerSettings,
  type AnswerSource,
  cpeLeft,
  type ExchangeOutcome,
  faultOfAnswer,
} from './answer.js';
import { backendError } from './backend-error.js';

/**
 * Sends one request on a session's own connection and runs the answer back to the CPE.
 *
 * Rejects with a {@link CwmpProxyError} when the backend fails or the CPE leaves; then the CPE was either sent nothing,
 * or its connection was cut, which is all that can be said once a head is out.
 */
export function exchange(
  connection: BackendConnection,
  request: BackendRequest,
  response: ServerResponse,
  settings: AnswerSettings,
): Promise<ExchangeOutcome> {
  return new Promise((resolve, reject) => {
    checkAnswerable(response);
    new Exchange(request, response, settings, resolve, reject).begin(connection);
  });
}

/** The backend's side of an exchange. */
class Exchange implements AnswerListener, AnswerSource {
  readonly #request: BackendRequest;
  readonly #response: ServerResponse;
  readonly #quietMs: number;
  readonly #answer: Answer;
  readonly #reject: (error: CwmpProxyError) => void;
  readonly onSent: (outcome: ExchangeOutcome) => void;
  #running: RunningRequest | undefined;
  /** Whether the answer has ended, or was given up; what becomes of the backend connection does not matter to it any more. */
  #isOver = false;

  constructor(
    request: BackendRequest,
    response: ServerResponse,
    settings: AnswerSettings,
    resolve: (outcome: ExchangeOutcome) => void,
    reject: (error: CwmpProxyError) => void,
  ) {
    this.#request = request;
    this.#response = response;
    this.#quietMs = settings.quietMs;
    this.#answer = new Answer(request.method, response, settings, this);
    this.onSent = resolve;
    this.#reject = reject;
  }

  begin(connection: BackendConnection): void {
    this.#response.on('close', this.#onClose);
    try {
      this.#running = connection.send(this.#request, this);
    } catch (cause) {
      this.onFault(faultOfAnswer(cause));
    }
  }

  readonly #onClose = (): void => {
    // After an end of its own making it does not listen any more.
    this.onFault(this.#response.writableFinished ? answeredByHost() : cpeLeft());
  };

  pause(): void {
    this.#running?.pause();
  }

  resume(): void {
    this.#running?.resume();
  }

  onHead(status: number, reason: string, fields: string[]): void {
    try {
      this.#answer.head(status, reason, fields);
    } catch (cause) {
      this.onFault(faultOfAnswer(cause));
    }
  }

  onBody(chunk: Buffer): void {
    try {
      this.#answer.data(chunk);
    } catch (cause) {
      this.onFault(faultOfAnswer(cause));
    }
  }

  onEnd(): void {
    const { body } = this.#request;
    // A CPE whose connection stays open answers a challenge when all of its request has gone, on this very backend connection.
    if (this.#answer.mayWait && !Buffer.isBuffer(body) && !body.closed) this.#awaitUpload(body);
    else this.#end();
  }

  /** Waits for as long as bytes of the request go. */
  #awaitUpload(upload: Readable): void {
    const timer = setTimeout(() => {
      this.#end();
      this.#running?.abort(
        new CwmpProxyError('ERR_CWMP_BACKEND_TIMEOUT', 'the backend has answered and reads no more'),
      );
    }, this.#quietMs);
    timer.unref();
    const onData = (): void => void timer.refresh();
    upload.on('data', onData).once('close', () => {
      clearTimeout(timer);
      upload.off('data', onData);
      this.#end();
    });
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      this.#response.off('close', this.#onClose);
      this.#answer.end();
    } catch (cause) {
      this.#fail(faultOfAnswer(cause));
    }
  }

  onError(error: Error, isSent: boolean): void {
    if (this.#isOver) return;
    this.#fail(error instanceof CwmpProxyError ? error : backendError(error, isSent, this.#answer.hasHead));
  }

  /** The CPE's side has failed: the backend's goes with it. */
  onFault(error: CwmpProxyError): void {
    const isNew = !this.#isOver;
    this.#fail(error);
    if (isNew) this.#running?.abort(error);
  }

  #fail(error: CwmpProxyError): void {
    this.#isOver = true;
    this.#reject(error);
    try {
      this.#response.off('close', this.#onClose);
    } catch {
      // A host's wrapper of the response may throw; the answer is given up in any case.
    }
    this.#answer.abandon(error);
  }
}
