import { fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { fuzzHosts } from '../../helpers/fuzz/fuzz-hosts.js';
import { addTally, type FuzzTally } from '../../helpers/fuzz/fuzz-tally.js';
import { wakes } from './halves.js';

// The long run of the fuzzer: `npm run bench:fuzz -- [--minutes=30] [--seed=N] [--half=messages|wakes] [--host='Koa 3'] [--rounds=N]`.
// The minutes are those of the whole run; without --half each half has half of them. The hosts take turns with wakes, each in a
// process of its own, so that a process that ends is a finding with the seed of its round. Exit status 1 on any.

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    host: { type: 'string' },
    half: { type: 'string' },
    rounds: { type: 'string', default: 'Infinity' },
  },
});
const minutes = Number(values.minutes);
const rounds = Number(values.rounds);
const firstSeed = Number(values.seed);
const half = values.half ?? (values.host === undefined ? 'both' : 'messages');
const named = values.host === undefined ? [...fuzzHosts.keys()] : [values.host];
const hosts = half === wakes ? [wakes] : half === 'both' ? [...named, wakes] : named;
if (
  !(minutes > 0 && rounds > 0 && firstSeed >= 0) ||
  named.some((name) => !fuzzHosts.has(name)) ||
  !['both', 'messages', wakes].includes(half) ||
  (half !== 'messages' && values.host !== undefined)
) {
  process.stderr.write(
    `--minutes, --rounds and --seed are numbers, --half is messages or wakes, --host is one of ${[...fuzzHosts.keys()].join(', ')}\n`,
  );
  process.exit(2);
}

/** Maximum time for one round, in milliseconds; its own waits end sooner. */
const roundMs = 180_000;
/** Longest turn of one process, in milliseconds; that of wakes is as long as those of all hosts together. */
const turnMs = Math.min(60_000, (minutes * 60_000) / (hosts.length === 1 ? 1 : 2 * named.length));

const total: FuzzTally = { connections: 0, requests: 0, served: 0, findings: [] };
const run = { played: 0, isCutShort: false };
process.once('SIGINT', () => (run.isCutShort = true));
process.once('SIGTERM', () => (run.isCutShort = true));

interface ChildMessage {
  tally?: FuzzTally;
}

/** Plays rounds in a process; resolves with the seed that comes next. */
async function takeTurn(host: string, seed: number, endsAt: number): Promise<number> {
  const child = fork(new URL('child.js', import.meta.url).pathname, [host, String(seed)], {
    execArgv: ['--enable-source-maps'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let at = seed;
  let isEnding = false;
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4000)));
  const overdue = setTimeout(() => child.kill('SIGKILL'), roundMs);
  child.on('message', ({ tally }: ChildMessage) => {
    if (tally === undefined) return;
    overdue.refresh();
    at += 1;
    run.played += 1;
    addTally(total, tally);
    for (const finding of tally.findings) process.stdout.write(`FOUND ${finding}\n`);
    isEnding = run.isCutShort || performance.now() >= endsAt || at - firstSeed >= rounds;
    if (isEnding && child.connected) child.disconnect();
  });
  const exit: unknown[] = await once(child, 'exit');
  clearTimeout(overdue);
  // A round that was under way when the turn ended is played out, so that its end is seen too.
  if ((isEnding && exit[0] === 0) || run.isCutShort) return at;
  const finding = `${host} seed ${at}: the process ended with ${String(exit[0] ?? exit[1])}\n${errors}`;
  total.findings.push(finding);
  process.stdout.write(`FOUND ${finding}\n`);
  return at + 1;
}

process.stdout.write(`fuzzing ${hosts.join(', ')} from seed ${firstSeed} for ${minutes} minutes\n`);
const startedAt = performance.now();
const endsAt = startedAt + minutes * 60_000;
const next = new Map(hosts.map((name) => [name, firstSeed]));
const isOver = (): boolean =>
  run.isCutShort || performance.now() >= endsAt || [...next.values()].every((seed) => seed - firstSeed >= rounds);
while (!isOver()) {
  for (const [name, from] of next) {
    let seed = from;
    const turns = name === wakes ? named.length : 1;
    const turnEnds = Math.min(performance.now() + turnMs * turns, endsAt);
    while (!run.isCutShort && performance.now() < turnEnds && seed - firstSeed < rounds) {
      seed = await takeTurn(name, seed, turnEnds);
    }
    next.set(name, seed);
    const { connections, requests, served, findings } = total;
    process.stdout.write(
      `${((performance.now() - startedAt) / 60_000).toFixed(1)} min, ${name} up to seed ${seed}: ${connections} connections, ${requests} requests, ${served} answered by a backend, ${findings.length} findings\n`,
    );
  }
}
const { connections, requests, served, findings } = total;
const cut = run.isCutShort ? ' (cut short)' : '';
process.stdout.write(
  `total${cut}: seed ${firstSeed}, ${run.played} rounds, ${connections} connections, ${requests} requests, ${served} answered by a backend, ${findings.length} findings\n`,
);
process.exitCode = findings.length > 0 ? 1 : 0;
