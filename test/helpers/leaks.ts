import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { atEnd } from './at-end.js';
import { until } from './until.js';

/**
 * Fails a test that leaves a timer or a socket behind which keeps the process alive; call it first. (An unhandled rejection
 * fails a test by itself.)
 */
export function watchForLeaks(t: TestContext): void {
  const left = watchResources();
  atEnd(t, async () => assert.deepEqual(await left(), []));
}

/**
 * Counts timers and sockets that keep the process alive. Returns a function that waits until there are no more than now, and
 * resolves with the kinds of which there still are.
 */
export function watchResources(): () => Promise<string[]> {
  const before = count();
  const kinds = (): string[] => [...count()].filter(([kind, n]) => n > (before.get(kind) ?? 0)).map(([kind]) => kind);
  return async () => {
    await until('timers and sockets are gone', async () => {
      // The timer of the waiting itself is over by then.
      await new Promise((resolve) => setImmediate(resolve));
      return kinds().length === 0;
    }).catch(() => {});
    return kinds();
  };
}

function count(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind === 'PipeWrap' || kind === 'TTYWrap' || kind === 'Immediate') continue;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}
