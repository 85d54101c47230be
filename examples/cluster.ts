// A gateway on every core with node:cluster. The workers share nothing: a CPE's connection stays with the worker that took
// it, and any worker wakes any CPE, because the URL says all that is needed. Where wakes wait for Informs, or CPEs must get
// one wake at a time from all workers, give them a store: see docs/scaling-out.md.
//
//   WORKERS=4 BACKENDS=http://10.0.0.11:7547,http://10.0.0.12:7547 npm run example cluster
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { createCwmpProxy, logEvents } from '@cwmp-proxy/core';
import { options, port, printWhatToTry, secrets } from './gateway-settings.js';

// The kernel hands out the connections. The primary would do it one by one, which costs a quarter of a millisecond a session.
cluster.schedulingPolicy = cluster.SCHED_NONE;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
// A socket for each worker spreads connections more evenly than one that all share.
const reusePort = process.platform === 'linux' && (major > 23 || (major === 23 && minor >= 1));

if (cluster.isPrimary) {
  const workers = Number(process.env['WORKERS'] || availableParallelism());
  // What the primary made up, the workers must know.
  for (let count = 0; count < workers; count += 1) cluster.fork(secrets);
  cluster.on('exit', (_worker, code) => {
    // Not at once: one that cannot start at all would be tried for ever.
    if (code !== 0) setTimeout(() => cluster.fork(secrets), 1_000);
  });
  printWhatToTry();
} else {
  const proxy = createCwmpProxy({
    ...options,
    // An ACS that answers a Digest challenge on a new connection may meet another worker.
    connectionRequests: { ...options.connectionRequests, access: { nonceKey: secrets.NONCE_KEY } },
    // A CPE that reconnects in mid-session may meet another worker; this leads it to the same ACS.
    sessions: { affinityKey: secrets.AFFINITY_KEY },
  });
  logEvents(proxy, { debug() {}, info: console.log, warn: console.warn });
  const place = { port, reusePort };
  createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void proxy.handle(request, response);
  }).listen(place);
}
