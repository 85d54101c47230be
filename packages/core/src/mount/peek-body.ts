import type { IncomingMessage } from 'node:http';
import { CwmpProxyError } from '../errors.js';
import { GatheredBytes } from '../http/gathered-bytes.js';

/**
 * Waits until a request's body is there and returns it, without taking it: the request can be read as if nobody had.
 *
 * A readable stream emits `end` when its last byte is taken, unless a byte is put back in the same turn of the event loop
 * (`unshift` is allowed until `end` is emitted). Hence the whole body is put back in the turn in which its end has come.
 *
 * Rejects with {@link CwmpProxyError}: `ERR_CWMP_BODY_TOO_LARGE`, `ERR_CWMP_REQUEST_TIMEOUT`, `ERR_CWMP_CPE_GONE`,
 * `ERR_CWMP_BODY_CONSUMED`.
 */
export function peekBody(request: IncomingMessage, maxBytes: number, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const held = new GatheredBytes();

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
      }
      if (held.length > maxBytes) {
        fail(new CwmpProxyError('ERR_CWMP_BODY_TOO_LARGE', `the request body is longer than ${maxBytes} bytes`));
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
      reject(error);
    }

    function settle(): void {
      clearTimeout(timer);
      request.off('readable', onReadable).off('error', onGone).off('close', onGone);
    }

    // Listening for `readable` would end a stream that is empty and at its end. By the next tick all that came in one
    // segment with the head is there, and an end that was not in it comes after the listening has begun.
    process.nextTick(() => {
      if (request.destroyed) onGone();
      else if (request.readableDidRead || request.readableEncoding !== null)
        fail(new CwmpProxyError('ERR_CWMP_BODY_CONSUMED', 'something else reads the request body'));
      else if (request.complete) onReadable();
      else request.on('readable', onReadable).on('error', onGone).on('close', onGone);
    });
  });
}
