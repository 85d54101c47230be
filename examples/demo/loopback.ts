import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Listens on a free port of `host`, or of 127.0.0.1 on a machine without IPv6; returns the URL without a path. */
export async function listen(server: Server, host: '127.0.0.1' | '::1'): Promise<string> {
  // A CPE may think for longer between two messages than the five seconds that Node allows by default.
  server.keepAliveTimeout = 60_000;
  server.listen(0, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    if (host === '::1') return listen(server, '127.0.0.1');
    throw error;
  }
  const { port } = addressOf(server);
  return host === '::1' ? `http://[::1]:${port}` : `http://127.0.0.1:${port}`;
}

/** Stops a server and ends what is still connected to it. */
export async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server does not listen on a port');
  return address;
}
