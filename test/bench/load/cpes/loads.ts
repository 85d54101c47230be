import { cpeRequest, inform, parameterValues, urlValues } from '../messages.js';
import { type CpeAnswer, CpeConnection, type Target, cookieOf } from './cpe-connection.js';
import { Tally } from './tally.js';
import type { Load } from './window.js';

const firstInform = cpeRequest(inform);

/**
 * CWMP sessions as they come in the field: a new connection, an Inform with a URL, an empty POST, the answer to
 * GetParameterValues, and the end with 204.
 */
export function sessionLoad(target: Target, workers: number): Load {
  const tally = new Tally();
  const unit = async (): Promise<void> => {
    const began = performance.now();
    const cpe = await CpeConnection.open(target);
    try {
      const informed = await cpe.exchange(firstInform);
      expect(informed, 200);
      tally.message(began);
      const cookie = cookieOf(informed);
      let since = performance.now();
      expect(await cpe.exchange(cpeRequest(Buffer.alloc(0), cookie)), 200);
      tally.message(since);
      since = performance.now();
      const { status } = await cpe.exchange(cpeRequest(parameterValues, cookie));
      // Frameworks with an empty handler answer all alike.
      if (status !== 204 && status !== 200) throw new Error(`the end of a session was answered with ${status}`);
      tally.message(since);
      tally.sessions += 1;
    } finally {
      cpe.close();
    }
  };
  return { workers, tally, unit };
}

/** Messages of a session on connections that stay open; each holds a URL, or none does. */
export function keepAliveLoad(target: Target, workers: number, body: 'url values' | 'values'): Load {
  const tally = new Tally();
  const cpes: (CpeConnection | undefined)[] = [];
  const requests: Buffer[] = [];
  const unit = async (worker: number): Promise<void> => {
    let cpe = cpes[worker];
    if (cpe?.open !== true) {
      cpe = await CpeConnection.open(target);
      cpes[worker] = cpe;
      const cookie = cookieOf(await cpe.exchange(firstInform));
      requests[worker] = cpeRequest(body === 'url values' ? urlValues : parameterValues, cookie);
    }
    const since = performance.now();
    const { status } = await cpe.exchange(requests[worker] ?? firstInform);
    if (status !== 200 && status !== 204) throw new Error(`a message was answered with ${status}`);
    tally.message(since);
  };
  return { workers, tally, unit, finish: (worker) => cpes[worker]?.close() };
}

function expect({ status }: CpeAnswer, expected: number): void {
  if (status !== expected) throw new Error(`a message was answered with ${status}, not ${expected}`);
}
