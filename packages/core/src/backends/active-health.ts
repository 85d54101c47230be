import { Socket } from 'node:net';
import type { buildConnector, Dispatcher } from 'undici';
import { CwmpProxyError } from '../errors.js';
import { BackendConnection, type ConnectionSettings } from './backend-connection.js';

/** How a backend is asked whether it lives. */
export interface ActiveHealthSettings {
  /** Time between an answer and the next question, in milliseconds. */
  intervalMs: number;
  /** An HTTP GET of this path; without it a TCP (and TLS) connection is opened and closed. */
  path?: string;
  /** Status that the GET must have. */
  expectStatus: number;
}

/** Asks one backend from time to time whether it lives. Its timer does not keep the process alive. */
export class ActiveHealth {
  readonly #settings: ActiveHealthSettings;
  readonly #target: ConnectionSettings & { url: URL };
  readonly #onAnswer: (alive: boolean) => void;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #abort: () => void = () => {};

  /** @param onAnswer Called after each question. */
  constructor(
    settings: ActiveHealthSettings,
    target: ConnectionSettings & { url: URL },
    onAnswer: (alive: boolean) => void,
  ) {
    this.#settings = settings;
    this.#target = target;
    this.#onAnswer = onAnswer;
    this.#wait();
  }

  /** Asks no more; closes what is open. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#abort();
  }

  #wait(): void {
    this.#timer = setTimeout(() => void this.#ask(), this.#settings.intervalMs);
    this.#timer.unref();
  }

  async #ask(): Promise<void> {
    const { path } = this.#settings;
    // Options of TLS that Node does not take are thrown by what opens the socket.
    const alive = await (path === undefined ? this.#connects() : this.#answers(path)).catch(() => false);
    if (this.#stopped) return;
    this.#onAnswer(alive);
    this.#wait();
  }

  #connects(): Promise<boolean> {
    const { protocol, hostname, host, port } = this.#target.url;
    const where: buildConnector.Options = { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), host, port };
    return new Promise((resolve) => {
      const opening: unknown = this.#target.connector(where, (...[error, socket]) => {
        socket?.destroy();
        resolve(error === null);
      });
      this.#abort = () => {
        if (opening instanceof Socket) opening.destroy(new CwmpProxyError('ERR_CWMP_CLOSED', 'asks no more'));
      };
    });
  }

  async #answers(path: string): Promise<boolean> {
    const connection = new BackendConnection(this.#target);
    this.#abort = () => void connection.destroy();
    const status = await new Promise<number>((resolve) => {
      const handler: Dispatcher.DispatchHandler = {
        // A handler without this is taken for one of undici's old kind.
        onRequestStart: () => {},
        onResponseStart: (_controller, statusCode) => {
          if (statusCode >= 200) resolve(statusCode);
        },
        onResponseError: () => resolve(0),
      };
      connection.dispatch({ method: 'GET', path }, handler);
    });
    await connection.destroy();
    return status === this.#settings.expectStatus;
  }
}
