import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { type CwmpProxyError, throwLater } from '../errors.js';
import { cut, endLast, isOpen, responseFault } from './response.js';
import { readRest } from './rest-of-request.js';

/** What an answer to an exchange that failed may call. */
export interface FailureCalls {
  /** Answers in the proxy's place, where the host has such a function. */
  onError: ((error: CwmpProxyError) => void | Promise<void>) | undefined;
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
  try {
    // Node 24 gives a response its connection that the host has destroyed before, and nothing ends it.
    if (response.destroyed && response.socket !== null) cut(response);
    if (isOver()) return;
    if (onError !== undefined) {
      await readRest(request);
      if (isOver() || (await hasHandedOver(request, response, () => onError(error))) || isOver()) return;
    }
    await answerError(response, error);
  } catch (cause) {
    cut(response, request);
    onFault(responseFault(cause));
  }
}

/** Has the host answer. Returns whether it could: what its function throws, or rejects with, is handed to the process. */
async function hasHandedOver(
  request: IncomingMessage,
  response: ServerResponse,
  handOver: () => void | Promise<void>,
): Promise<boolean> {
  try {
    const answered = handOver();
    void cutWithoutRest(request, response);
    await answered;
    return true;
  } catch (thrown) {
    throwLater(thrown);
    return false;
  }
}

/**
 * For a request that somebody else answers: closes its connection where the rest of it does not come within a short time. Error
 * handlers wait for the end of a request before they answer, that of Express for instance.
 */
export async function cutWithoutRest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  await readRest(request);
  if (!request.complete && !request.destroyed) cut(response);
}

/**
 * Tells a CPE that its exchange failed: the code of the error, nothing of the request. Resolves when the answer was ended. It closes
 * the connection, so its end waits for the rest of the request.
 */
async function answerError(response: ServerResponse, { code, statusCode, headers }: CwmpProxyError): Promise<void> {
  const body = `${code}\n`;
  // The reason is named, as the one of a head that could not be written is used again otherwise.
  const reason = STATUS_CODES[statusCode] ?? 'Error';
  response.writeHead(statusCode, reason, { 'Content-Type': 'text/plain', 'Content-Length': body.length, ...headers });
  // A server with `rejectNonStandardBodyWrites` throws at the body of an answer to a HEAD.
  await endLast(response, response.req.method === 'HEAD' ? undefined : body);
}
