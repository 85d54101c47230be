import type { BenchContext } from '../bench-context.js';
import { keepAliveLoad, sessionLoad } from '../cpes/loads.js';
import { measureWindow } from '../cpes/window.js';
import { oursPeer } from '../peers/catalogue.js';
import { cpuMicros, memoryOf } from '../process-figures.js';
import { megabytes, short } from '../report/render.js';
import type { WorkloadReport } from '../report/section.js';
import { RunningPeer } from '../running-peer.js';
import { median } from '../statistics.js';

const manyBackends = 100;
const atOnce = 64;

/** Bar 6: what a message costs with many backends, and after very many messages. */
export async function growth(context: BenchContext): Promise<WorkloadReport> {
  const [one, many] = await withBackends(context);
  const long = await longRun(context);
  return {
    sections: [
      {
        title: 'Growth with the number of backends',
        intro: 'Workload (a); the backends differ in their path only.',
        columns: ['backends', 'CPU µs/message'],
        rows: [
          ['1', short(one)],
          [String(manyBackends), short(many)],
        ],
        notes: [],
      },
      {
        title: 'Growth with the number of messages',
        intro: `One process, ${atOnce} connections, messages without a URL.`,
        columns: ['after messages', 'CPU µs/message', 'RSS'],
        rows: long.map(({ messages, micros, resident }) => [String(messages), short(micros), megabytes(resident)]),
        notes: ['The first row is with code that the engine has not compiled yet.'],
      },
    ],
    bars: [
      {
        id: '6',
        what: `CPU per message with ${manyBackends} backends, times that with one`,
        figure: many / one,
        limit: 1.1,
      },
      {
        id: '6',
        what: `CPU per message at the end of ${long.at(-1)?.messages ?? 0}, times that of the first 10 000`,
        figure: (long.at(-1)?.micros ?? Number.NaN) / (long[0]?.micros ?? Number.NaN),
        limit: 1.1,
      },
    ],
    raw: { one, many, long },
  };
}

async function withBackends({ plan, backend }: BenchContext): Promise<[number, number]> {
  const urls = (count: number): string[] => Array.from({ length: count }, (_, index) => `${backend.url}/acs-${index}`);
  const running: RunningPeer[] = [];
  try {
    for (const count of [1, manyBackends]) {
      running.push(await RunningPeer.start(oursPeer, { backend, backends: urls(count) }));
    }
    const micros: number[][] = running.map(() => []);
    for (let round = 0; round <= plan.rounds; round += 1) {
      for (const [index, { pid, target }] of running.entries()) {
        const times = round === 0 ? plan.warmUp : plan.window;
        const figures = await measureWindow(sessionLoad(target, atOnce), times, { proxy: pid, backend: backend.pid });
        if (round > 0) micros[index]?.push(figures.proxyMicros / figures.messages);
      }
    }
    return [median(micros[0] ?? []), median(micros[1] ?? [])];
  } finally {
    await Promise.all(running.map((peer) => peer.stop()));
  }
}

interface Stretch {
  messages: number;
  micros: number;
  resident: number;
}

async function longRun({ plan, backend }: BenchContext): Promise<Stretch[]> {
  const peer = await RunningPeer.start(oursPeer, { backend });
  try {
    const { tally, unit, finish, workers } = keepAliveLoad(peer.target, atOnce, 'values');
    const stretches: Stretch[] = [];
    let from = { messages: 0, cpu: cpuMicros(peer.pid) };
    const stretchEnds = [10_000, ...[0.25, 0.5, 0.75, 1].map((share) => share * plan.longRun.messages)];
    const deadline = performance.now() + plan.longRun.withinMs;
    for (const end of stretchEnds) {
      if (performance.now() > deadline) break;
      await Promise.all(
        Array.from({ length: workers }, async (_, worker) => {
          while (tally.messages < end && performance.now() < deadline) await unit(worker);
        }),
      );
      const cpu = cpuMicros(peer.pid);
      const micros = (cpu - from.cpu) / (tally.messages - from.messages);
      stretches.push({ messages: tally.messages, micros, resident: memoryOf(peer.pid).resident });
      from = { messages: tally.messages, cpu };
    }
    for (let worker = 0; worker < workers; worker += 1) finish?.(worker);
    return stretches;
  } finally {
    await peer.stop();
  }
}
