import { once } from 'node:events';
import { createServer } from 'node:net';
import { addressOf } from './serve.js';

/** A loopback port that nobody listens on, for programs that must be told theirs. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = addressOf(probe);
  probe.close();
  await once(probe, 'close');
  return port;
}
