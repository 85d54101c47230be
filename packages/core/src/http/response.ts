import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { CwmpProxyError } from '../errors.js';
import { onClosed } from './client-left.js';
import { readRest } from './rest-of-request.js';

/**
 * Whether something can still be written to a response: nobody has ended it, it has its connection, and that stands. Node gives a
 * response its connection when the one before it is over, and takes it away at its end. A connection on which an answer has said
 * `Connection: close` is given to no further response, or to a wrong one, but it is not writable any more.
 */
export function isOpen(response: ServerResponse): boolean {
  return !response.writableEnded && !response.destroyed && response.socket?.writable === true;
}

/**
 * Checks that a response can be answered.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_ANSWERED` where the host has begun an answer, `ERR_CWMP_CPE_GONE` where the connection
 * is closed, or closes behind an earlier answer.
 */
export function checkAnswerable(response: ServerResponse): void {
  if (response.headersSent || response.writableEnded) throw answeredByHost();
  if (!isOpen(response)) throw new CwmpProxyError('ERR_CWMP_CPE_GONE', 'the connection closed before an answer');
}

/** The fault of an exchange whose response somebody else has made use of. */
export function answeredByHost(): CwmpProxyError {
  return new CwmpProxyError('ERR_CWMP_ANSWERED', "the host answered in the proxy's place");
}

/** The fault of a response that throws, or emits `error`. */
export function responseFault(cause: unknown): CwmpProxyError {
  return new CwmpProxyError('ERR_CWMP_INTERNAL', 'the response could not be written', { cause });
}

/**
 * Sends a whole answer of our own; it was ended when the promise resolves.
 *
 * Rejects with a {@link CwmpProxyError} as {@link checkAnswerable} throws it, with nothing written; with `ERR_CWMP_INTERNAL` where
 * the response throws, with the connection cut.
 */
export async function reply(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string | string[]>>,
  body?: string | Buffer,
): Promise<void> {
  checkAnswerable(response);
  try {
    // The reason is named, as the one of a head that could not be written is used again otherwise.
    response.writeHead(status, STATUS_CODES[status] ?? 'Error', headers);
    const sent = response.req.method === 'HEAD' ? undefined : body;
    if (response.shouldKeepAlive || response.req.complete) response.end(sent);
    else await endLast(response, sent);
  } catch (cause) {
    cut(response);
    throw responseFault(cause);
  }
}

/**
 * Sends the rest of an answer that closes its connection. Resolves when it was ended, unless somebody else has: when the rest of the
 * request was read (see {@link readRest}) and the segment parsed (see {@link untilParsed}).
 */
export function endLast(response: ServerResponse, body: string | Buffer | undefined): Promise<void> {
  if (body === undefined) response.flushHeaders();
  else response.write(body);
  return endAfterRest(response);
}

async function endAfterRest(response: ServerResponse): Promise<void> {
  await readRest(response.req);
  await untilParsed(response);
  if (isOpen(response)) response.end();
}

/**
 * Closes the connection of a response at once. Never throws. A client of HTTP/1.0 may read its answer up to the end of the connection:
 * so that half of it does not look whole, the connection is reset.
 *
 * @param request Where a wrapper of the host may stand for the response, which shows another request or none.
 */
export function cut(response: ServerResponse, request?: IncomingMessage): void {
  try {
    const { httpVersion, socket } = request ?? response.req;
    // It throws on a connection with TLS, whose end a client tells from a cut.
    if (response.headersSent && !response.writableFinished && httpVersion === '1.0') socket.resetAndDestroy();
    response.destroy();
  } catch {
    // A host may have put another function in its place. The connection is closed in any case.
  }
  try {
    (request ?? response.req).socket.destroy();
  } catch {
    // The host has left no connection to be closed.
  }
}

/**
 * Is waited for before an answer that says `Connection: close` ends; nothing more is read from its connection then. Node parses every
 * request of a segment in one turn of the event loop. An answer that ended in the middle of that would let go of the connection, and
 * Node would give it to the next request that it parses, ahead of those that wait; whatever is written to that one may end the
 * process, by an assertion about their order.
 */
export function untilParsed(response: ServerResponse): Promise<void> {
  response.req.socket.pause();
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Cuts the connection of a client that takes nothing of its answer for one to two times the given time, in milliseconds. Node
 * would wait for it for ever, and with it the backend connection.
 */
export function watchForStall(response: ServerResponse, quietMs: number): void {
  let taken = -1;
  const timer = setInterval(() => {
    const { socket, writableLength } = response;
    // What the kernel has taken on this connection so far.
    const now = socket === null ? 0 : socket.bytesWritten - socket.writableLength;
    if (writableLength > 0 && now === taken) cut(response);
    taken = now;
  }, quietMs);
  timer.unref();
  onClosed(response, () => clearInterval(timer));
}
