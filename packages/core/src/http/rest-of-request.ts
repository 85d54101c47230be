import type { IncomingMessage, ServerResponse } from 'node:http';
import { cut } from './response.js';

/** How long a CPE that is still sending its body may go on in vain, in milliseconds. */
const lingerMs = 2_000;

/**
 * Reads the rest of a request and throws it away, before its connection is closed: bytes that arrive on a closed connection make
 * the kernel reset it, which takes the answer with it (RFC 9112 §9.6). Calls back when the request has ended, its CPE has left, or
 * a short time is over.
 */
export function readRest(request: IncomingMessage, callback: () => void): void {
  if (request.complete || request.destroyed) return callback();
  const timer = setTimeout(settle, lingerMs);
  timer.unref();
  function settle(): void {
    clearTimeout(timer);
    request.off('end', settle).off('close', settle);
    callback();
  }
  request.on('end', settle).on('close', settle);
  // Somebody else's, under which nothing flows.
  request.removeAllListeners('readable');
  request.resume();
}

/**
 * For a request that somebody else answers: closes its connection where the rest of it does not come within a short time. Error
 * handlers wait for the end of a request before they answer, that of Express for instance.
 */
export function cutWithoutRest(request: IncomingMessage, response: ServerResponse): void {
  readRest(request, () => {
    if (!request.complete && !request.destroyed) cut(response);
  });
}
