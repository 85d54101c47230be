// What a wake costs, beside undici and node:http doing the same two legs: CPU of the calling process, alternating rounds,
// medians. Usage: npm run bench:wake [-- rounds [wakes]]
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { clients } from './clients.js';

const rounds = Number(process.argv[2] ?? 7);
const wakes = Number(process.argv[3] ?? 10_000);

interface Cost {
  readonly cpuMicros: number;
  readonly perSecond: number;
  readonly peakMb: number;
}

async function ask(child: ChildProcess): Promise<Record<string, unknown>> {
  const [answer]: unknown[] = await once(child, 'message');
  return typeof answer === 'object' ? { ...answer } : {};
}

const cpes = fork(new URL('cpes.js', import.meta.url));
const { port } = await ask(cpes);

async function measure(name: string, atOnce: number): Promise<Cost> {
  const child = fork(new URL('client-process.js', import.meta.url), [
    name,
    String(port),
    String(wakes),
    String(atOnce),
  ]);
  const { cpuMicros, perSecond, peakMb } = await ask(child);
  if (child.exitCode === null) await once(child, 'exit');
  const seen = ask(cpes);
  cpes.send('how often?');
  const expected = wakes + Math.min(1000, wakes);
  const { woken } = await seen;
  if (woken !== expected) throw new Error(`${name}: ${String(woken)} wakes were seen instead of ${expected}`);
  return { cpuMicros: Number(cpuMicros), perSecond: Number(perSecond), peakMb: Number(peakMb) };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

for (const atOnce of [100, 500]) {
  const costs = new Map<string, Cost[]>(Object.keys(clients).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, list] of costs) list.push(await measure(name, atOnce));
  }
  const middle = (name: string, what: keyof Cost): number => median((costs.get(name) ?? []).map((cost) => cost[what]));
  const others = [...costs.keys()].filter((name) => name !== 'cwmp-proxy');
  const cheapest = Math.min(...others.map((name) => middle(name, 'cpuMicros')));
  console.log(`\n${wakes} wakes of 1000 CPEs, ${atOnce} at once, median of ${rounds} rounds`);
  console.log('client                              CPU µs/wake   wakes/s   peak MB   CPU, cheapest other = 1');
  for (const name of costs.keys()) {
    const cpu = middle(name, 'cpuMicros');
    const columns = [cpu.toFixed(0).padStart(11), middle(name, 'perSecond').toFixed(0).padStart(10)];
    columns.push(middle(name, 'peakMb').toFixed(0).padStart(10), (cpu / cheapest).toFixed(2).padStart(8));
    console.log(name.padEnd(36) + columns.join(''));
  }
}
cpes.disconnect();
