// node build/test/bench/load/profile.js <peer> <a|c|c-values> [seconds]: where the time of one peer goes, by function and by
// room. Writes the profile itself, for Chromium's tools, to build/bench/profile.
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { BenchBackend } from './bench-backend.js';
import type { Target } from './cpes/cpe-connection.js';
import { keepAliveLoad, sessionLoad } from './cpes/loads.js';
import { type Load, measureWindow } from './cpes/window.js';
import { pin } from './pinning.js';
import { short } from './report/render.js';
import { RunningPeer } from './running-peer.js';

interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
  children?: number[];
}

interface Profile {
  nodes: ProfileNode[];
  samples: number[];
  timeDeltas: number[];
}

const loads: Readonly<Record<string, (target: Target) => Load>> = {
  a: (target) => sessionLoad(target, 64),
  c: (target) => keepAliveLoad(target, 64, 'url values'),
  'c-values': (target) => keepAliveLoad(target, 64, 'values'),
};

const [name = 'ours', workload = 'c', seconds = '5'] = process.argv.slice(2);
const makeLoad = loads[workload];
if (makeLoad === undefined) throw new TypeError(`no workload is called ${workload}`);
const folder = `build/bench/profile/${name}-${workload}`;
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
pin(process.pid, 'load');

const backend = await BenchBackend.start();
const started = performance.now();
const execArgv = ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=200'];
const running = await RunningPeer.start({ name, title: name }, { backend, execArgv });
const startMs = performance.now() - started;
const times = { warmMs: 3000, windowMs: Number(seconds) * 1000, enough: 1 };
const figures = await measureWindow(makeLoad(running.target), times, { proxy: running.pid, backend: backend.pid });
await running.stop();
await backend.stop();

const [file = ''] = readdirSync(folder);
const profile: Profile = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'));
const byId = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
const inclusive = new Map<string, number>();
const functions = new Map<string, number>();
const rooms = new Map<string, number>();
let busy = 0;
let at = 0;
for (const [index, id] of profile.samples.entries()) {
  const frame = byId.get(id);
  const micros = profile.timeDeltas[index] ?? 0;
  at += micros;
  // What the start and the compilers take is not what a message costs.
  if (at < (startMs + times.warmMs) * 1000) continue;
  if (frame === undefined || frame.functionName === '(idle)') continue;
  busy += micros;
  const place = placeOf(frame.url);
  add(functions, nameOf(id), micros);
  const above = new Set<string>();
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) above.add(nameOf(at));
  for (const key of above) add(inclusive, key, micros);
  add(rooms, roomOf(frame.functionName, place), micros);
}
console.log(
  `${name}, workload ${workload}: ${short(figures.proxyMicros / figures.messages)} µs CPU a message, with the profiler on`,
);
print('rooms', rooms, 40);
print('functions', functions, 45);
print('functions with all that they call', inclusive, 90);

function placeOf(url: string): string {
  return url.replace(/^.*\/(?=packages\/|node_modules\/(?!\.pnpm))/, '');
}

function nameOf(id: number): string {
  const frame = byId.get(id);
  if (frame === undefined) return '';
  return `${frame.functionName || '(anonymous)'} ${placeOf(frame.url)}:${frame.lineNumber + 1}`;
}

function add(sums: Map<string, number>, key: string, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value);
}

function roomOf(functionName: string, place: string): string {
  if (place === '') return functionName;
  if (place.startsWith('node:')) return place.replace(/^(node:(?:internal\/)?[^/]+).*/, '$1');
  return place
    .replace(/^packages\/([^/]+\/dist\/[^/]+).*/, '$1')
    .replace(/^node_modules\/([^/]+\/[^/]+\/[^/]+).*/, '$1');
}

function print(title: string, sums: Map<string, number>, count: number): void {
  console.log(`\n${title}, share of the busy time`);
  const sorted = [...sums].sort(([, a], [, b]) => b - a).slice(0, count);
  for (const [key, micros] of sorted) console.log(`${((micros / busy) * 100).toFixed(1).padStart(6)} %  ${key}`);
}
