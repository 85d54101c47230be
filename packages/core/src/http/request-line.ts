import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { CwmpProxyError } from '../errors.js';
import { checkAnswerable, isOpen } from './response.js';

/** Maximum of requests of one connection that wait for those before them. */
const maxWaiting = 4;

const lines = new WeakMap<Socket, RequestLine>();

/**
 * The requests of one connection. A CPE must not pipeline; one that does is served in order, one request at a time, and is cut
 * when it sends more than a few ahead. A request's turn has come when two things hold:
 *
 * - Its response has the connection. Node gives it that when the response before it is over, whoever served that one.
 * - No other request of the connection is being served here: a host may end a response while its exchange still winds down.
 *
 * Behind an answer that closes the connection no turn comes.
 */
export class RequestLine {
  #isBusy = false;
  #waiting = 0;
  readonly #onFree: (() => void)[] = [];

  static of(socket: Socket): RequestLine {
    let line = lines.get(socket);
    if (line === undefined) {
      line = new RequestLine();
      lines.set(socket, line);
    }
    return line;
  }

  /** Takes the turn for a request whose turn has come; returns whether it has. */
  enter(response: ServerResponse): boolean {
    if (this.#isBusy || response.headersSent || !isOpen(response)) return false;
    this.#isBusy = true;
    return true;
  }

  /**
   * Waits for the turn of a request, and takes it.
   *
   * Rejects with a {@link CwmpProxyError} for a request that gets no turn: `ERR_CWMP_CPE_GONE`, `ERR_CWMP_ANSWERED`, or
   * `ERR_CWMP_BAD_REQUEST` when too many wait and the connection was cut.
   */
  async turn({ socket }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#waiting >= maxWaiting) {
      socket.destroy();
      throw new CwmpProxyError(
        'ERR_CWMP_BAD_REQUEST',
        'the request is refused: too many were sent ahead of their answers',
      );
    }
    this.#waiting += 1;
    try {
      if (response.socket === null && !response.headersSent && socket.writable) await socketGiven(socket, response);
      while (this.#isBusy && isOpen(response)) await new Promise<void>((resolve) => this.#onFree.push(resolve));
      checkAnswerable(response);
      this.#isBusy = true;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Ends the turn. */
  leave(): void {
    this.#isBusy = false;
    if (this.#onFree.length > 0) for (const resolve of this.#onFree.splice(0)) resolve();
  }
}

/** Resolves when a response is given its connection, or that is closed, of which a response that waits is not told. */
function socketGiven(socket: Socket, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      socket.off('close', settle);
      response.off('socket', settle);
      resolve();
    };
    socket.on('close', settle);
    response.on('socket', settle);
  });
}
