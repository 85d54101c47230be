import { Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import { CwmpProxyError } from '../errors.js';

/** Where a {@link BackendConnection} goes, and how long it waits. */
export interface ConnectionSettings {
  /** Scheme, host and port; as a URL, so that no connection has to parse it. */
  origin: URL;
  /** Opens the sockets; one for all connections of a backend, so that they share its cache of TLS sessions. */
  connector: buildConnector.connector;
  /** Longest wait for the head of an answer, in milliseconds. */
  headersTimeoutMs: number;
  /** Longest silence inside an answer's body, in milliseconds. */
  bodyTimeoutMs: number;
}

/** One for all: to capture a stack for each session that ends costs as much as to rewrite a message. */
const sessionOver = new CwmpProxyError('ERR_CWMP_CLOSED', 'the session is over');

/** The longest delay a Node timer takes. */
const noLimitMs = 2_147_483_647;

/**
 * A connection of its own for one CPE. An ACS binds the session and the Digest nonce to the socket, so it is shared with
 * nobody, and idle it stays open for as long as the ACS and the session let it. When the ACS closes it between two requests,
 * the next request opens it anew; a request that was under way is never sent again.
 */
export class BackendConnection {
  readonly #client: Client;
  /** The socket that is being connected: an undici Client that is destroyed would leave it to its timeout. */
  #connecting: Socket | undefined;
  /**
   * What has undici wait in the middle of an answer. It is resumed when the backend closes, all of whose bytes were read by
   * then: undici would throw out of its listener, or fail an answer of which only the end was not told (nodejs/undici#5360).
   */
  paused: Dispatcher.DispatchController | undefined;

  constructor({ origin, connector, headersTimeoutMs, bodyTimeoutMs }: ConnectionSettings) {
    this.#client = new Client(origin, {
      connect: (options, callback) => {
        const socket: unknown = connector(options, (...result) => {
          this.#connecting = undefined;
          // Ahead of undici's own listener, which is added by the callback.
          result[1]?.on('error', nameReset).on('end', () => this.paused?.resume());
          callback(...result);
        });
        if (socket instanceof Socket) this.#connecting = socket;
      },
      pipelining: 1,
      headersTimeout: headersTimeoutMs,
      bodyTimeout: bodyTimeoutMs,
      // undici would close an idle connection two seconds before a `Keep-Alive: timeout` of the ACS runs out. A CPE does
      // not: the ACS closes, and the session's own idle time is the limit.
      keepAliveTimeout: noLimitMs,
      keepAliveMaxTimeout: noLimitMs,
      keepAliveTimeoutThreshold: -noLimitMs,
    });
  }

  /** Sends a request when those before it are answered. */
  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(request, handler);
  }

  /** Closes at once; what is in flight fails with `ERR_CWMP_CLOSED`. Resolves when it is closed. */
  destroy(): Promise<void> {
    const destroyed = this.#client.destroy(sessionOver);
    this.#connecting?.destroy(sessionOver);
    return destroyed;
  }
}

/**
 * undici would take a reset for the end of a body without length, would throw out of its listener when it is paused in one
 * (nodejs/undici#5360), and would fail with it the request that it holds for one turn before it writes on a connection that
 * was idle. By the code of its own errors of sockets it does neither: what was under way fails, what was not begun is sent on a
 * new connection.
 */
function nameReset(error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNRESET') error.code = 'UND_ERR_SOCKET';
}
