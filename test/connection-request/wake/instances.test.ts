import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createCwmpProxy, type CwmpProxy, type WakeOptions, type WakeOutcome } from '@cwmp-proxy/core';
import { connectionRequests, publicOrigin } from '../../helpers/app.js';
import { atEnd } from '../../helpers/at-end.js';
import { cpeCredentials, listenRaw, ok, startCpe } from '../../helpers/cpe-doubles/conversation.js';
import { stacks } from '../../helpers/cpe-doubles/stacks.js';
import { MemoryStores } from '../../helpers/memory-stores.js';
import { until } from '../../helpers/until.js';

/*
 * Seen: whatever one instance's wake came to was the outcome for the callers of the others too: aborted since another
 * caller had hung up, timeout since another had little time, credentials-refused since another came with its own. Promise:
 * only what the CPE has answered to the proxy's credentials is shared; else the next one wakes the CPE itself.
 */

/** Two instances that share their wakes. */
function startFleet(t: TestContext): { stores: MemoryStores; a: CwmpProxy; b: CwmpProxy } {
  const stores = new MemoryStores();
  const start = (name: string): CwmpProxy => {
    const proxy = createCwmpProxy({
      publicUrl: publicOrigin,
      connectionRequests: { ...connectionRequests, credentials: cpeCredentials, store: stores.store(name) },
    });
    atEnd(t, () => proxy.close());
    return proxy;
  };
  return { stores, a: start('a'), b: start('b') };
}

const challenge =
  'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\nContent-Length: 0\r\n\r\n';

/** A CPE that answers nothing until it is told what to answer to the first request, then 200 to all but a guess. */
async function startSlow(
  t: TestContext,
): Promise<{ url: string; seen: () => number; release: (answer: string) => void }> {
  let seen = 0;
  let release = (_answer: string): void => undefined;
  const released = new Promise<string>((resolve) => {
    release = resolve;
  });
  const port = await listenRaw(t, async (talk) => {
    for (let head = await talk.head(); head !== undefined; head = await talk.head()) {
      seen += 1;
      const isFirst = seen === 1;
      const answer = await released;
      if (isFirst) talk.write(answer);
      else talk.write(head.includes('username="guess"') ? challenge : ok);
    }
  });
  return { url: `http://127.0.0.1:${port}/`, seen: () => seen, release };
}

const privateFailures: readonly {
  readonly name: string;
  readonly options: WakeOptions;
  readonly outcome: WakeOutcome;
  /** What the CPE answers to the first request in the end. */
  readonly answer?: string;
}[] = [
  { name: 'hangs up', options: {}, outcome: 'aborted' },
  { name: 'has little time', options: { timeoutMs: 150 }, outcome: 'timeout' },
  {
    name: 'comes with credentials of its own that are wrong',
    options: { credentials: { username: 'guess', password: 'guess' } },
    outcome: 'credentials-refused',
    answer: challenge,
  },
];

for (const { name, options, outcome, answer } of privateFailures) {
  test(`a caller of one instance that ${name} takes nothing from one of another`, async (t) => {
    const { stores, a, b } = startFleet(t);
    const cpe = await startSlow(t);
    const leaving = new AbortController();
    const first = a.wakeCpe(cpe.url, { ...options, signal: leaving.signal });
    await until('the CPE is asked', () => cpe.seen() === 1);
    const second = b.wakeCpe(cpe.url);
    await until('the other waits', () => stores.asked.includes('b waits'));
    if (outcome === 'aborted') leaving.abort();
    if (answer !== undefined) cpe.release(answer);
    assert.equal((await first).outcome, outcome);
    cpe.release(ok);
    assert.equal((await second).outcome, 'accepted');
  });
}

test('what the CPE answers to one instance does for the callers of the others', async (t) => {
  const { stores, a, b } = startFleet(t);
  const cpe = await startSlow(t);
  const first = a.wakeCpe(cpe.url);
  await until('the CPE is asked', () => cpe.seen() === 1);
  const second = b.wakeCpe(cpe.url);
  await until('the other waits', () => stores.asked.includes('b waits'));
  cpe.release('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n');
  assert.equal((await first).outcome, 'busy');
  assert.equal((await second).outcome, 'busy');
  assert.equal(cpe.seen(), 1);
});

test('keeps the lease of a CPE while its wake goes on, and no longer', async (t) => {
  const { stores, a } = startFleet(t);
  const cpe = await startSlow(t);
  t.mock.timers.enable({ apis: ['setInterval'] });
  const wake = a.wakeCpe(cpe.url);
  await until('the CPE is asked', () => cpe.seen() === 1);
  assert.equal(stores.asked.length, 1);
  t.mock.timers.tick(600);
  assert.equal(stores.asked.length, 4);
  cpe.release(ok);
  assert.equal((await wake).outcome, 'accepted');
  assert.equal(stores.asked.length, 5, 'shortened to the least time between two wakes');
  t.mock.timers.tick(3_000);
  assert.equal(stores.asked.length, 5);
});

test('closing ends the hold on a lease', async (t) => {
  const { stores, a, b } = startFleet(t);
  const cpe = await startSlow(t);
  const wake = a.wakeCpe(cpe.url);
  await until('the CPE is asked', () => cpe.seen() === 1);
  const next = b.wakeCpe(cpe.url);
  await until('the other waits', () => stores.asked.includes('b waits'));
  await a.close();
  assert.equal((await wake).outcome, 'aborted');
  cpe.release(ok);
  assert.equal((await next).outcome, 'accepted');
});

test('a wake that is given up while it waits for the lease does not take it later', async (t) => {
  const { stores, a, b } = startFleet(t);
  const double = stacks.find(({ name }) => name === 'RDK-B') ?? assert.fail('no such double');
  const cpe = await startCpe(t, double);
  const leave = new AbortController();
  const key = `http 127.0.0.1 ${new URL(cpe.url).port} ${double.path}`;
  stores.leases.set(key, { holder: 'c', until: performance.now() + 100 });
  const given = b.wakeCpe(cpe.url, { signal: leave.signal });
  await until('it waits', () => stores.asked.includes('b waits'));
  leave.abort();
  assert.equal((await given).outcome, 'aborted');
  assert.equal((await a.wakeCpe(cpe.url)).outcome, 'accepted');
  assert.ok(!stores.asked.includes('b has it'), stores.asked.join(', '));
});
