import type { IncomingMessage } from 'node:http';
import { CwmpProxyError } from '../errors.js';

/** A body that was read whole, or the note that it is longer than what may be held. */
export type ReadBody = { held: Buffer } | { held: undefined };

const empty = Buffer.alloc(0);

/**
 * Reads a request's body into memory as long as it is no longer than the limit. A longer one is left to be streamed:
 * what was read is put back, and the request stays paused.
 *
 * Rejects with {@link CwmpProxyError}: `ERR_CWMP_REQUEST_TIMEOUT` when the body does not arrive whole in time,
 * `ERR_CWMP_CPE_GONE` when the CPE leaves in the middle.
 */
export function readBody(request: IncomingMessage, maxHeldBytes: number, timeoutMs: number): Promise<ReadBody> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;

    const timer = setTimeout(() => {
      fail('ERR_CWMP_REQUEST_TIMEOUT', 'the request body did not arrive in time');
    }, timeoutMs);
    timer.unref();

    function onData(chunk: Buffer): void {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= maxHeldBytes) return;
      settle();
      request.pause();
      request.unshift(Buffer.concat(chunks));
      resolve({ held: undefined });
    }

    function onEnd(): void {
      settle();
      const [first = empty] = chunks;
      resolve({ held: chunks.length > 1 ? Buffer.concat(chunks, length) : first });
    }

    function onGone(): void {
      fail('ERR_CWMP_CPE_GONE', 'the CPE left before its request was whole');
    }

    function fail(code: 'ERR_CWMP_CPE_GONE' | 'ERR_CWMP_REQUEST_TIMEOUT', message: string): void {
      settle();
      reject(new CwmpProxyError(code, message));
    }

    function settle(): void {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
    }

    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}
