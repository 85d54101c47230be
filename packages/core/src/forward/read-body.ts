import type { IncomingMessage } from 'node:http';
import { CwmpProxyError } from '../errors.js';
import { GatheredBytes } from '../http/gathered-bytes.js';
import type { Hold } from '../http/held-room.js';
import { wasRead } from '../http/unread-request.js';
import { type BodyLimits, bodyFaults } from './request-body.js';

/** A body that was read whole; or, of a body that is longer than what may be held, what was read of it so far. */
export interface ReadBody {
  /** Whether `bytes` are the whole body. */
  whole: boolean;
  /** The body, or its beginning; the beginning was put back, and is read again with the rest. */
  bytes: Buffer;
}

/** The room that a body which is streamed takes, in bytes; a body that is held takes no more at first. */
export const streamBytes = 65_536;

const empty = Buffer.alloc(0);

/**
 * Reads a request's body into memory as long as it is no longer than the limit, and there is room for it. A longer one is left to
 * be streamed: what was read is put back, and the request stays paused.
 *
 * @param holds Is given the room that the body takes, for the caller to release. An empty body takes none.
 *
 * Rejects with {@link CwmpProxyError}: `ERR_CWMP_BODY_TOO_LARGE` when its length is over the limit of all,
 * `ERR_CWMP_REQUEST_TIMEOUT` when it does not go on in time or gives way to others, `ERR_CWMP_BUSY` when there is no room for its
 * beginning in time, `ERR_CWMP_CPE_GONE` when the CPE leaves in the middle, `ERR_CWMP_BODY_CONSUMED` when somebody else has read
 * it.
 */
export async function readBody(request: IncomingMessage, limits: BodyLimits, holds: Hold[]): Promise<ReadBody> {
  const { maxHeldBytes, maxBodyBytes, budget } = limits;
  const { 'content-length': announced = '0', 'transfer-encoding': coding } = request.headers;
  if (coding === undefined && announced === '0') return { whole: true, bytes: empty };
  const length = coding === undefined ? Number(announced) : Infinity;
  if (coding === undefined && length > maxBodyBytes) throw bodyFaults.tooLarge(maxBodyBytes);
  if (wasRead(request)) throw readByOthers();
  // Node's parser hands over what came with the head as soon as it gets the turn; after that most bodies are there whole,
  // and nothing has to be listened for.
  await Promise.resolve();
  // By a host that goes on with a request that it has handed over: that reads of it, has it read as text, or is about to read.
  const isTaken = wasRead(request) || request.readableEncoding !== null || request.listenerCount('readable') > 0;
  if (isTaken) throw readByOthers();
  if (request.destroyed) throw bodyFaults.gone();
  const room = Math.min(length, streamBytes);
  const hold = budget.bodies.tryTake(request, room) ?? (await budget.bodies.take(request, room));
  holds.push(hold);
  if (request.readableLength === length && length <= maxHeldBytes) {
    // By its length: without one Node 26 gives the first of several pieces only.
    const bytes: unknown = request.read(length);
    // On to its end, without which Node would not let go of the request.
    request.resume();
    if (Buffer.isBuffer(bytes)) return { whole: true, bytes };
  }
  return collectBody(request, limits, length, holds, hold);
}

function readByOthers(): CwmpProxyError {
  const message = 'something else reads the request body; mount the proxy in front of body parsers';
  return new CwmpProxyError('ERR_CWMP_BODY_CONSUMED', message);
}

/** @param length Its length, as far as it is known. */
function collectBody(
  request: IncomingMessage,
  limits: BodyLimits,
  length: number,
  holds: readonly Hold[],
  hold: Hold,
): Promise<ReadBody> {
  const { maxHeldBytes, maxBodyBytes, quietMs, budget } = limits;
  return new Promise((resolve, reject) => {
    const held = new GatheredBytes(Math.min(length, maxHeldBytes));
    const arrival = budget.arrival(holds, fail);
    const timer = setTimeout(() => fail(bodyFaults.quiet()), quietMs);
    timer.unref();

    function onData(chunk: Buffer): void {
      held.append(chunk);
      arrival.came(chunk.length);
      timer.refresh();
      if (held.length > maxBodyBytes) return fail(bodyFaults.tooLarge(maxBodyBytes));
      if (held.length <= maxHeldBytes && hold.tryGrow(held.length, maxHeldBytes)) return;
      settle();
      request.pause();
      const bytes = held.take();
      request.unshift(bytes);
      resolve({ whole: false, bytes });
    }

    function onEnd(): void {
      settle();
      resolve({ whole: true, bytes: held.take() });
    }

    function onGone(): void {
      fail(bodyFaults.gone());
    }

    function fail(fault: CwmpProxyError): void {
      settle();
      // An error keeps alive what the functions on its stack refer to, for as long as it takes to answer.
      held.clear();
      reject(fault);
    }

    function settle(): void {
      clearTimeout(timer);
      arrival.stop();
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
    }

    if (request.destroyed) return onGone();
    arrival.start();
    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}
