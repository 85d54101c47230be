import { BoundedMap } from '../../bounded-map.js';

/** How long a work may take at once when it begins, in milliseconds: a hundred times what most messages take. */
const firstSliceMs = 1;
/** How long all works that begin in one turn of the event loop may take together. */
const beginningsMs = 5;
/** How long one work that has begun may take in one turn of the event loop. */
const sliceMs = 5;

/** Work that is done in steps, each of which takes a few milliseconds at most. */
export interface Stepwise {
  /** Does the next step; whether there is another. */
  step(): boolean;
}

interface Waiting {
  readonly work: Stepwise;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Works that came when enough had begun in their turn. They go first: most are short. */
const fresh = new BoundedMap<Waiting, true>(Infinity);
/** Works that have begun; one of them goes on in each turn. */
const begun = new BoundedMap<Waiting, true>(Infinity);
/** How long the works took that have begun in this turn. */
let spentMs = 0;
let isScheduled = false;

/** Does steps for so long; whether there are none left. Returns with the time that they took added to what was spent. */
function runSlice(work: Stepwise, longestMs: number): boolean {
  const since = performance.now();
  let isDone = false;
  let ms = 0;
  while (!isDone && ms < longestMs) {
    isDone = !work.step();
    ms = performance.now() - since;
  }
  // Less is what any message takes.
  if (ms > firstSliceMs / 4) {
    spentMs += ms;
    schedule();
  }
  return isDone;
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(onTurn);
}

function onTurn(): void {
  isScheduled = false;
  advance(begun, sliceMs);
  spentMs = 0;
  for (;;) {
    if (spentMs >= beginningsMs || fresh.size === 0) break;
    advance(fresh, firstSliceMs);
  }
  if (fresh.size > 0 || begun.size > 0) schedule();
}

/** Gives the first of these works a slice. */
function advance(queue: BoundedMap<Waiting, true>, longestMs: number): void {
  const waiting = queue.oldestKey;
  if (waiting === undefined) return;
  queue.delete(waiting);
  try {
    if (runSlice(waiting.work, longestMs)) waiting.resolve();
    else begun.set(waiting, true);
  } catch (error) {
    waiting.reject(error);
  }
}

function wait(work: Stepwise, queue: BoundedMap<Waiting, true>): Promise<void> {
  return new Promise((resolve, reject) => {
    queue.set({ work, resolve, reject }, true);
    schedule();
  });
}

/**
 * Does work that may be long in slices, between which everything else in the process has its turn. Works that are under way at the
 * same time take turns; one that is short does not wait for those that are long. What a step throws is thrown here, or rejects.
 *
 * @returns `undefined` when it is done at once, as short work mostly is; otherwise a promise that resolves when it is done.
 */
export function inSlices(work: Stepwise): Promise<void> | undefined {
  if (spentMs >= beginningsMs) return wait(work, fresh);
  return runSlice(work, firstSliceMs) ? undefined : wait(work, begun);
}
