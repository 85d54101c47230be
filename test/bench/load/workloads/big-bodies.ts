import type { BenchContext } from '../bench-context.js';
import { CpeConnection } from '../cpes/cpe-connection.js';
import { inform } from '../messages.js';
import { npmPeers, oursPeer, yardstickPeer } from '../peers/catalogue.js';
import { cpuMicros, memoryOf, resetPeak } from '../process-figures.js';
import { megabytes, short } from '../report/render.js';
import type { Bar, Section, WorkloadReport } from '../report/section.js';
import type { RunningPeer } from '../running-peer.js';
import { median } from '../statistics.js';

/** One way of a big body through a proxy. */
interface BigBody {
  id: string;
  title: string;
  /** The request, in parts; those after the head are written as they are taken. */
  request: (bytes: number) => Buffer[];
}

const part = Buffer.alloc(65_536, 'firmware');

function head(start: string, type: string, bytes: number): Buffer {
  return Buffer.from(
    `${start} HTTP/1.1\r\nHost: acs.isp.example\r\nContent-Type: ${type}\r\nContent-Length: ${bytes}\r\n\r\n`,
  );
}

/** A message of this size: the parameters of an Inform again and again, the one with the URL at the very end. */
function bigMessage(bytes: number): Buffer[] {
  const text = inform.toString('latin1');
  const first = text.indexOf('<ParameterValueStruct>');
  const url = text.lastIndexOf('<ParameterValueStruct>');
  const [before, structs, after] = [text.slice(0, first), text.slice(first, url), text.slice(url)];
  const times = Math.floor((bytes - before.length - after.length) / structs.length);
  const body = Buffer.from(`${before}${structs.repeat(times)}${after}`, 'latin1');
  return [head('POST /', 'text/xml; charset="utf-8"', body.length), body];
}

const bodies: readonly BigBody[] = [
  {
    id: 'upload',
    title: 'upload (PUT)',
    request: (bytes) => [
      head('PUT /upload', 'application/octet-stream', bytes),
      ...Array.from({ length: Math.ceil(bytes / part.length) }, (_, index) =>
        part.subarray(0, bytes - index * part.length),
      ),
    ],
  },
  {
    id: 'download',
    title: 'download (GET)',
    request: (bytes) => [Buffer.from(`GET /download/${bytes} HTTP/1.1\r\nHost: acs.isp.example\r\n\r\n`)],
  },
  { id: 'message', title: 'message (POST), a URL at its end', request: bigMessage },
];

interface Transfer {
  megabytesPerSecond: number;
  cpuMillis: number;
}

interface BigBodyResult extends Transfer {
  peer: string;
  body: string;
  /** What the process held more at its peak, over all rounds, than before the first. */
  growthBytes: number;
}

/** Workload (d): a big body, streamed. */
export async function bigBodies({ plan, running, native }: BenchContext): Promise<WorkloadReport> {
  const rounds = plan.quick ? 2 : plan.rounds;
  // For the compilers of the engine: a transfer is thousands of chunks, but one request.
  const warmTransfers = plan.quick ? 3 : 6;
  const peers = await running.of(plan, [oursPeer, yardstickPeer, ...(plan.quick ? [] : npmPeers), ...native]);
  const results: BigBodyResult[] = [];
  for (const body of bodies) {
    const request = body.request(plan.bigBodyBytes);
    for (let warm = 0; warm < warmTransfers; warm += 1) {
      for (const peer of peers) await transfer(peer, request, plan.bigBodyBytes);
    }
    const resident = new Map<RunningPeer, number>();
    for (const peer of peers) {
      await peer.memory();
      resetPeak(peer.pid);
      resident.set(peer, memoryOf(peer.pid).resident);
    }
    const samples = new Map<RunningPeer, Transfer[]>(peers.map((peer) => [peer, []]));
    for (let round = 0; round < rounds; round += 1) {
      const order = round % 2 === 0 ? peers : peers.toReversed();
      for (const peer of order) samples.get(peer)?.push(await transfer(peer, request, plan.bigBodyBytes));
    }
    for (const peer of new Set(peers.map((one) => one.peer))) {
      const own = peers.filter((one) => one.peer === peer);
      const figures = own.flatMap((one) => samples.get(one) ?? []);
      results.push({
        peer: peer.title,
        body: body.id,
        megabytesPerSecond: median(figures.map((one) => one.megabytesPerSecond)),
        cpuMillis: median(figures.map((one) => one.cpuMillis)),
        growthBytes: Math.max(...own.map((one) => memoryOf(one.pid).peak - (resident.get(one) ?? Number.NaN))),
      });
    }
  }
  return {
    sections: bodies.map((body) => sectionOf(body, results, plan.bigBodyBytes)),
    bars: barsOf(results),
    raw: results,
  };
}

async function transfer(peer: RunningPeer, request: Buffer[], bytes: number): Promise<Transfer> {
  const cpu = cpuMicros(peer.pid);
  const since = performance.now();
  const cpe = await CpeConnection.open(peer.target);
  const { status } = await cpe.exchange(...request);
  const seconds = (performance.now() - since) / 1000;
  cpe.close();
  if (status >= 400) throw new Error(`${peer.peer.title} answered a big body with ${status}`);
  return { megabytesPerSecond: bytes / 1e6 / seconds, cpuMillis: (cpuMicros(peer.pid) - cpu) / 1000 };
}

function sectionOf(body: BigBody, results: readonly BigBodyResult[], bytes: number): Section {
  const rows = results.filter((result) => result.body === body.id).sort((a, b) => a.cpuMillis - b.cpuMillis);
  return {
    title: `(d) ${megabytes(bytes)}, ${body.title}`,
    intro: 'One transfer at a time.',
    columns: ['proxy', 'CPU ms', 'MB/s', 'growth of RSS at its peak'],
    rows: rows.map(({ peer, cpuMillis, megabytesPerSecond, growthBytes }) => [
      peer,
      short(cpuMillis),
      short(megabytesPerSecond),
      megabytes(growthBytes),
    ]),
    notes:
      body.id === 'message' ? ['Only cwmp-proxy reads the message and rewrites the URL; the others pass it on.'] : [],
  };
}

function barsOf(results: readonly BigBodyResult[]): Bar[] {
  return bodies.flatMap(({ id, title }) => {
    const of = (peer: string): BigBodyResult | undefined =>
      results.find((result) => result.body === id && result.peer === peer);
    const ours = of(oursPeer.title);
    const speed =
      (ours?.megabytesPerSecond ?? Number.NaN) / (of(yardstickPeer.title)?.megabytesPerSecond ?? Number.NaN);
    return [
      { id: '3', what: `${title}: throughput, times the pass-through`, figure: speed, limit: 1, atLeast: true },
      { id: '3', what: `${title}: growth of memory, MB`, figure: (ours?.growthBytes ?? Number.NaN) / 1e6, limit: 32 },
    ];
  });
}
