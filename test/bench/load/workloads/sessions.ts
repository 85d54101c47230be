import { type PeerResult, alternate } from '../alternate.js';
import type { BenchBackend } from '../bench-backend.js';
import type { BenchContext } from '../bench-context.js';
import { sessionLoad } from '../cpes/loads.js';
import {
  type CataloguedPeer,
  beforePeers,
  comparedPeers,
  frameworkPeers,
  npmPeers,
  oursPeer,
  yardstickPeer,
} from '../peers/catalogue.js';
import type { Plan } from '../plan.js';
import { comparison } from '../report/comparison.js';
import type { Bar, WorkloadReport } from '../report/section.js';
import { frameworkBars, yardstickBars } from './comparison-bars.js';

const concurrency = 64;

/** Workload (a): CWMP sessions, each on a connection of its own. */
export async function sessions({ plan, backend, native }: BenchContext): Promise<WorkloadReport> {
  const peers = [...comparedPeers(plan, native), ...frameworkPeers];
  const results = await run(plan, backend, peers, false);
  const intro =
    `${concurrency} CPEs at once: new TCP connection, Inform of 4 KB with a URL, empty POST, GetParameterValuesResponse of ` +
    '4 KB, 204. The peers rewrite nothing, which is in their favour.';
  return {
    sections: [comparison('(a) CWMP sessions', intro, results, { yardstick: yardstickPeer.name, sessions: true })],
    bars: [...yardstickBars('a', results), ...frameworkBars('a', results)],
    raw: results,
  };
}

/** Workload (b): the same over TLS, a full handshake for each session. */
export async function tlsSessions({ plan, backend, native }: BenchContext): Promise<WorkloadReport> {
  const peers = [oursPeer, ...beforePeers, yardstickPeer, ...(plan.quick ? [] : npmPeers), ...native];
  const results = await run({ ...plan, rounds: Math.min(plan.rounds, 5), processes: 1 }, backend, peers, true);
  const intro = 'The same over TLS 1.3 towards the CPEs, a full handshake (ECDSA P-256) for each session.';
  const bars: Bar[] = [];
  return {
    sections: [
      comparison('(b) CWMP sessions over TLS', intro, results, { yardstick: yardstickPeer.name, sessions: true }),
    ],
    bars,
    raw: results,
  };
}

function run(plan: Plan, backend: BenchBackend, peers: readonly CataloguedPeer[], tls: boolean): Promise<PeerResult[]> {
  return alternate({ peers, backend, tls, plan, load: (target) => sessionLoad(target, concurrency) });
}
