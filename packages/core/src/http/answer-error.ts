import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { type CwmpProxyError, throwLater } from '../errors.js';
import { cut, isOpen, readNothingBehind, responseFault } from './response.js';

/** How long a CPE that is still sending its body may take to read that it was in vain, in milliseconds. */
const lingerMs = 2_000;

/** What an answer to an exchange that failed may call. */
export interface FailureCalls {
  /** Answers in the proxy's place, where the host has such a function. */
  onError: ((error: CwmpProxyError) => void) | undefined;
  /** Is called with the fault of a response that cannot be written. */
  onFault: (fault: CwmpProxyError) => void;
}

/**
 * Calls the host's `onError` for an exchange that failed. If there is none, or it throws, sends our own error answer. Does nothing
 * where nothing can be answered: the connection is gone, or an answer is under way. Never throws.
 */
export function answerFailure(
  request: IncomingMessage,
  response: ServerResponse,
  error: CwmpProxyError,
  { onError, onFault }: FailureCalls,
): void {
  if (response.headersSent || !isOpen(response)) return;
  try {
    if (onError !== undefined) return onError(error);
  } catch (thrown) {
    throwLater(thrown);
    if (response.headersSent || !isOpen(response)) return;
  }
  try {
    answerError(request, response, error, onFault);
  } catch (cause) {
    cut(response);
    onFault(responseFault(cause));
  }
}

/** Tells a CPE that its exchange failed: the code of the error, nothing of the request. */
function answerError(
  request: IncomingMessage,
  response: ServerResponse,
  { code, statusCode, headers }: CwmpProxyError,
  onFault: FailureCalls['onFault'],
): void {
  const body = `${code}\n`;
  // The reason is named, as the one of a head that could not be written is used again otherwise.
  const reason = STATUS_CODES[statusCode] ?? 'Error';
  response.writeHead(statusCode, reason, { 'Content-Type': 'text/plain', 'Content-Length': body.length, ...headers });
  readNothingBehind(response);
  // A server with `rejectNonStandardBodyWrites` throws at the body of an answer to a HEAD.
  const sent = request.method === 'HEAD' ? undefined : body;
  if (request.complete || request.destroyed) response.end(sent);
  else linger(request, response, sent, onFault);
}

/**
 * Answers a request whose body is still coming. Node would close the connection behind the answer, and bytes that arrive on
 * a closed connection make the kernel reset it, which takes the answer with it (RFC 9112 §9.6). So the answer is written,
 * what comes is thrown away, and the end waits for the end of the request, for the CPE to leave, or for a short time.
 */
function linger(
  request: IncomingMessage,
  response: ServerResponse,
  body: string | undefined,
  onFault: FailureCalls['onFault'],
): void {
  if (body === undefined) response.flushHeaders();
  else response.write(body);
  const timer = setTimeout(end, lingerMs);
  timer.unref();
  function end(): void {
    clearTimeout(timer);
    request.off('end', end).off('close', end);
    if (!isOpen(response)) return;
    try {
      response.end();
    } catch (cause) {
      cut(response);
      onFault(responseFault(cause));
    }
  }
  request.on('end', end).on('close', end);
  request.resume();
}
