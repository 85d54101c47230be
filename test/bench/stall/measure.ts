import type { Prepared, StallCase } from './stall-case.js';

/** What a case has cost. */
export interface StallFigures {
  /** Longest turn of the event loop with the largest input, the largest of all runs, in milliseconds. */
  longestMs: number;
  /** CPU time for each 64 KiB of the largest input, in milliseconds; of tables `undefined`. */
  cpuMs: number | undefined;
  /** How the cost grows with the length: 1 is linear. */
  exponent: number;
  runs: number;
}

const turnRuns = 20;
/** Of inputs that take long each, each run has many turns, and fewer runs do. */
const longestMeasurementMs = 4_000;
const warmUpMs = 150;
/** A run that is shorter than this is repeated until it is not, so that the clocks can tell. */
const shortestRunMs = 4;

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * The longest turn of the event loop while one run is under way. Of each turn the lesser counts of what the clock says and of the
 * CPU time of all threads: neither is less than what the turn took, and the one is free of what else the machine does, the other of
 * what other threads do.
 */
async function longestTurn(prepared: Prepared): Promise<number> {
  await nextTurn();
  let longest = 0;
  let since = performance.now();
  let sinceCpu = cpuMs();
  let isOver = false;
  const work = Promise.resolve(prepared.run()).finally(() => {
    isOver = true;
  });
  for (;;) {
    if (isOver) break;
    await nextTurn();
    const now = performance.now();
    const nowCpu = cpuMs();
    longest = Math.max(longest, Math.min(now - since, nowCpu - sinceCpu));
    since = now;
    sinceCpu = nowCpu;
  }
  await work;
  return longest;
}

/** The least CPU time of a run, in milliseconds. */
async function leastCpu(prepared: Prepared, runs: number): Promise<number> {
  let count = 1;
  let least = Infinity;
  const until = performance.now() + longestMeasurementMs;
  for (let round = 0; round < runs || least === Infinity; round += 1) {
    const before = cpuMs();
    for (let at = 0; at < count; at += 1) await prepared.run();
    const spent = cpuMs() - before;
    if (spent < shortestRunMs && count < 100_000) {
      count *= 2;
      round -= 1;
    } else least = Math.min(least, spent / count);
    if (performance.now() > until) break;
  }
  return least;
}

/** Measures a case at its three sizes. */
export async function measure(one: StallCase): Promise<StallFigures> {
  const { sizes } = one;
  const points: { length: number; cpu: number }[] = [];
  let longestMs = 0;
  let runs = 0;
  for (const size of sizes) {
    const prepared = one.make(size);
    const warm = performance.now() + warmUpMs;
    do await prepared.run();
    while (performance.now() < warm);
    points.push({ length: prepared.length, cpu: await leastCpu(prepared, 7) });
    if (size !== sizes[2]) continue;
    const until = performance.now() + longestMeasurementMs;
    for (; runs < turnRuns && (runs < 3 || performance.now() < until); runs += 1) {
      longestMs = Math.max(longestMs, await longestTurn(prepared));
    }
  }
  const [small, , large] = points;
  if (small === undefined || large === undefined) throw new Error('no sizes');
  return {
    longestMs,
    cpuMs: one.countsOperations === true ? undefined : (large.cpu / large.length) * 65_536,
    exponent: Math.log(large.cpu / small.cpu) / Math.log(large.length / small.length),
    runs,
  };
}
