// A gateway on every core with node:cluster. The workers share nothing: a CPE's connection stays with the worker that took
// it, and any worker wakes any CPE, because the URL says all that is needed. Where wakes wait for Informs, or CPEs must get
// one wake at a time from all workers, give them a store: see docs/scaling-out.md. ACSs are asked for Basic: a Digest nonce is
// good only at the worker that gave it, and an ACS may answer on a new connection.
//
//   BACKENDS=http://10.0.0.11:7547,http://10.0.0.12:7547 npm run example cluster
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { createCwmpProxy, logEvents } from '@cwmp-proxy/core';
import { options, port, printWhatToTry, secrets } from './gateway-settings.js';

if (cluster.isPrimary) {
  // What the primary made up, the workers must know.
  for (let count = 0; count < availableParallelism(); count += 1) cluster.fork(secrets);
  cluster.on('exit', (_worker, code) => {
    // Not at once: one that cannot start at all would be tried for ever.
    if (code !== 0) setTimeout(() => cluster.fork(secrets), 1_000);
  });
  printWhatToTry();
} else {
  const proxy = createCwmpProxy({
    ...options,
    connectionRequests: { ...options.connectionRequests, access: { modes: ['basic'] } },
    // A CPE that reconnects in mid-session may meet another worker; this leads it to the same ACS.
    sessions: { affinityKey: secrets.AFFINITY_KEY },
  });
  logEvents(proxy, { debug() {}, info: console.log, warn: console.warn });
  createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void proxy.handle(request, response);
  }).listen(port);
}
