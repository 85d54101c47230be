import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import proxy from '@fastify/http-proxy';
import fastify from 'fastify';
import { loopbackTls, onlyBackend, type PeerSettings } from './peer.js';

/** @fastify/http-proxy as its README registers it; it keeps its connections to the backend alive by default. */
export async function fastifyHttpProxy(settings: PeerSettings): Promise<Server> {
  let server: Server | undefined;
  const app = fastify({
    bodyLimit: 100 * 1024 * 1024,
    serverFactory(handler) {
      const keepAliveTimeout = 600_000;
      server = settings.tls
        ? createTlsServer({ ...loopbackTls(), keepAliveTimeout }, handler)
        : createServer({ keepAliveTimeout }, handler);
      return server;
    },
  });
  await app.register(proxy, { upstream: onlyBackend(settings) });
  await app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  if (server === undefined) throw new TypeError('fastify made no server');
  return server;
}
