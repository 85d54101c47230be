import type { BenchBackend } from './bench-backend.js';
import type { Target } from './cpes/cpe-connection.js';
import { type Load, type WindowFigures, type WindowTimes, measureWindow } from './cpes/window.js';
import type { CataloguedPeer } from './peers/catalogue.js';
import type { Plan } from './plan.js';
import { memoryOf, resetPeak } from './process-figures.js';
import type { RunningPeer } from './running-peer.js';
import { median } from './statistics.js';

/** What alternating rounds found of one peer: medians over the rounds of all its processes. */
export interface PeerResult {
  peer: CataloguedPeer;
  /** CPU time of the proxy in microseconds. */
  microsPerMessage: number;
  microsPerSession: number;
  messagesPerSecond: number;
  p50: number;
  p99: number;
  /** Most memory that was resident, in bytes, all rounds. */
  peakBytes: number;
  /** Connections that the backend saw begin for each 1 000 messages. */
  backendConnections: number;
  /** Share of its core that the proxy took. */
  proxyBusy: number;
  /** Share of their core that the load generator and the backend took, and the backend alone. */
  loadBusy: number;
  backendBusy: number;
  faults: number;
}

/** What is run in turn. */
export interface Alternation {
  running: readonly RunningPeer[];
  backend: BenchBackend;
  load: (target: Target) => Load;
  plan: Plan;
}

type Sample = WindowFigures & { backendConnections: number };

/**
 * Loads one peer after the other, round after round, so that what else happens on the machine falls on all of them alike. The
 * first round is for the compilers of the engine and is not counted. The order stays, so that all wait equally long.
 */
export async function alternate(alternation: Alternation): Promise<PeerResult[]> {
  const { running, plan } = alternation;
  const samples = new Map<CataloguedPeer, Sample[]>(running.map(({ peer }) => [peer, []]));
  for (const { pid } of running) resetPeak(pid);
  for (let round = -1; round < plan.rounds; round += 1) {
    for (const peer of running) {
      const figures = await sample(peer, alternation, round < 0 ? plan.warmUp : plan.window);
      if (round >= 0) samples.get(peer.peer)?.push(figures);
    }
  }
  return Array.from(samples, ([peer, figures]) => {
    const peaks = running.filter((one) => one.peer === peer).map(({ pid }) => memoryOf(pid).peak);
    return summarize(peer, figures, Math.max(...peaks));
  });
}

async function sample(peer: RunningPeer, { backend, load }: Alternation, window: WindowTimes): Promise<Sample> {
  const before = await backend.counts();
  const work = load(peer.target);
  const figures = await measureWindow(work, window, { proxy: peer.pid, backend: backend.pid });
  const after = await backend.counts();
  const connections = (after['connections'] ?? 0) - (before['connections'] ?? 0);
  return { ...figures, backendConnections: (connections / work.tally.messages) * 1000 };
}

function summarize(peer: CataloguedPeer, samples: readonly Sample[], peakBytes: number): PeerResult {
  const over = (figure: (sample: Sample) => number): number => median(samples.map(figure));
  return {
    peer,
    microsPerMessage: over(({ proxyMicros, messages }) => proxyMicros / messages),
    microsPerSession: over(({ proxyMicros, sessions }) => proxyMicros / sessions),
    messagesPerSecond: over(({ messages, seconds }) => messages / seconds),
    p50: over(({ p50 }) => p50),
    p99: over(({ p99 }) => p99),
    peakBytes,
    backendConnections: over(({ backendConnections }) => backendConnections),
    proxyBusy: over(({ proxyMicros, seconds }) => proxyMicros / 1e6 / seconds),
    loadBusy: over(({ backendMicros, loadMicros, seconds }) => (backendMicros + loadMicros) / 1e6 / seconds),
    backendBusy: over(({ backendMicros, seconds }) => backendMicros / 1e6 / seconds),
    faults: samples.reduce((sum, { faults }) => sum + faults, 0),
  };
}
