import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { type CwmpProxyError, throwLater } from '../errors.js';
import { cut, isOpen, responseFault, untilParsed } from './response.js';
import { cutWithoutRest, readRest } from './rest-of-request.js';

/** What an answer to an exchange that failed may call. */
export interface FailureCalls {
  /** Answers in the proxy's place, where the host has such a function. */
  onError: ((error: CwmpProxyError) => void) | undefined;
  /** Is called with the fault of a response that cannot be written. */
  onFault: (fault: CwmpProxyError) => void;
}

/**
 * Calls the host's `onError` for an exchange that failed. If there is none, or it throws, sends our own error answer. Does nothing
 * where nothing can be answered: the connection is gone, or an answer is under way. Never rejects.
 *
 * The host's function is called when the rest of the request was read, or a short time is over: the host may close the connection
 * behind its answer. Where the rest still does not come, the connection is cut after the same time once more.
 */
export async function answerFailure(
  request: IncomingMessage,
  response: ServerResponse,
  error: CwmpProxyError,
  { onError, onFault }: FailureCalls,
): Promise<void> {
  const isOver = (): boolean => response.headersSent || !isOpen(response);
  // Node 24 gives a response its connection that the host has destroyed before, and nothing ends it.
  if (response.destroyed && response.socket !== null) cut(response);
  if (isOver()) return;
  if (onError !== undefined) {
    if (!request.complete) await new Promise<void>((resolve) => readRest(request, resolve));
    if (isOver()) return;
    try {
      onError(error);
      return cutWithoutRest(request, response);
    } catch (thrown) {
      throwLater(thrown);
      if (isOver()) return;
    }
  }
  try {
    await answerError(request, response, error);
  } catch (cause) {
    cut(response);
    onFault(responseFault(cause));
  }
}

/**
 * Tells a CPE that its exchange failed: the code of the error, nothing of the request. Resolves when the answer was ended. It closes
 * the connection, so its end waits for the rest of the request.
 */
async function answerError(
  request: IncomingMessage,
  response: ServerResponse,
  { code, statusCode, headers }: CwmpProxyError,
): Promise<void> {
  const body = `${code}\n`;
  // The reason is named, as the one of a head that could not be written is used again otherwise.
  const reason = STATUS_CODES[statusCode] ?? 'Error';
  response.writeHead(statusCode, reason, { 'Content-Type': 'text/plain', 'Content-Length': body.length, ...headers });
  // A server with `rejectNonStandardBodyWrites` throws at the body of an answer to a HEAD.
  if (request.method === 'HEAD') response.flushHeaders();
  else response.write(body);
  await new Promise<void>((resolve) => readRest(request, resolve));
  await untilParsed(response);
  if (isOpen(response)) response.end();
}
