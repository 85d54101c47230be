import { createServer, type RequestListener, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo, Server as NetServer } from 'node:net';
import type { TestContext } from 'node:test';
import { atEnd } from './at-end.js';

/** A server on loopback, and where it is. */
export interface Served<S extends NetServer = Server> {
  server: S;
  port: number;
  /** `http://127.0.0.1:<port>` */
  url: string;
}

/**
 * Starts an HTTP server for the length of one test. At the end it must be without connections soon: a socket that was left
 * open fails the test.
 */
export async function serve(t: TestContext, listener: RequestListener): Promise<Served> {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener);
  return { server, ...(await listen(t, server)) };
}

/** Listens on a free loopback port for the length of one test; see {@link serve}. */
export async function listen(t: TestContext, server: NetServer): Promise<{ port: number; url: string }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, () => closeWithoutConnections(server));
  const { port } = addressOf(server);
  return { port, url: `http://127.0.0.1:${port}` };
}

/** The port a listening server is on. */
export function addressOf(server: NetServer): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the server is not listening on a port');
  return address;
}

async function closeWithoutConnections(server: NetServer): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (let tries = 0; tries < 200; tries += 1) {
    const open = await connectionsOf(server);
    if (open === 0) {
      await closed;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${await connectionsOf(server)} connections were left open`);
}

function connectionsOf(server: NetServer): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}
