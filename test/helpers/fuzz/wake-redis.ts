import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type RedisClient, redisWakeStore } from '@cwmp-proxy/core/redis';
import { createClient } from 'redis';
import { freePort } from '../free-port.js';
import type { Random } from '../random.js';
import { pause } from './fuzz-backend.js';
import type { FleetStore } from './wake-round.js';

/** A Redis server of one round, that stands still and is started anew until it is calm. */
export class FuzzRedis implements FleetStore {
  readonly #random: Random;
  readonly #port: number;
  readonly #clients: { readonly client: RedisClient; readonly end: () => void }[] = [];
  #child: ChildProcess | undefined;
  isCalm = false;

  private constructor(random: Random, port: number) {
    this.#random = random;
    this.#port = port;
  }

  static async start(random: Random): Promise<FuzzRedis> {
    const redis = new FuzzRedis(random, await freePort());
    await redis.#start();
    return redis;
  }

  async store(): Promise<ReturnType<typeof redisWakeStore>> {
    const client = createClient({ url: `redis://127.0.0.1:${this.#port}` });
    client.on('error', () => {});
    await client.connect();
    this.#clients.push({ client, end: () => client.destroy() });
    return redisWakeStore(client);
  }

  async comeAndGo(): Promise<void> {
    while (!this.isCalm) {
      await pause(50 + this.#random.int(300));
      if (this.isCalm) return;
      if (this.#random.once(2)) {
        this.#child?.kill('SIGSTOP');
        await pause(this.#random.int(600));
        this.#child?.kill('SIGCONT');
      } else {
        await this.#stop();
        await pause(this.#random.int(300));
        await this.#start();
      }
    }
  }

  async close(): Promise<void> {
    for (const { end } of this.#clients) end();
    await this.#stop();
  }

  async #start(): Promise<void> {
    const settings = ['--port', String(this.#port), '--bind', '127.0.0.1', '--save', ''];
    const child = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    let output = '';
    for await (const part of child.stdout) {
      output += String(part);
      if (output.includes('Ready to accept connections')) break;
    }
  }

  async #stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}
