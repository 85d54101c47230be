import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { atEnd } from './at-end.js';
import { until } from './until.js';

/**
 * Fails a test that leaves a timer or a socket behind which keeps the process alive; call it first. (An unhandled rejection
 * fails a test by itself.)
 */
export function watchForLeaks(t: TestContext): void {
  const before = count();
  atEnd(t, async () => {
    const kinds = (): string[] => [...count()].filter(([kind, n]) => n > (before.get(kind) ?? 0)).map(([kind]) => kind);
    await until(
      'timers and sockets are gone',
      () => kinds().length <= 1 && !kinds().some((kind) => kind !== 'Timeout'),
    );
    // The one timer that may be left is that of the waiting itself.
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(kinds(), []);
  });
}

function count(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind === 'PipeWrap' || kind === 'TTYWrap' || kind === 'Immediate') continue;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}
