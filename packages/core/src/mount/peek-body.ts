import type { IncomingMessage } from 'node:http';
import { CwmpProxyError } from '../errors.js';
import { GatheredBytes } from '../http/gathered-bytes.js';
import { HeldBytesError, type Hold } from '../http/held-room.js';
import type { HoldBudget } from '../http/hold-budget.js';
import { wasRead } from '../http/unread-request.js';
import { lengthOf } from './kept-body.js';

/** How much of a body is taken, and for how long. */
export interface PeekLimits {
  /** Maximum size of a body, in bytes. */
  maxBodyBytes: number;
  /** Maximum time for the body to arrive, in milliseconds. */
  timeoutMs: number;
  /** What all bodies may hold together. */
  budget: HoldBudget;
}

/** The fault of a body that is too long. */
export function bodyTooLong(maxBodyBytes: number): CwmpProxyError {
  return new CwmpProxyError('ERR_CWMP_BODY_TOO_LARGE', `the request body is longer than ${maxBodyBytes} bytes`);
}

/**
 * Waits until a request's body is there and returns it, without taking it: the request can be read as if nobody had.
 *
 * A readable stream emits `end` when its last byte is taken, unless a byte is put back in the same turn of the event loop
 * (`unshift` is allowed until `end` is emitted). Hence the whole body is put back in the turn in which its end has come.
 *
 * Rejects with {@link CwmpProxyError}: `ERR_CWMP_BODY_TOO_LARGE`, `ERR_CWMP_REQUEST_TIMEOUT`, `ERR_CWMP_CPE_GONE`,
 * `ERR_CWMP_BODY_CONSUMED`, `ERR_CWMP_BUSY`.
 *
 * @param hold The room that it has, which grows with it.
 */
export function peekBody(
  request: IncomingMessage,
  { maxBodyBytes, timeoutMs, budget }: PeekLimits,
  hold: Hold,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const held = new GatheredBytes(lengthOf(request));
    const arrival = budget.arrival([hold], fail);

    const timer = setTimeout(() => {
      fail(new CwmpProxyError('ERR_CWMP_REQUEST_TIMEOUT', 'the request body did not arrive in time'));
    }, timeoutMs);
    timer.unref();

    function onReadable(): void {
      // To read where there is nothing would end a stream that is at its end.
      while (request.readableLength > 0) {
        const chunk: unknown = request.read(request.readableLength);
        if (!Buffer.isBuffer(chunk)) break;
        held.append(chunk);
        arrival.came(chunk.length);
      }
      if (held.length > maxBodyBytes) {
        fail(bodyTooLong(maxBodyBytes));
      } else if (!hold.tryGrow(held.length, maxBodyBytes)) {
        fail(new HeldBytesError());
      } else if (request.complete) {
        settle();
        const body = held.take();
        if (body.length > 0) request.unshift(body);
        resolve(body);
      }
    }

    function onGone(): void {
      fail(new CwmpProxyError('ERR_CWMP_CPE_GONE', 'the CPE left before its request was whole'));
    }

    function fail(error: CwmpProxyError): void {
      settle();
      // An error keeps alive what the functions on its stack refer to, for as long as it takes to answer.
      held.clear();
      reject(error);
    }

    function settle(): void {
      clearTimeout(timer);
      arrival.stop();
      request.off('readable', onReadable).off('error', onGone).off('close', onGone);
    }

    // Listening for `readable` would end a stream that is empty and at its end. By the next tick all that came in one
    // segment with the head is there, and an end that was not in it comes after the listening has begun.
    process.nextTick(() => {
      if (request.destroyed) onGone();
      else if (wasRead(request) || request.readableEncoding !== null)
        fail(new CwmpProxyError('ERR_CWMP_BODY_CONSUMED', 'something else reads the request body'));
      else if (request.complete) onReadable();
      else {
        arrival.start();
        request.on('readable', onReadable).on('error', onGone).on('close', onGone);
      }
    });
  });
}
