import { type LookupFunction, Socket } from 'node:net';
import { buildConnector, Client } from 'undici';
import { CwmpProxyError } from '../errors.js';
import type { BackendTls } from './backend-dialer.js';

/** What a {@link HealthCheck} asks. */
export interface HealthCheckSettings {
  /** An HTTP GET of this path; without it a TCP (and TLS) connection is opened and closed. */
  path?: string | undefined;
  /** Status that the GET must have. */
  expectStatus: number;
  /** How long the answer may take in all, in milliseconds. */
  timeoutMs: number;
}

/** The backend that a {@link HealthCheck} asks. */
export interface HealthCheckTarget {
  readonly url: URL;
  readonly tls: BackendTls;
  readonly lookup: LookupFunction;
  readonly connectTimeoutMs: number;
  /** Called when a connection stands. */
  readonly onConnected: () => void;
}

/** The question whether a backend lives. */
export class HealthCheck {
  /** Whether it shows that the ACS answers, and not only that something takes connections. */
  readonly asksAcs: boolean;
  readonly #settings: HealthCheckSettings;
  readonly #url: URL;
  readonly #connector: buildConnector.connector;
  /** Ends each question that is open. */
  readonly #open = new Set<() => void>();

  constructor(settings: HealthCheckSettings, { url, tls, lookup, connectTimeoutMs, onConnected }: HealthCheckTarget) {
    this.#settings = settings;
    this.#url = url;
    const { ca, ...rest } = tls;
    const authorities = ca === undefined || typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca];
    const connect = buildConnector({
      ...rest,
      ...(ca !== undefined && { ca: authorities }),
      lookup,
      timeout: connectTimeoutMs,
    });
    this.#connector = (where, callback) =>
      connect(where, (...result) => {
        if (result[0] === null) onConnected();
        callback(...result);
      });
    this.asksAcs = settings.path !== undefined;
  }

  /** Questions that are open. */
  get open(): number {
    return this.#open.size;
  }

  /** Asks once. Resolves with nothing when the backend lives, otherwise with why it does not; never rejects. */
  ask(): Promise<unknown> {
    const { path, timeoutMs } = this.#settings;
    return new Promise((resolve) => {
      let abandon = (): void => {};
      const settle = (fault: unknown): void => {
        clearTimeout(timer);
        this.#open.delete(end);
        abandon();
        resolve(fault);
      };
      const end = (): void => settle(new CwmpProxyError('ERR_CWMP_CLOSED', 'asks no more'));
      // What dribbles, or answers 1xx for ever, gives no answer either.
      const timer = setTimeout(() => settle(new CwmpProxyError('ERR_CWMP_BACKEND_TIMEOUT', 'no answer')), timeoutMs);
      timer.unref();
      this.#open.add(end);
      try {
        abandon = path === undefined ? this.#connect(settle) : this.#get(path, settle);
        if (!this.#open.has(end)) abandon();
      } catch (fault) {
        // Options of TLS that Node does not take are thrown by what opens the socket.
        settle(fault);
      }
    });
  }

  /** Ends the questions that are open. */
  close(): void {
    for (const end of this.#open) end();
  }

  #connect(settle: (fault: unknown) => void): () => void {
    const { protocol, hostname, host, port } = this.#url;
    const where: buildConnector.Options = { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), host, port };
    const opening: unknown = this.#connector(where, (...[error, socket]) => {
      socket?.destroy();
      settle(error ?? undefined);
    });
    if (!(opening instanceof Socket)) return () => {};
    opening.unref();
    return () => opening.destroy(new CwmpProxyError('ERR_CWMP_CLOSED', 'asks no more'));
  }

  #get(path: string, settle: (fault: unknown) => void): () => void {
    const { expectStatus } = this.#settings;
    const client = new Client(this.#url.origin, { connect: this.#connector, pipelining: 1 });
    client.dispatch(
      { method: 'GET', path },
      {
        // undici takes a handler without this for one of its old kind.
        onRequestStart: () => {},
        onResponseStart: (_controller, status) => {
          if (status === expectStatus) settle(undefined);
          else if (status >= 200) settle(new CwmpProxyError('ERR_CWMP_BACKEND_FAILED', `answered with ${status}`));
        },
        onResponseError: (_controller, error) => settle(error),
      },
    );
    return () => void client.destroy();
  }
}
