import type { Plan } from '../plan.js';
import type { NativePeerName } from './native-peer.js';

/** One proxy, or framework, that takes part in the benchmark. */
export interface CataloguedPeer {
  /** Names it for `peer-program.js`, or says that it is a program of its own. */
  name: string;
  /** What tables call it. */
  title: string;
  native?: NativePeerName;
  /** Whether bars compare it with another: several processes of it take part. */
  inBars?: boolean;
  /** What a reader must know to compare it. */
  note?: string;
}

/** Our proxy on `node:http`. */
export const oursPeer: CataloguedPeer = { name: 'ours', title: '**cwmp-proxy** on node:http', inBars: true };

/** Another build of our proxy, where CWMP_BENCH_BASE names one. */
export const beforePeers: readonly CataloguedPeer[] =
  process.env['CWMP_BENCH_BASE'] === undefined
    ? []
    : [{ name: 'ours-before', title: 'cwmp-proxy before', note: `the build at ${process.env['CWMP_BENCH_BASE']}` }];

/** What bar 1 is measured against. */
export const yardstickPeer: CataloguedPeer = {
  name: 'pass-through',
  title: 'yardstick: node:http + undici, a Client per CPE',
  inBars: true,
  note: 'no features; one backend connection per CPE connection, as CWMP needs',
};

/** Proxies from npm that a user may put in our place. */
export const npmPeers: readonly CataloguedPeer[] = [
  { name: 'http-proxy', title: 'http-proxy', note: 'with a keep-alive agent, which is not its default' },
  {
    name: 'http-proxy-as-is',
    title: 'http-proxy as its README has it',
    note: 'a new backend connection for each request, on which no CWMP session can live',
  },
  { name: 'http-proxy-3', title: 'http-proxy-3', note: 'with a keep-alive agent, which is not its default' },
  {
    name: 'http-proxy-middleware',
    title: 'http-proxy-middleware',
    note: 'on node:http, not in Express; with a keep-alive agent, which is not its default',
  },
  { name: 'fastify-http-proxy', title: '@fastify/http-proxy' },
];

/** Proxies that are no Node programs. */
export const nativePeers: readonly CataloguedPeer[] = [
  { name: 'nginx', title: 'nginx', native: 'nginx', note: 'one process; shares backend connections' },
  { name: 'haproxy', title: 'HAProxy', native: 'haproxy', note: 'one thread; shares backend connections' },
];

/** The same pass-through, sharing connections. */
export const poolPeer: CataloguedPeer = {
  name: 'pass-through-pool',
  title: 'the same on one shared pool',
  note: 'for information: sharing backend connections breaks CWMP sessions',
};

/** Our proxy inside frameworks, and the frameworks with an empty handler. */
export const frameworkPeers: readonly CataloguedPeer[] = [
  { name: 'ours-express', title: '**cwmp-proxy** in Express 5' },
  { name: 'ours-koa', title: '**cwmp-proxy** in Koa 3' },
  { name: 'ours-around-express', title: '**cwmp-proxy** around Express 5' },
  { name: 'empty-node', title: 'node:http, empty handler', note: 'proxies nothing' },
  { name: 'empty-express', title: 'Express 5, empty handler', note: 'proxies nothing' },
  { name: 'empty-koa', title: 'Koa 3, empty handler', note: 'proxies nothing' },
];

/** What workloads (a) and (c) compare, without the frameworks; of the proxies from npm those that a quick run has the time for. */
export function comparedPeers({ quick }: Plan, native: readonly CataloguedPeer[]): CataloguedPeer[] {
  const others = quick ? npmPeers.slice(0, 2) : npmPeers;
  return [oursPeer, ...beforePeers, yardstickPeer, poolPeer, ...others, ...native];
}

/** Those of the peers that take part, each as often as processes of it do. */
export function processesOf(peers: readonly CataloguedPeer[], plan: Plan): CataloguedPeer[] {
  const chosen = peers.filter(({ name }) => plan.peers?.includes(name) ?? true);
  const again = chosen.filter(({ inBars }) => inBars);
  return [...chosen, ...Array.from({ length: plan.processes - 1 }, () => again).flat()];
}
