import type { BenchContext } from '../bench-context.js';
import { CpeConnection, type Target } from '../cpes/cpe-connection.js';
import { FakeCpes } from '../cpes/fake-cpes.js';
import { oursPeer } from '../peers/catalogue.js';
import { cpuMicros, memoryOf } from '../process-figures.js';
import { megabytes, short } from '../report/render.js';
import type { WorkloadReport } from '../report/section.js';
import { RunningPeer } from '../running-peer.js';
import { Latencies, median } from '../statistics.js';

const atOnce = 100;
/** Far more than are woken at once, because one CPE is not woken twice within 250 ms. */
const cpeCount = 2000;

interface WakeRound {
  microsPerWake: number;
  wakesPerSecond: number;
  p50: number;
  p99: number;
}

/** Workload (f): an ACS asks for wakes, over HTTP with Basic; each is GET, 401, GET with Digest, 200. */
export async function wakes({ plan, backend }: BenchContext): Promise<WorkloadReport> {
  const running = await RunningPeer.start(oursPeer, { backend });
  const cpes = await FakeCpes.start(cpeCount);
  try {
    const [first = ''] = cpes.urls;
    const acs = await CpeConnection.open(running.target);
    const { status } = await acs.exchange(wakeRequest(first));
    acs.close();
    if (cpes.counts.accepted === 0) return skipped(status);
    const rounds: WakeRound[] = [];
    for (let round = 0; round <= Math.min(plan.rounds, 3); round += 1) {
      const figures = await wakeAll(running.target, running.pid, cpes.urls, plan.wakes);
      if (round > 0) rounds.push(figures);
    }
    return report(rounds, memoryOf(running.pid).peak, cpes.counts.refused);
  } finally {
    cpes.stop();
    await running.stop();
  }
}

function wakeRequest(url: string): Buffer {
  const basic = Buffer.from('acs:secret').toString('base64');
  return Buffer.from(
    `GET /client?origin=${encodeURIComponent(url)} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Basic ${basic}\r\n\r\n`,
  );
}

async function wakeAll(target: Target, pid: number, urls: readonly string[], count: number): Promise<WakeRound> {
  const latencies = new Latencies();
  let next = 0;
  const work = async (): Promise<void> => {
    const acs = await CpeConnection.open(target);
    while (next < count) {
      const url = urls[next % urls.length] ?? '';
      next += 1;
      const since = performance.now();
      const { status } = await acs.exchange(wakeRequest(url));
      if (status !== 200 && status !== 204) throw new Error(`a wake was answered with ${status}`);
      latencies.add(performance.now() - since);
    }
    acs.close();
  };
  const cpu = cpuMicros(pid);
  const began = performance.now();
  await Promise.all(Array.from({ length: atOnce }, work));
  return {
    microsPerWake: (cpuMicros(pid) - cpu) / count,
    wakesPerSecond: count / ((performance.now() - began) / 1000),
    p50: latencies.share(0.5),
    p99: latencies.share(0.99),
  };
}

function report(rounds: readonly WakeRound[], peak: number, refused: number): WorkloadReport {
  const over = (figure: (round: WakeRound) => number): string => short(median(rounds.map(figure)));
  return {
    sections: [
      {
        title: '(f) wakes',
        intro: `${atOnce} at once, through the endpoint that an ACS calls; ${cpeCount} fake CPEs in the load process.`,
        columns: ['proxy', 'CPU µs/wake', 'wakes/s', 'p50 ms', 'p99 ms', 'peak RSS'],
        rows: [
          [
            oursPeer.title,
            over(({ microsPerWake }) => microsPerWake),
            over(({ wakesPerSecond }) => wakesPerSecond),
            over(({ p50 }) => p50),
            over(({ p99 }) => p99),
            megabytes(peak),
          ],
        ],
        notes: ['No peer can do this.', ...(refused > 0 ? [`**${refused} wakes had a wrong Digest.**`] : [])],
      },
    ],
    bars: [],
    raw: rounds,
  };
}

function skipped(status: number): WorkloadReport {
  const note = `!!! SKIPPED: this build does not wake CPEs over its endpoint (it answered ${status} and called none).`;
  return {
    sections: [{ title: '(f) wakes', intro: note, columns: ['proxy'], rows: [], notes: [] }],
    bars: [],
    raw: note,
  };
}
