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
  };
}

/** Our proxy, everything at its defaults. */
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
  const proxy = createCwmpProxy({ ...optionsFor(settings), limits: { maxSessions: 500 } });
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
