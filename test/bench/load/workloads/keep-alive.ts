import { alternate } from '../alternate.js';
import type { BenchContext } from '../bench-context.js';
import { keepAliveLoad } from '../cpes/loads.js';
import { beforePeers, comparedPeers, frameworkPeers, oursPeer, yardstickPeer } from '../peers/catalogue.js';
import { comparison } from '../report/comparison.js';
import type { WorkloadReport } from '../report/section.js';
import { frameworkBars, yardstickBars } from './comparison-bars.js';

const connections = 64;

/** Workload (c): messages on connections that stay open, each with a URL. */
export async function keepAliveUrls({ plan, backend, running, native }: BenchContext): Promise<WorkloadReport> {
  const results = await alternate({
    running: await running.of(plan, [...comparedPeers(plan, native), ...(plan.quick ? [] : frameworkPeers)]),
    backend,
    plan,
    load: (target) => keepAliveLoad(target, connections, 'url values'),
  });
  const intro =
    `${connections} connections that stay open, GetParameterValuesResponses of 4 KB, each with a URL that we rewrite and the ` +
    'peers do not: the hardest case for us, which no CPE makes.';
  const title = '(c) keep-alive messages, a URL in each';
  return {
    sections: [comparison(title, intro, results, { yardstick: yardstickPeer.name, sessions: false })],
    bars: [...yardstickBars('c', results), ...(plan.quick ? [] : frameworkBars('c', results))],
    raw: results,
  };
}

/** Workload (c) with messages that hold no URL, as most do. */
export async function keepAliveValues({ plan, backend, running }: BenchContext): Promise<WorkloadReport> {
  const results = await alternate({
    running: await running.of(plan, [oursPeer, ...beforePeers, yardstickPeer]),
    backend,
    plan,
    load: (target) => keepAliveLoad(target, connections, 'values'),
  });
  const intro = 'The same with GetParameterValuesResponses of 4 KB that hold no URL, as most messages of a session.';
  const title = '(c) keep-alive messages, no URL in them';
  return {
    sections: [comparison(title, intro, results, { yardstick: yardstickPeer.name, sessions: false })],
    bars: yardstickBars('c, no URL', results).filter(({ what }) => what.includes('pass-through')),
    raw: results,
  };
}
