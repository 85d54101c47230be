import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { type RequestListener, type Server, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

/** What a peer is asked to do. */
export interface PeerSettings {
  /** Origins of the backends; peers without balancing take the first. */
  backends: readonly string[];
  tls: boolean;
}

/** Starts a peer on a loopback port. */
export type StartPeer = (settings: PeerSettings) => Promise<Server>;

/** A certificate for loopback, made for the benchmark and of no other use. */
export function loopbackTls(): { key: Buffer; cert: Buffer } {
  const fixture = (name: string): Buffer =>
    readFileSync(new URL(`../../../../../test/bench/load/fixtures/loopback-${name}.pem`, import.meta.url));
  return { key: fixture('key'), cert: fixture('cert') };
}

/** A server that leaves CPEs the time they need, the same for every peer that runs on Node's own. */
export async function listen({ tls }: PeerSettings, listener: RequestListener): Promise<Server> {
  const keepAliveTimeout = 600_000;
  const server = tls
    ? createTlsServer({ ...loopbackTls(), keepAliveTimeout }, listener)
    : createServer({ keepAliveTimeout }, listener);
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  await once(server, 'listening');
  return server;
}

/** The one backend of a peer that knows only one. */
export function onlyBackend({ backends }: PeerSettings): string {
  const [backend] = backends;
  if (backend === undefined) throw new TypeError('a peer needs a backend');
  return backend;
}
