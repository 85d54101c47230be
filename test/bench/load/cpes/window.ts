import { setTimeout as sleep } from 'node:timers/promises';
import { cpuMicros } from '../process-figures.js';
import { Latencies } from '../statistics.js';
import type { Tally } from './tally.js';

/** Work that repeats until it is told to stop. */
export interface Load {
  /** How many of them at once. */
  workers: number;
  tally: Tally;
  /** One unit of one worker: a session, a message. */
  unit: (worker: number) => Promise<void>;
  /** After the last unit of a worker. */
  finish?: (worker: number) => void;
}

/** Which processes are read. */
export interface Observed {
  proxy: number;
  backend: number;
}

/** How long a load runs. */
export interface WindowTimes {
  /** Before anything is counted, in milliseconds. */
  warmMs: number;
  /** That is counted, in milliseconds; up to ten times as long where the machine is too busy for enough messages. */
  windowMs: number;
  /** How many messages are enough. */
  enough: number;
}

/** What was seen in a window. */
export interface WindowFigures {
  messages: number;
  sessions: number;
  faults: number;
  seconds: number;
  /** CPU time in microseconds. */
  proxyMicros: number;
  backendMicros: number;
  loadMicros: number;
  p50: number;
  p99: number;
}

/** Runs a load in a closed loop and reads a window out of the middle, so that neither start nor end is in the figures. */
export async function measureWindow(load: Load, times: WindowTimes, pids: Observed): Promise<WindowFigures> {
  const { tally } = load;
  const state = { running: true };
  const work = async (worker: number): Promise<void> => {
    while (state.running) {
      try {
        await load.unit(worker);
      } catch {
        tally.faults += 1;
        // A target that refuses everything must not turn this into a busy loop.
        await sleep(5);
      }
    }
    load.finish?.(worker);
  };
  const workers = Array.from({ length: load.workers }, (_, worker) => work(worker));
  await sleep(times.warmMs);
  tally.latencies = new Latencies();
  const before = snapshot(tally, pids);
  await sleep(times.windowMs);
  for (let more = 0; more < 100 && tally.messages - before.messages < times.enough; more += 1)
    await sleep(times.windowMs / 10);
  const after = snapshot(tally, pids);
  const { latencies } = tally;
  state.running = false;
  await Promise.all(workers);
  return {
    messages: after.messages - before.messages,
    sessions: after.sessions - before.sessions,
    faults: after.faults - before.faults,
    seconds: (after.at - before.at) / 1000,
    proxyMicros: after.proxy - before.proxy,
    backendMicros: after.backend - before.backend,
    loadMicros: after.load - before.load,
    p50: latencies.share(0.5),
    p99: latencies.share(0.99),
  };
}

function snapshot({ messages, sessions, faults }: Tally, { proxy, backend }: Observed): Record<SnapshotName, number> {
  const own = process.cpuUsage();
  return {
    messages,
    sessions,
    faults,
    at: performance.now(),
    proxy: cpuMicros(proxy),
    backend: cpuMicros(backend),
    load: own.user + own.system,
  };
}

type SnapshotName = 'messages' | 'sessions' | 'faults' | 'at' | 'proxy' | 'backend' | 'load';
