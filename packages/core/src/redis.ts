import type { WakeStore } from './connection-request/wake/instances.js';

/** What {@link redisWakeStore} needs of a client of the `redis` package. */
export interface RedisClient {
  /** False while the client has no connection: commands would wait for one, and be carried out when nobody wants them any more. */
  readonly isReady?: boolean | undefined;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  publish(channel: string, message: string): Promise<unknown>;
  duplicate(): RedisSubscriber;
}

/** A connection of a client that listens; Redis wants one of its own for that. */
export interface RedisSubscriber {
  on(event: 'error', listener: (error: Error) => void): unknown;
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  destroy(): unknown;
}

/** How {@link redisWakeStore} names things. */
export interface RedisWakeStoreOptions {
  /** In front of the channel's name and of every key. One prefix for all instances of one proxy. Default `cwmp-proxy:`. */
  prefix?: string | undefined;
}

/**
 * Takes or renews a lease in one step, and heals a key without an end, which would keep a CPE from being woken for ever. Answers with
 * the milliseconds that somebody else still has it; 0 when it was taken.
 */
const lease = `
local left = 0
if redis.call('GET', KEYS[1]) ~= ARGV[1] then left = redis.call('PTTL', KEYS[1]) end
if left > 0 then return left end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0`;

/**
 * A {@link WakeStore} in Redis, for `connectionRequests.store`: a wake that one instance is asked for resolves by the Inform
 * that passes another one, and a CPE gets one wake at a time from all of them together. It keeps one short-lived key a CPE
 * and one channel. Take the client from `createClient` of `redis` 5 or later, connected; the caller closes it.
 *
 * @example
 * ```ts
 * const client = await createClient({ url: 'redis://127.0.0.1' }).connect();
 * const proxy = createCwmpProxy({ ..., connectionRequests: { ..., store: redisWakeStore(client) } });
 * ```
 */
export function redisWakeStore(client: RedisClient, { prefix = 'cwmp-proxy:' }: RedisWakeStoreOptions = {}): WakeStore {
  const channel = `${prefix}wakes`;
  /** Leases of this instance carry its own name. */
  const holder = `${process.pid}-${Math.random().toString(36).slice(2)}`;
  const checkReady = (): void => {
    if (client.isReady === false) throw new Error('Redis is away');
  };
  return {
    async publish(message) {
      checkReady();
      await client.publish(channel, message);
    },
    async subscribe(listener, signal) {
      const subscriber = client.duplicate();
      // The client itself tells of errors; it reconnects and subscribes anew.
      subscriber.on('error', () => {});
      // While Redis is away it tries for ever to connect.
      const giveUp = (): void => void subscriber.destroy();
      signal.addEventListener('abort', giveUp);
      try {
        await subscriber.connect();
        await subscriber.subscribe(channel, listener);
      } catch (error) {
        // It is asked for anew; this one would go on connecting.
        if (!signal.aborted) subscriber.destroy();
        throw error;
      } finally {
        signal.removeEventListener('abort', giveUp);
      }
      return async () => {
        subscriber.destroy();
      };
    },
    async lease(name, ms) {
      checkReady();
      const left = await client.eval(lease, { keys: [`${prefix}lease:${name}`], arguments: [holder, String(ms)] });
      return Number(left);
    },
  };
}
