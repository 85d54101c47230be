import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { addressOf } from '../../helpers/serve.js';
import { attack, type Kind, kinds, silent } from './kinds.js';

// How far the resident memory of a proxy grows over the idle process under hostile CPEs of each kind, with
// limits.maxHeldTotalBytes at 64 MiB: `npm run bench:memory -- [words of the kinds]`. The bound is 2 * 64 MiB + 64 MB for 200
// CPEs, and 64 KiB more for each further one. Linux only, whose kernel remembers the peak.
// CWMP_BENCH_BASE=<another build>/packages/core/dist/index.js shows another build; CWMP_BENCH_HELD=0 leaves the option out, for
// one that does not know it.

const megabyte = 1_048_576;
const maxHeldTotalBytes = process.env['CWMP_BENCH_HELD'] ?? String(64 * megabyte);
const barBytes = 2 * 64 * megabyte + 64_000_000;
/** What Node reads of a connection at once, before anybody can say that there is no room for it. */
const readBytes = 65_536;
/** Hostile CPEs of a kind; of more than these the bar is higher by what Node reads. */
const usualCount = 200;
const seconds = 8;

function memory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? Number.NaN) * 1024;
}

/** @returns The resident memory of the idle process and at its peak; no peak of a process that has ended. */
async function measure(kind: Kind): Promise<{ idle: number; peak: number | undefined }> {
  const backend = kind.backend();
  const backendSockets = new Set<Socket>();
  backend.on('connection', (socket: Socket) => {
    backendSockets.add(socket);
    socket.on('close', () => backendSockets.delete(socket));
  });
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const args = [`http://127.0.0.1:${addressOf(backend).port}`, maxHeldTotalBytes];
  const child = fork(new URL('subject.js', import.meta.url).pathname, args, {
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  });
  const [started]: { port: number }[] = await once(child, 'message');
  const pid = child.pid ?? 0;
  await pause(500);
  const idle = memory(pid, 'VmRSS');
  // From here on the peak is remembered anew.
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const bytes = kind.requests(addressOf(silentServer).port);
  const sockets: Socket[] = [];
  for (let number = 0; number < (kind.count ?? usualCount); number += 1) {
    sockets.push(attack(kind, bytes, started?.port ?? 0, number));
    // Not more at once than the server lets wait.
    if (number % 100 === 99) await pause(20);
  }
  for (let second = 0; second < seconds; second += 1) {
    await pause(1_000);
    if (kind.trickle !== undefined) for (const socket of sockets) if (socket.writable) socket.write(kind.trickle);
  }
  const peak = child.exitCode === null && child.signalCode === null ? memory(pid, 'VmHWM') : undefined;
  for (const socket of sockets) socket.destroy();
  child.kill('SIGKILL');
  for (const socket of backendSockets) socket.destroy();
  if (backend instanceof HttpServer) backend.closeAllConnections();
  backend.close();
  await once(backend, 'close');
  return { idle, peak };
}

const silentServer = silent().listen(0, '127.0.0.1');
await once(silentServer, 'listening');
const words = process.argv.slice(2);
const chosen = kinds.filter(({ name }) => words.every((word) => name.includes(word)));

const row = (name: string, ...cells: string[]): void => {
  process.stdout.write(`${name.padEnd(62)}${cells.map((cell) => cell.padStart(11)).join('')}\n`);
};
const inMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

row('hostile CPEs', 'RSS idle', 'peak', 'grown by', 'bound', 'verdict');
for (const kind of chosen) {
  const { idle, peak = Infinity } = await measure(kind);
  const bound = barBytes + ((kind.count ?? usualCount) - usualCount) * readBytes;
  const isWithin = peak - idle <= bound;
  if (!isWithin) process.exitCode = 1;
  const figures = peak === Infinity ? ['ended', '–'] : [inMegabytes(peak), inMegabytes(peak - idle)];
  row(kind.name, inMegabytes(idle), ...figures, inMegabytes(bound), isWithin ? 'within' : 'OVER');
}
silentServer.close();
