import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { type CwmpProxyError, throwLater } from '../errors.js';

/** How long a CPE that is still sending its body may take to read that it was in vain, in milliseconds. */
const lingerMs = 2_000;

/**
 * Leaves the answer to an exchange that failed to the host's own function, where it has one and there is something to answer;
 * one that throws has not answered.
 */
export function answerFailure(
  request: IncomingMessage,
  response: ServerResponse,
  error: CwmpProxyError,
  onError: ((error: CwmpProxyError) => void) | undefined,
): void {
  if (onError === undefined || response.headersSent || response.destroyed) return answerError(request, response, error);
  try {
    onError(error);
  } catch (thrown) {
    answerError(request, response, error);
    throwLater(thrown);
  }
}

/**
 * Tells a CPE that its exchange failed: the code of the error, nothing of the request. Nothing is sent when an answer is
 * under way; cutting it is all that could be said.
 */
function answerError(
  request: IncomingMessage,
  response: ServerResponse,
  { code, statusCode, headers }: CwmpProxyError,
): void {
  if (response.headersSent || response.destroyed) return;
  const body = `${code}\n`;
  // The reason is named, as the one of a head that could not be written would else be used again.
  const reason = STATUS_CODES[statusCode] ?? 'Error';
  response.writeHead(statusCode, reason, { 'Content-Type': 'text/plain', 'Content-Length': body.length, ...headers });
  if (request.complete || request.destroyed) response.end(body);
  else linger(request, response, body);
}

/**
 * Answers a request whose body is still coming. Node would close the connection behind the answer, and bytes that arrive on
 * a closed connection make the kernel reset it, which takes the answer with it (RFC 9112 §9.6). So the answer is written,
 * what comes is thrown away, and the end waits for the end of the request, for the CPE to leave, or for a short time.
 */
function linger(request: IncomingMessage, response: ServerResponse, body: string): void {
  const timer = setTimeout(end, lingerMs);
  timer.unref();
  function end(): void {
    clearTimeout(timer);
    request.off('end', end).off('close', end);
    response.end();
  }
  request.on('end', end).on('close', end);
  request.resume();
  response.write(body);
}
