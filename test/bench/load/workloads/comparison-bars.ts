import type { PeerResult } from '../alternate.js';
import { npmPeers } from '../peers/catalogue.js';
import type { Bar } from '../report/section.js';

function costs(results: readonly PeerResult[]): (name: string) => number {
  return (name) => results.find(({ peer }) => peer.name === name)?.microsPerMessage ?? Number.NaN;
}

/** Bar 1: against the yardstick, against every Node peer; and the moonshot. */
export function yardstickBars(workload: string, results: readonly PeerResult[]): Bar[] {
  const of = costs(results);
  const ours = of('ours');
  const cheapestPeer = Math.min(...npmPeers.map(({ name }) => of(name)));
  return [
    {
      id: `1${workload}`,
      what: 'CPU per message, times the pass-through',
      figure: ours / of('pass-through'),
      limit: 1.15,
    },
    { id: `1${workload}`, what: 'CPU per message, times http-proxy', figure: ours / of('http-proxy'), limit: 0.6 },
    { id: `1${workload}`, what: 'the same without its agent', figure: ours / of('http-proxy-as-is'), limit: 0.6 },
    {
      id: `1${workload}`,
      what: 'CPU per message, times the cheapest Node peer',
      figure: ours / cheapestPeer,
      limit: 0.6,
    },
    { id: `1${workload} moonshot`, what: 'below the pass-through', figure: ours / of('pass-through'), limit: 1 },
    { id: `1${workload} moonshot`, what: 'times HAProxy', figure: ours / of('haproxy'), limit: 3.5 },
  ];
}

/** Bar 2: what the frameworks add. Node's own server is in both parts of the sum and is taken off once. */
export function frameworkBars(workload: string, results: readonly PeerResult[]): Bar[] {
  const of = costs(results);
  const bar = (framework: string): Bar[] => {
    const cost = of(`ours-${framework.toLowerCase()}`);
    const empty = of(`empty-${framework.toLowerCase()}`);
    const id = `2${workload}`;
    return [
      {
        id,
        what: `in ${framework}, times (empty ${framework} + bare)`,
        figure: cost / (empty + of('ours')),
        limit: 1.1,
      },
      {
        id,
        what: `in ${framework}, times (empty ${framework} + bare − empty node:http)`,
        figure: cost / (empty + of('ours') - of('empty-node')),
        limit: 1.1,
      },
    ];
  };
  return [
    ...bar('Express'),
    ...bar('Koa'),
    {
      id: `2${workload}`,
      what: 'around Express, times bare',
      figure: of('ours-around-express') / of('ours'),
      limit: 1.05,
    },
  ];
}
