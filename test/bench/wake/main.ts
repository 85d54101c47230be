// What a wake costs, beside undici and node:http doing the same two legs: CPU of the calling process, alternating rounds,
// medians; with CWMP_BENCH_BASE=<another build>/packages/core/dist/index.js that build beside it. Then how many live CPEs are woken
// while others are dead. Ends with 1 where a bar is missed. Usage: npm run bench:wake [-- rounds [wakes]]
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { anotherBuild, clients } from './clients.js';
import { type Bar, deadShares } from './dead-share.js';

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

const bars: Bar[] = [];

for (const atOnce of [100, 500]) {
  const costs = new Map<string, Cost[]>(Object.keys(clients).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, list] of costs) list.push(await measure(name, atOnce));
  }
  const middle = (name: string, what: keyof Cost): number => median((costs.get(name) ?? []).map((cost) => cost[what]));
  const others = [...costs.keys()].filter((name) => name !== 'cwmp-proxy' && name !== anotherBuild);
  const cheapest = Math.min(...others.map((name) => middle(name, 'cpuMicros')));
  console.log(`\n${wakes} wakes of 1000 CPEs, ${atOnce} at once, median of ${rounds} rounds`);
  console.log('client                              CPU µs/wake   wakes/s   peak MB   CPU, cheapest other = 1');
  for (const name of costs.keys()) {
    const cpu = middle(name, 'cpuMicros');
    const columns = [cpu.toFixed(0).padStart(11), middle(name, 'perSecond').toFixed(0).padStart(10)];
    columns.push(middle(name, 'peakMb').toFixed(0).padStart(10), (cpu / cheapest).toFixed(2).padStart(8));
    console.log(name.padEnd(36) + columns.join(''));
  }
  if (!costs.has(anotherBuild)) continue;
  const ratio = middle('cwmp-proxy', 'cpuMicros') / middle(anotherBuild, 'cpuMicros');
  const text = `${atOnce} at once: CPU of a wake ${ratio.toFixed(3)} times that of the other build (bar: 1.03)`;
  bars.push({ text, isReached: ratio <= 1.03 });
}
bars.push(...(await deadShares(Number(port), Math.min(rounds, 3))));
cpes.disconnect();

console.log('\nbars');
for (const { text, isReached } of bars) {
  console.log(`${isReached === undefined ? 'NOT SHOWN' : isReached ? 'reached  ' : 'MISSED   '}  ${text}`);
}
if (bars.some(({ isReached }) => isReached === false)) process.exitCode = 1;
