import type { WindowTimes } from './cpes/window.js';

/** The hour of a fleet. */
export interface FleetPlan {
  cpes: number;
  /** How long the hour before the storm takes here, in seconds. */
  quietSeconds: number;
  /** How many times faster than a clock the storm and what comes after it run. */
  stormSpeed: number;
  /** How long the last CPE may take to get its session, in seconds. */
  patienceSeconds: number;
}

/** How much of everything a run does. */
export interface Plan {
  quick: boolean;
  /** Names of the peers that take part; all when it is left out. */
  peers?: readonly string[] | undefined;
  /** No workload begins after this, in milliseconds. */
  lastStartMs: number;
  /** Alternating rounds of the workloads that compare peers. */
  rounds: number;
  /** Processes of ours and of the yardstick that take part in them, as chance makes one more expensive than another. */
  processes: number;
  /** Sessions and messages: how long one peer is loaded in one round. */
  window: WindowTimes;
  /** How long a process is loaded before it is measured: the compilers of the engine need thousands of messages. */
  warmUp: WindowTimes;
  /** Size of the big body, in bytes. */
  bigBodyBytes: number;
  /** Idle sessions; fewer where the process may not open as many descriptors. */
  idleSessions: number;
  /** Wakes for each round. */
  wakes: number;
  fleet: FleetPlan;
  /** Messages of one process, first to last, and how long they may take, in milliseconds. */
  longRun: { messages: number; withinMs: number };
}

/** The plan of `npm run bench`, at most ten minutes, or of `npm run bench -- --quick`, at most two. */
export function makePlan(quick: boolean, peers?: readonly string[], rounds?: string): Plan {
  const plan = quick
    ? {
        quick,
        lastStartMs: 100_000,
        rounds: 3,
        processes: 1,
        window: { warmMs: 60, windowMs: 200, enough: 600 },
        warmUp: { warmMs: 0, windowMs: 300, enough: 800 },
        bigBodyBytes: 50_000_000,
        idleSessions: 2_000,
        wakes: 1_000,
        fleet: { cpes: 10_000, quietSeconds: 3, stormSpeed: 40, patienceSeconds: 30 },
        longRun: { messages: 60_000, withinMs: 15_000 },
      }
    : {
        quick,
        lastStartMs: 510_000,
        rounds: 7,
        processes: 2,
        window: { warmMs: 80, windowMs: 240, enough: 1000 },
        warmUp: { warmMs: 0, windowMs: 1500, enough: 6000 },
        bigBodyBytes: 50_000_000,
        idleSessions: 10_000,
        wakes: 10_000,
        fleet: { cpes: 100_000, quietSeconds: 10, stormSpeed: 4, patienceSeconds: 100 },
        longRun: { messages: 1_000_000, withinMs: 120_000 },
      };
  return { ...plan, peers, rounds: Number(rounds ?? plan.rounds) };
}
