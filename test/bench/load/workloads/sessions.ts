import { alternate } from '../alternate.js';
import type { BenchContext } from '../bench-context.js';
import type { Target } from '../cpes/cpe-connection.js';
import { sessionLoad } from '../cpes/loads.js';
import type { Load } from '../cpes/window.js';
import { beforePeers, comparedPeers, frameworkPeers, npmPeers, oursPeer, yardstickPeer } from '../peers/catalogue.js';
import { comparison } from '../report/comparison.js';
import type { Bar, WorkloadReport } from '../report/section.js';
import { frameworkBars, yardstickBars } from './comparison-bars.js';

const concurrency = 64;
const load = (target: Target): Load => sessionLoad(target, concurrency);

/** Workload (a): CWMP sessions, each on a connection of its own. */
export async function sessions({ plan, backend, running, native }: BenchContext): Promise<WorkloadReport> {
  const peers = await running.of(plan, [...comparedPeers(plan, native), ...frameworkPeers]);
  const results = await alternate({ running: peers, backend, plan, load });
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
export async function tlsSessions({ plan, backend, running, native }: BenchContext): Promise<WorkloadReport> {
  const peers = [oursPeer, ...beforePeers, yardstickPeer, ...(plan.quick ? [] : npmPeers), ...native];
  // Handshakes, most of which is no JavaScript, take the time of several messages.
  const enough = plan.window.enough / 2;
  const shorter = {
    ...plan,
    processes: 1,
    window: { ...plan.window, enough },
    warmUp: { ...plan.warmUp, enough },
  };
  const results = await alternate({ running: await running.of(shorter, peers, true), backend, plan: shorter, load });
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
