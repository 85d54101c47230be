import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from '../bench-context.js';
import { openIdle, pacedLoad } from '../cpes/paced-load.js';
import { measureWindow } from '../cpes/window.js';
import { beforePeers, type CataloguedPeer, oursPeer, yardstickPeer } from '../peers/catalogue.js';
import { descriptorLimit } from '../process-figures.js';
import { short } from '../report/render.js';
import type { WorkloadReport } from '../report/section.js';
import { RunningPeer } from '../running-peer.js';
import { median } from '../statistics.js';

const active = { count: 200, pauseMs: 100 };

interface IdleResult {
  peer: CataloguedPeer;
  idle: number;
  residentPerSession: number;
  heapPerSession: number;
  p99Before: number;
  p99With: number;
  microsBefore: number;
  microsWith: number;
}

/** Workload (e): sessions that are open and silent, and some that are not. */
export async function idleSessions({ plan, backend }: BenchContext): Promise<WorkloadReport> {
  // The proxy has two descriptors a session.
  const idle = Math.min(plan.idleSessions, Math.floor((descriptorLimit() - 300) / 2) - active.count);
  const results: IdleResult[] = [];
  for (const peer of [oursPeer, ...beforePeers, yardstickPeer]) {
    const running = await RunningPeer.start(peer, { backend });
    try {
      const pids = { proxy: running.pid, backend: backend.pid };
      const times = {
        warmMs: 300,
        ...(plan.quick ? { windowMs: 500, enough: 500 } : { windowMs: 700, enough: 1000 }),
      };
      const load = (): ReturnType<typeof pacedLoad> => pacedLoad(running.target, active.count, active.pauseMs);
      await measureWindow(load(), plan.warmUp, pids);
      const before = await repeat(plan.rounds, () => measureWindow(load(), times, pids));
      // The first half fills what the engine keeps for itself; what the second half adds is the sessions' own.
      const cpes = await openIdle(running.target, Math.floor(idle / 2));
      await sleep(300);
      const half = await running.memory();
      cpes.push(...(await openIdle(running.target, idle - cpes.length)));
      await sleep(300);
      const full = await running.memory();
      // Again, as what the engine has compiled is not for what came in between, nor outlives a collection that is asked for.
      await measureWindow(load(), plan.warmUp, pids);
      const during = await repeat(plan.rounds, () => measureWindow(load(), times, pids));
      for (const cpe of cpes) cpe.close();
      const per = (name: string): number => ((full[name] ?? Number.NaN) - (half[name] ?? Number.NaN)) / (idle / 2);
      results.push({
        peer,
        idle,
        residentPerSession: per('rss'),
        heapPerSession: per('heapUsed'),
        p99Before: median(before.map(({ p99 }) => p99)),
        p99With: median(during.map(({ p99 }) => p99)),
        microsBefore: median(before.map(({ proxyMicros, messages }) => proxyMicros / messages)),
        microsWith: median(during.map(({ proxyMicros, messages }) => proxyMicros / messages)),
      });
    } finally {
      await running.stop();
    }
  }
  return reportOf(results, plan.idleSessions);
}

async function repeat<T>(times: number, run: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let time = 0; time < times; time += 1) results.push(await run());
  return results;
}

function reportOf(results: readonly IdleResult[], wanted: number): WorkloadReport {
  const ours = results.find(({ peer }) => peer === oursPeer);
  const idle = ours?.idle ?? 0;
  const fewer = `${idle} idle sessions, not ${wanted}: this process may open ${descriptorLimit()} descriptors only.`;
  return {
    sections: [
      {
        title: `(e) ${idle} idle sessions, ${active.count} active`,
        intro: `Idle: an Inform answered, then silence. Active: a message every ${active.pauseMs} ms and CPE.`,
        columns: [
          'proxy',
          'RSS/idle session',
          'heap/idle session',
          'p99 without',
          'p99 with',
          'µs/message without',
          'with',
        ],
        rows: results.map((result) => [
          result.peer.title,
          `${short(result.residentPerSession / 1024)} KB`,
          `${short(result.heapPerSession / 1024)} KB`,
          `${short(result.p99Before)} ms`,
          `${short(result.p99With)} ms`,
          short(result.microsBefore),
          short(result.microsWith),
        ]),
        notes: [
          'Memory after a collection of garbage: what the second half of the idle sessions added.',
          ...(idle < wanted ? [fewer] : []),
        ],
      },
    ],
    bars: [
      { id: '4', what: 'RSS per idle session, KB', figure: (ours?.residentPerSession ?? Number.NaN) / 1024, limit: 40 },
      {
        id: '4',
        what: 'active p99, times that without idle',
        figure: ratio(ours?.p99With, ours?.p99Before),
        limit: 1.5,
      },
      {
        id: '6',
        what: `CPU per message with ${idle} sessions open, times that with ${active.count}`,
        figure: ratio(ours?.microsWith, ours?.microsBefore),
        limit: 1.1,
      },
    ],
    raw: results,
  };
}

function ratio(one: number | undefined, other: number | undefined): number {
  return (one ?? Number.NaN) / (other ?? Number.NaN);
}
