import { PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks';
import type { Prepared, StallCase } from './stall-case.js';

/** What a case has cost. */
export interface StallFigures {
  /** Longest turn of the event loop with the largest input, the largest of all runs, in milliseconds. */
  longestMs: number;
  /** CPU time of one run at each size, the least of all runs, in milliseconds. */
  runMs: readonly [number, number, number];
  /** CPU time for each 64 KiB of the largest input, in milliseconds; of tables `undefined`. */
  cpuMs: number | undefined;
  /** How the cost grows with the length: 1 is linear. `undefined` where the largest input costs too little to tell. */
  exponent: number | undefined;
  /** Runs of the largest input whose turns were taken. */
  runs: number;
}

const turnRuns = 20;
/** Of inputs that take long each, each run has many turns, and fewer runs do. */
const turnsMs = 2_000;
const fewestTurnRuns = 3;
const cpuRounds = 7;
const cpuMs = 1_500;
const warmUpMs = 150;
/** A run that is shorter than this is repeated until it is not, so that the clocks can tell. */
const shortestRunMs = 4;
/** What costs less than this at the highest length that comes in, and for each 64 KiB, costs little however it grows. */
const leastToTellMs = 1;
const leastCpuMs = 0.5;

function cpuNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

interface Turn {
  readonly since: number;
  readonly until: number;
  readonly ms: number;
}

/**
 * How long the turns of the event loop took while one run was under way. Of each turn the lesser counts of what the clock says and of
 * the CPU time of all threads: neither is less than what the turn took, and the one is free of what else the machine does, the other of
 * what other threads do.
 */
async function turnsOf(prepared: Prepared): Promise<Turn[]> {
  await nextTurn();
  const turns: Turn[] = [];
  let since = performance.now();
  let sinceCpu = cpuNow();
  let isOver = false;
  const work = Promise.resolve(prepared.run()).finally(() => {
    isOver = true;
  });
  for (;;) {
    if (isOver) break;
    await nextTurn();
    const until = performance.now();
    const untilCpu = cpuNow();
    turns.push({ since, until, ms: Math.min(until - since, untilCpu - sinceCpu) });
    since = until;
    sinceCpu = untilCpu;
  }
  await work;
  return turns;
}

/** What a piece of work gives, and the pauses of V8's collector while it was under way. */
async function withPauses<Result>(work: () => Promise<Result>): Promise<[Result, readonly PerformanceEntry[]]> {
  const pauses: PerformanceEntry[] = [];
  const observer = new PerformanceObserver((list) => pauses.push(...list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  const result = await work();
  // It is told of each pause in the turn after that.
  await nextTurn();
  pauses.push(...observer.takeRecords());
  observer.disconnect();
  return [result, pauses];
}

/** How long the pauses took that began within this time. */
function pausedMs(pauses: readonly PerformanceEntry[], since: number, until: number): number {
  const within = pauses.filter(({ startTime }) => startTime >= since && startTime < until);
  return within.reduce((sum, { duration }) => sum + duration, 0);
}

/** The turns without the pauses of V8's collector in them. */
async function turnsWithoutPauses(prepared: Prepared): Promise<Turn[]> {
  const [turns, pauses] = await withPauses(() => turnsOf(prepared));
  return turns.map(({ since, until, ms }) => ({ since, until, ms: Math.max(0, ms - pausedMs(pauses, since, until)) }));
}

async function warmUp(prepared: Prepared): Promise<void> {
  const until = performance.now() + warmUpMs;
  do await prepared.run();
  while (performance.now() < until);
}

/** What a run of operations costs when each turn is the usual one. */
async function usualCost(prepared: Prepared, operationsPerTurn: number): Promise<number> {
  const turns = (await turnsOf(prepared)).map(({ ms }) => ms).toSorted((one, other) => one - other);
  return ((turns[turns.length >> 1] ?? 0) * prepared.length) / operationsPerTurn;
}

/** The CPU time of one run. It is repeated as often as the clock needs, which `repeats` holds for the next time. */
async function runOnce(prepared: Prepared, repeats: { count: number }): Promise<number> {
  for (;;) {
    const before = cpuNow();
    for (let at = 0; at < repeats.count; at += 1) await prepared.run();
    const spent = cpuNow() - before;
    if (spent >= shortestRunMs || repeats.count >= 100_000) return spent / repeats.count;
    repeats.count *= 2;
  }
}

/** The same of operations that are all made at once, without the pauses of V8's collector: what waits is garbage together. */
async function runAtOnce(prepared: Prepared, repeats: { count: number }): Promise<number> {
  const since = performance.now();
  const [cpuMs, pauses] = await withPauses(async () => (await runOnce(prepared, repeats)) * repeats.count);
  const until = performance.now();
  return Math.max(0, cpuMs - pausedMs(pauses, since, until)) / repeats.count;
}

/** The CPU time of one run of a case. */
function costOf(one: StallCase, prepared: Prepared, repeats: { count: number }): Promise<number> {
  if (one.operationsPerTurn !== undefined) return usualCost(prepared, one.operationsPerTurn);
  return one.countsOperations === true ? runAtOnce(prepared, repeats) : runOnce(prepared, repeats);
}

/** Measures a case at its three sizes, in turns, so that none of them meets another machine or colder code than the others. */
export async function measure(one: StallCase): Promise<StallFigures> {
  const sized = one.sizes.map((size) => ({ prepared: one.make(size), repeats: { count: 1 }, least: Infinity }));
  const [small, middle, large] = sized;
  if (small === undefined || middle === undefined || large === undefined) throw new Error('no sizes');
  for (const { prepared } of sized) await warmUp(prepared);
  const cpuUntil = performance.now() + cpuMs;
  for (let round = 0; round === 0 || (round < cpuRounds && performance.now() < cpuUntil); round += 1) {
    for (const size of sized) {
      const spent = await costOf(one, size.prepared, size.repeats);
      size.least = Math.min(size.least, spent);
    }
  }
  let runs = 0;
  let longestMs = 0;
  const turnsUntil = performance.now() + turnsMs;
  for (; runs < turnRuns && (runs < fewestTurnRuns || performance.now() < turnsUntil); runs += 1) {
    const turns = await (one.operationsPerTurn === undefined ? turnsOf : turnsWithoutPauses)(large.prepared);
    for (const { ms } of turns) longestMs = Math.max(longestMs, ms);
  }
  const growth = Math.log(large.least / small.least) / Math.log(large.prepared.length / small.prepared.length);
  const perLength = one.countsOperations === true ? undefined : (large.least / large.prepared.length) * 65_536;
  return {
    longestMs,
    runMs: [small.least, middle.least, large.least],
    cpuMs: perLength,
    exponent: large.least < leastToTellMs || (perLength ?? Infinity) < leastCpuMs ? undefined : growth,
    runs,
  };
}
