import type { IncomingMessage } from 'node:http';

/** How long a CPE that is still sending its body may go on in vain, in milliseconds. */
const lingerMs = 2_000;

/**
 * Reads the rest of a request and throws it away, before its connection is closed: bytes that arrive on a closed connection make
 * the kernel reset it, which takes the answer with it (RFC 9112 §9.6). Resolves when the request has ended, its CPE has left, or
 * a short time is over.
 */
export function readRest(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    if (request.complete || request.destroyed) return resolve();
    const timer = setTimeout(settle, lingerMs);
    timer.unref();
    function settle(): void {
      clearTimeout(timer);
      request.off('end', settle).off('close', settle);
      resolve();
    }
    request.on('end', settle).on('close', settle);
    // Somebody else's, under which nothing flows.
    request.removeAllListeners('readable');
    request.resume();
  });
}
