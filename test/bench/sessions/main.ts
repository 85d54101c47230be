// What an open session takes in memory and what a session costs in CPU, beside a bare pass-through with one undici Client for
// each CPE connection, which rewrites nothing. Usage: npm run bench:sessions [-- idle [sessions [rounds]]]
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { openSessions, runSessions } from './load.js';

const idle = Number(process.argv[2] ?? 9_900);
const sessions = Number(process.argv[3] ?? 3_000);
const rounds = Number(process.argv[4] ?? 7);
const kinds = ['bare', 'cwmp-proxy'];

interface Figures {
  port: number;
  cpuMicros: number;
  rss: number;
}

async function ask(child: ChildProcess, question = false): Promise<Figures> {
  if (question) child.send('how much?');
  const [answer]: unknown[] = await once(child, 'message');
  return { port: 0, cpuMicros: 0, rss: 0, ...(typeof answer === 'object' ? answer : {}) };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const backend = fork(new URL('backend-process.js', import.meta.url));
const { port: backendPort } = await ask(backend);

async function startGateway(kind: string): Promise<{ child: ChildProcess; port: number }> {
  const execArgv = ['--expose-gc'];
  const child = fork(new URL('gateway-process.js', import.meta.url), [kind, `http://127.0.0.1:${backendPort}`], {
    execArgv,
  });
  return { child, port: (await ask(child)).port };
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill();
  if (child.exitCode === null) await once(child, 'exit');
}

console.log(`memory of ${idle} sessions open and idle, KB each, resident, after a warm-up`);
for (const kind of kinds) {
  const { child, port } = await startGateway(kind);
  await runSessions(port, 500, 50);
  const before = (await ask(child, true)).rss;
  const sockets = await openSessions(port, idle);
  const full = (await ask(child, true)).rss;
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  const after = (await ask(child, true)).rss;
  console.log(
    kind.padEnd(14),
    ((full - before) / idle / 1024).toFixed(1).padStart(8),
    `left ${((after - before) / 1e6).toFixed(1)} MB`,
  );
  await stop(child);
}

const costs = new Map<string, number[]>(kinds.map((kind) => [kind, []]));
const gateways = await Promise.all(kinds.map(async (kind) => ({ kind, ...(await startGateway(kind)) })));
// V8 needs some thousands to settle; the proxy has more code to warm than the yardstick.
for (const { port } of gateways) await runSessions(port, 6_000, 32);
for (let round = 0; round < rounds; round += 1) {
  for (const { kind, child, port } of gateways) {
    const before = (await ask(child, true)).cpuMicros;
    await runSessions(port, sessions, 32);
    costs.get(kind)?.push(((await ask(child, true)).cpuMicros - before) / sessions);
  }
}
console.log(
  `\nCPU of ${sessions} sessions of three POSTs, each on a connection of its own, median of ${rounds} rounds`,
);
const yardstick = median(costs.get('bare') ?? []);
for (const [kind, list] of costs) {
  const cost = median(list);
  console.log(kind.padEnd(14), cost.toFixed(0).padStart(6), 'µs a session', (cost / yardstick).toFixed(2).padStart(6));
}
for (const { child } of gateways) await stop(child);
backend.disconnect();
