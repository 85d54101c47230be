// npm run bench [-- --quick] [--only=a,c] [--peers=ours,pass-through]: runs the workloads, prints tables and writes
// build/bench/report.json and build/bench/report.md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BenchBackend } from './bench-backend.js';
import { describeMachine } from './machine.js';
import { nativePeers } from './peers/catalogue.js';
import { nativeVersion } from './peers/native-peer.js';
import { pin } from './pinning.js';
import { makePlan } from './plan.js';
import { renderMarkdown, renderText } from './report/render.js';
import { type Bar, type Section, type WorkloadReport, barSection } from './report/section.js';
import type { BenchContext } from './bench-context.js';
import { RunningPeers } from './running-peers.js';
import { bigBodies } from './workloads/big-bodies.js';
import { fleet } from './workloads/fleet.js';
import { growth } from './workloads/growth.js';
import { idleSessions } from './workloads/idle-sessions.js';
import { keepAliveUrls, keepAliveValues } from './workloads/keep-alive.js';
import { sessions, tlsSessions } from './workloads/sessions.js';
import { wakes } from './workloads/wakes.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    quick: { type: 'boolean' },
    only: { type: 'string' },
    peers: { type: 'string' },
  },
});
const plan = makePlan(values.quick === true, values.peers?.split(','), values.rounds);
const wanted = values.only?.split(',');
const started = performance.now();

pin(process.pid, 'load');
const machine = describeMachine();
for (const [name, text] of Object.entries(machine)) console.log(`${name}: ${text}`);
const native = nativePeers.filter(({ native: program, title }) => {
  if (program !== undefined && nativeVersion(program) !== undefined) return true;
  console.log(`\n!!! ${title} is NOT INSTALLED and is left out (Debian: apt-get install ${program ?? title})`);
  return false;
});

type Workload = (context: BenchContext) => Promise<WorkloadReport>;
/** Workloads in their order; those of one line share a backend and the peers in front of it. */
const groups: ReadonlyArray<Readonly<Record<string, Workload>>> = [
  { a: sessions, c: keepAliveUrls, 'c-values': keepAliveValues },
  { b: tlsSessions },
  { d: bigBodies },
  { e: idleSessions },
  { f: wakes },
  { growth },
  { g: fleet },
];

const sections: Section[] = [];
const bars: Bar[] = [];
const raw: Record<string, unknown> = {};
for (const group of groups) {
  const backend = await BenchBackend.start();
  const running = new RunningPeers(backend);
  try {
    for (const [name, run] of Object.entries(group)) {
      if (wanted !== undefined && !wanted.includes(name)) continue;
      if (wanted === undefined && performance.now() - started > plan.lastStartMs) {
        console.log(
          `\n!!! workload ${name} is SKIPPED: this machine is too slow or too busy for the time that is left`,
        );
        continue;
      }
      const report = await run({ plan, backend, running, native });
      for (const section of report.sections) console.log(renderText(section));
      sections.push(...report.sections);
      bars.push(...report.bars);
      raw[name] = report.raw;
    }
  } finally {
    await running.stop();
    await backend.stop();
  }
}

const verdicts = barSection(bars);
console.log(renderText(verdicts));
const minutes = ((performance.now() - started) / 60_000).toFixed(1);
console.log(`${minutes} minutes in all`);

mkdirSync('build/bench', { recursive: true });
writeFileSync('build/bench/report.json', `${JSON.stringify({ machine, plan, bars, workloads: raw }, undefined, 2)}\n`);
const facts = Object.entries(machine).map(([name, text]) => `- ${name}: ${text}`);
const head = `# Benchmark\n\n${facts.join('\n')}\n- ${plan.rounds} alternating rounds, medians; ${minutes} minutes in all`;
writeFileSync('build/bench/report.md', `${[head, ...[verdicts, ...sections].map(renderMarkdown)].join('\n\n')}\n`);
console.log('written: build/bench/report.md, build/bench/report.json');
