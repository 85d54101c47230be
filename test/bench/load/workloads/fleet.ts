import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from '../bench-context.js';
import type { Figures } from '../child-answers.js';
import { Fleet, type FleetCounts } from '../cpes/fleet-load.js';
import { cpuMicros, memoryOf } from '../process-figures.js';
import { megabytes, short } from '../report/render.js';
import type { WorkloadReport } from '../report/section.js';
import { RunningPeer } from '../running-peer.js';

/** Every how many hours a CPE informs when nothing happens. */
const periodHours = 6;
/** Most connections at once: what the kernel lets wait (somaxconn is 4 096), and more than the proxy takes sessions. */
const maxOpen = 3500;

const fleetPeer = { name: 'ours-limits', title: 'cwmp-proxy, maxSessions 500' };

interface MemorySample {
  seconds: number;
  resident: number;
}

/** Workload (g): the hour of a fleet, and a storm. */
export async function fleet({ plan, backend }: BenchContext): Promise<WorkloadReport> {
  const { cpes, quietSeconds, stormSpeed, patienceSeconds } = plan.fleet;
  const running = await RunningPeer.start(fleetPeer, { backend });
  const memory: MemorySample[] = [];
  const began = performance.now();
  const sampler = setInterval(() => {
    memory.push({ seconds: (performance.now() - began) / 1000, resident: memoryOf(running.pid).resident });
  }, 500);
  try {
    const { target } = running;
    const quiet = new Fleet({ target, speed: 3600 / quietSeconds, maxOpen, firstId: 1 });
    await quiet.inform(Math.round(cpes / periodHours), quietSeconds * 1000);
    const before = await running.memory();

    const storm = new Fleet({ target, speed: stormSpeed, maxOpen, firstId: 500_000 });
    const stormMs = 60_000 / stormSpeed;
    const since = performance.now();
    const cpu = cpuMicros(running.pid);
    const giveUp = setTimeout(() => storm.stop(), patienceSeconds * 1000);
    await storm.inform(cpes, stormMs);
    clearTimeout(giveUp);
    const stormSeconds = (performance.now() - since) / 1000;
    const busy = (cpuMicros(running.pid) - cpu) / 1e6 / stormSeconds;

    // CPEs have closed; what is left after the graces is the proxy's own.
    await sleep(Math.min(6000, stormMs));
    const after = await running.memory();
    const counts = await backend.counts();
    return report({
      cpes,
      stormSpeed,
      stormSeconds,
      busy,
      quiet: quiet.counts,
      storm: storm.counts,
      memory,
      before,
      after,
      counts,
    });
  } finally {
    clearInterval(sampler);
    await running.stop();
  }
}

interface FleetResult {
  cpes: number;
  stormSpeed: number;
  stormSeconds: number;
  /** Share of its core that the proxy took. */
  busy: number;
  quiet: FleetCounts;
  storm: FleetCounts;
  memory: readonly MemorySample[];
  before: Figures;
  after: Figures;
  counts: Figures;
}

function report(result: FleetResult): WorkloadReport {
  const { cpes, quiet, storm, memory, before, after, counts } = result;
  const row = (title: string, one: FleetCounts): string[] => [
    title,
    String(one.attempts),
    String(one.accepted),
    String(one.completed),
    String(one.broken),
    String(one.shed),
    String(one.refused + one.odd),
    `${short(one.sessionTimes.share(0.99))} ms`,
    `${short(one.shedTimes.share(0.99))} ms`,
  ];
  const peak = Math.max(...memory.map(({ resident }) => resident));
  const informed = quiet.accepted + storm.accepted;
  const unanswered = (counts['informs'] ?? 0) - informed;
  const growth = ((after['heapUsed'] ?? Number.NaN) - (before['heapUsed'] ?? Number.NaN)) / 1e6;
  const intro =
    `An hour in which each of ${cpes} CPEs informs every ${periodHours} hours, then all reboot within a minute. The storm ` +
    `runs at ${result.stormSpeed} times the speed of a clock: ${short((cpes / 60) * result.stormSpeed)} sessions/s are asked ` +
    `for, Retry-After and thinking are as much shorter. It took ${short(result.stormSeconds)} s; the proxy took ${short(result.busy * 100)} % of its core.`;
  return {
    sections: [
      {
        title: '(g) the hour of a fleet, and a storm',
        intro,
        columns: [
          'phase',
          'Informs',
          'accepted',
          'completed',
          'broken',
          'shed (503)',
          'refused',
          'session p99',
          '503 p99',
        ],
        rows: [row('quiet hour', quiet), row('storm', storm)],
        notes: [
          `The backend saw ${counts['informs'] ?? 0} Informs, ${counts['doubled'] ?? 0} of them twice, ${unanswered} whose CPE got no answer; ${counts['rewritten'] ?? 0} were rewritten.`,
          `503 without Retry-After: ${quiet.shedWithoutRetryAfter + storm.shedWithoutRetryAfter}.`,
          `RSS before the storm ${megabytes(before['rss'] ?? 0)}, peak ${megabytes(peak)}, after it ${megabytes(after['rss'] ?? 0)}; ` +
            `heap before ${megabytes(before['heapUsed'] ?? 0)}, after ${megabytes(after['heapUsed'] ?? 0)}.`,
        ],
      },
    ],
    bars: [
      { id: '5', what: 'accepted sessions that broke', figure: quiet.broken + storm.broken, limit: 0 },
      { id: '5', what: 'Informs that a backend saw twice', figure: counts['doubled'] ?? Number.NaN, limit: 0 },
      { id: '5', what: 'Informs a backend saw whose CPE got no answer', figure: unanswered, limit: 0 },
      { id: '5', what: 'CPEs without a session at the end', figure: cpes - storm.completed, limit: 0 },
      {
        id: '5',
        what: '503s without Retry-After',
        figure: quiet.shedWithoutRetryAfter + storm.shedWithoutRetryAfter,
        limit: 0,
      },
      { id: '5', what: 'slowest 503, s', figure: storm.shed === 0 ? 0 : storm.shedTimes.share(1) / 1000, limit: 5 },
      { id: '5', what: 'heap after the storm, MB more than before', figure: growth, limit: 5 },
    ],
    raw: { ...result, quiet: quiet.figures(), storm: storm.figures() },
  };
}
