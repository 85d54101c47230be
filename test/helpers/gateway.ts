import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { TestContext } from 'node:test';
import { type CwmpProxy, type CwmpProxyOptions, type FailureEvent, createCwmpProxy } from '@cwmp-proxy/core';
import { atEnd } from './at-end.js';
import { listen } from './serve.js';
import { until } from './until.js';

/** A proxy behind a server of its own, for the length of one test. */
export interface Gateway {
  proxy: CwmpProxy;
  server: Server;
  port: number;
  url: string;
  /** Every exchange that failed. */
  failures: FailureEvent[];
  /** Resolves when nothing is being handled. */
  idle: () => Promise<void>;
}

/** What every proxy of the tests needs. */
export const requiredOptions: Omit<CwmpProxyOptions, 'backends'> = {
  publicUrl: 'http://gateway.example:8080',
  connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' } },
};

/**
 * Starts a proxy in front of ACSs. At the end of the test the CPEs must have closed their connections, and no exchange may
 * have failed by a fault of the library's own.
 */
export async function startGateway(
  t: TestContext,
  options: Partial<CwmpProxyOptions> & Pick<CwmpProxyOptions, 'backends'>,
  server: Server = createServer({ keepAliveTimeout: 60_000 }),
): Promise<Gateway> {
  const proxy = createCwmpProxy({ ...requiredOptions, ...options });
  atEnd(t, () => proxy.close());
  atEnd(t, () => until('nothing is held', () => proxy.stats().heldBytes === 0));
  const failures: FailureEvent[] = [];
  proxy.on('failure', (failure) => failures.push(failure));
  atEnd(t, () => {
    const own = failures.filter(({ error }) => error.code === 'ERR_CWMP_INTERNAL');
    assert.deepEqual(own, [], 'faults of the library');
  });
  const handled = new Set<Promise<void>>();
  server.on('request', (request, response) => {
    const handling = proxy.handle(request, response).finally(() => handled.delete(handling));
    handled.add(handling);
  });
  const where = await listen(t, server);
  const idle = async (): Promise<void> => {
    while (handled.size > 0) await Promise.all(handled);
  };
  return { proxy, server, ...where, failures, idle };
}
