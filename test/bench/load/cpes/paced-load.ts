import { setTimeout as sleep } from 'node:timers/promises';
import { cpeRequest, inform, parameterValues } from '../messages.js';
import { CpeConnection, type Target, cookieOf } from './cpe-connection.js';
import { Tally } from './tally.js';
import type { Load } from './window.js';

const firstInform = cpeRequest(inform);

/** CPEs in session that say something from time to time: what one waits for the proxy, when it is far from its limit. */
export function pacedLoad(target: Target, workers: number, pauseMs: number): Load {
  const tally = new Tally();
  const cpes: (CpeConnection | undefined)[] = [];
  const requests: Buffer[] = [];
  const unit = async (worker: number): Promise<void> => {
    let cpe = cpes[worker];
    if (cpe === undefined) {
      // They must not all speak at once.
      await sleep(Math.random() * pauseMs);
      cpe = await CpeConnection.open(target);
      cpes[worker] = cpe;
      requests[worker] = cpeRequest(parameterValues, cookieOf(await cpe.exchange(firstInform)));
    }
    await sleep(pauseMs);
    const since = performance.now();
    await cpe.exchange(requests[worker] ?? firstInform);
    tally.message(since);
  };
  return { workers, tally, unit, finish: (worker) => cpes[worker]?.close() };
}

/** Opens sessions that stay open and silent: an Inform each, and then nothing. Resolves when all are there. */
export async function openIdle(target: Target, count: number): Promise<CpeConnection[]> {
  const cpes: CpeConnection[] = [];
  const open = async (): Promise<void> => {
    while (cpes.length < count) {
      const cpe = await CpeConnection.open(target);
      cpes.push(cpe);
      await cpe.exchange(firstInform);
    }
  };
  await Promise.all(Array.from({ length: 32 }, open));
  return cpes;
}
