// A gateway on every core with node:cluster. The workers share nothing: a CPE's connection stays with the worker that took
// it, and any worker wakes any CPE, because the URL says all that is needed. Where wakes wait for Informs, or CPEs must get
// one wake at a time from all workers, give them a store: see docs/scaling-out.md.
//
//   BACKENDS=http://10.0.0.11:7547,http://10.0.0.12:7547 npm run example cluster
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { createCwmpProxy, logEvents } from '@cwmp-proxy/core';

const port = Number(process.env['PORT'] ?? 8080);

if (cluster.isPrimary) {
  for (let count = 0; count < availableParallelism(); count += 1) cluster.fork();
  cluster.on('exit', (_worker, code) => {
    if (code !== 0) cluster.fork();
  });
  console.log(`A gateway with ${availableParallelism()} workers on http://127.0.0.1:${port}. Wake a CPE, as an ACS does:
  curl -i -u acs:secret 'http://127.0.0.1:${port}/client?origin=http://192.168.100.50:7547'`);
} else {
  const proxy = createCwmpProxy({
    publicUrl: process.env['PUBLIC_URL'] ?? `http://127.0.0.1:${port}`,
    backends: (process.env['BACKENDS'] ?? 'http://127.0.0.1:7547').split(','),
    connectionRequests: {
      allow: (process.env['ALLOW'] ?? '192.168.0.0/16').split(','),
      users: { acs: process.env['ACS_PASSWORD'] ?? 'secret' },
      credentials: { username: 'cpe', password: process.env['CPE_PASSWORD'] ?? 'secret' },
    },
    // A CPE that reconnects in mid-session may meet another worker; this leads it to the same ACS.
    sessions: { affinityKey: process.env['AFFINITY_KEY'] ?? 'the same on every worker' },
  });
  logEvents(proxy, { debug() {}, info: console.log, warn: console.warn });
  createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void proxy.handle(request, response);
  }).listen(port);
}
