import type { Server } from 'node:http';
import { type CwmpProxy, type CwmpProxyOptions, createCwmpProxy } from '@cwmp-proxy/core';
import { type PeerSettings, listen } from './peer.js';

function optionsFor({ backends }: PeerSettings): CwmpProxyOptions {
  return {
    publicUrl: 'http://127.0.0.1:8080',
    backends,
    connectionRequests: {
      allow: ['127.0.0.0/8'],
      users: { acs: 'secret' },
      credentials: { username: 'cpe', password: 'secret' },
    },
    // One address may have a tenth of them, and here all CPEs are at one.
    limits: { maxSessions: 200_000 },
  };
}

/** Our proxy, everything at its defaults but for the limit that one address would reach. */
export function proxyFor(settings: PeerSettings): CwmpProxy {
  return createCwmpProxy(optionsFor(settings));
}

/** Our proxy on `node:http`. */
export function ours(settings: PeerSettings): Promise<Server> {
  const proxy = proxyFor(settings);
  return listen(settings, (request, response) => void proxy.handle(request, response));
}

/** The same with a limit on sessions that a storm reaches. */
export function oursWithLimits(settings: PeerSettings): Promise<Server> {
  const limits = { maxSessions: 500, maxSessionsPerAddress: 500, maxConnectionsPerAddress: 10_000 };
  const proxy = createCwmpProxy({ ...optionsFor(settings), limits });
  return listen(settings, (request, response) => void proxy.handle(request, response));
}

/** Another build of our proxy, to see what a change gives: CWMP_BENCH_BASE names its packages/core/dist/index.js. */
export async function oursBefore(settings: PeerSettings): Promise<Server> {
  const core: { createCwmpProxy: typeof createCwmpProxy } = await import(
    process.env['CWMP_BENCH_BASE'] ?? '@cwmp-proxy/core'
  );
  const proxy = core.createCwmpProxy(optionsFor(settings));
  return listen(settings, (request, response) => void proxy.handle(request, response));
}
