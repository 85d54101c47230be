import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { RedisClient } from '@cwmp-proxy/core/redis';
import { createClient } from 'redis';
import { atEnd } from './at-end.js';
import { freePort } from './free-port.js';

/** Why tests with Redis are skipped, if they are. */
export const noRedis: string | false =
  spawnSync('redis-server', ['--version']).status !== 0 &&
  'NO REDIS TEST: install redis-server (apt-get install redis-server)';

/** Starts a Redis server for the length of one test. */
export async function startRedis(t: TestContext): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'cwmp-redis-'));
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const child = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill();
    await exited;
  };
  atEnd(t, async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });
  let output = '';
  for await (const part of child.stdout) {
    output += String(part);
    if (output.includes('Ready to accept connections')) break;
  }
  return { url: `redis://127.0.0.1:${port}`, stop };
}

/** A connected client for the length of one test. */
export async function connectRedis(t: TestContext, url: string): Promise<RedisClient> {
  const client = createClient({ url });
  client.on('error', () => {});
  await client.connect();
  atEnd(t, () => client.destroy());
  return client;
}
