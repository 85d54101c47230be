import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createCwmpProxy, type CwmpProxy, type WakeStore } from '@cwmp-proxy/core';
import { PeerClocks } from '#core/connection-request/wake/peer-clocks.js';
import { inform, startAcs } from '../../helpers/acs.js';
import { connectionRequests, publicOrigin } from '../../helpers/app.js';
import { atEnd } from '../../helpers/at-end.js';
import { listenRaw, ok, startCpe as startCpeDouble } from '../../helpers/cpe-doubles/conversation.js';
import { held } from '../../helpers/cpe-doubles/scripted.js';
import { startCpe } from '../../helpers/cpe-connection.js';
import { MemoryStores } from '../../helpers/memory-stores.js';
import { serve } from '../../helpers/serve.js';
import { until } from '../../helpers/until.js';

/*
 * Seen: an Inform, or the outcome of a wake, that the store delivered late was taken for the answer to a wake that had begun since; one
 * that it delivered twice counted twice. A message did not say how old it was, and the clocks of instances do not agree. Promise: what
 * is older than a wake says nothing of it, whatever the clocks show, and a message counts once.
 */

/** A store that keeps messages back. */
class SlowStore {
  readonly sent: string[] = [];
  isHolding = false;
  readonly #held: (() => Promise<void>)[] = [];

  wrap(store: WakeStore): WakeStore {
    return {
      ...store,
      publish: async (message) => {
        this.sent.push(message);
        if (this.isHolding) this.#held.push(() => store.publish(message));
        else await store.publish(message);
      },
    };
  }

  get heldCount(): number {
    return this.#held.length;
  }

  async release(): Promise<void> {
    this.isHolding = false;
    for (const say of this.#held.splice(0)) await say();
  }
}

async function startInstance(
  t: TestContext,
  store: WakeStore,
  credentials: () => undefined | { username: string; password: string } = () => undefined,
): Promise<{ proxy: CwmpProxy; url: string }> {
  const acs = await startAcs(t);
  const proxy = createCwmpProxy({
    publicUrl: publicOrigin,
    backends: [acs.url],
    connectionRequests: { ...connectionRequests, credentials, store },
  });
  atEnd(t, () => proxy.close());
  const { url } = await serve(t, (request, response) => void proxy.handle(request, response));
  return { proxy, url };
}

async function informThrough(t: TestContext, url: string, cpe: string, serial: string): Promise<void> {
  const session = startCpe(t);
  await session.send({ url, body: inform(cpe, serial, '6 CONNECTION REQUEST') });
  await session.send({ url });
}

for (const isKnown of [true, false]) {
  test(`an Inform from before the wake is not its answer, ${isKnown ? 'from an instance that is known' : 'from one that is not'}`, async (t) => {
    const stores = new MemoryStores();
    const slow = new SlowStore();
    const one = await startInstance(t, stores.store('one'));
    const other = await startInstance(t, slow.wrap(stores.store('other')));
    const port = await listenRaw(t, async (talk) => {
      if ((await talk.head()) !== undefined) talk.write(ok);
    });
    const cpe = `http://127.0.0.1:${port}/`;
    if (isKnown) await informThrough(t, other.url, 'http://127.0.0.1:1/', 'S0');
    slow.isHolding = true;
    await informThrough(t, other.url, cpe, 'S1');
    await until('the Inform is on its way', () => slow.heldCount > 0);
    const wake = one.proxy.wakeCpe(cpe, { waitForInformMs: 300 });
    await until('the CPE was asked', () => stores.asked.filter((step) => step === 'one has it').length >= 2);
    await slow.release();
    assert.equal((await wake).outcome, 'no-inform');
  });
}

test('an Inform that is told late is the answer to the wake that it came after', async (t) => {
  const stores = new MemoryStores();
  const slow = new SlowStore();
  const one = await startInstance(t, stores.store('one'));
  const other = await startInstance(t, slow.wrap(stores.store('other')));
  const double = held();
  const cpe = await startCpeDouble(t, double);
  const wake = one.proxy.wakeCpe(cpe.url, { waitForInformMs: 20_000 });
  await until('the CPE is asked', () => cpe.state.requests.length === 1);
  slow.isHolding = true;
  await informThrough(t, other.url, cpe.url, 'S1');
  await until('the Inform is on its way', () => slow.heldCount > 0);
  double.release(ok);
  await slow.release();
  assert.equal((await wake).outcome, 'informed');
});

test('the outcome of a wake from before is not that of one that waits', async (t) => {
  const stores = new MemoryStores();
  const slow = new SlowStore();
  const one = await startInstance(t, stores.store('one'));
  const other = await startInstance(t, slow.wrap(stores.store('other')));
  let asked = 0;
  const port = await listenRaw(t, async (talk) => {
    if ((await talk.head()) === undefined) return;
    asked += 1;
    talk.write(ok);
  });
  const cpe = `http://127.0.0.1:${port}/`;
  slow.isHolding = true;
  assert.equal((await other.proxy.wakeCpe(cpe)).outcome, 'accepted');
  await until('the outcome is on its way', () => slow.heldCount > 0);
  const [name = ''] = stores.leases.keys();
  stores.leases.set(name, { holder: 'third', until: performance.now() + 60_000 });
  const wake = one.proxy.wakeCpe(cpe);
  await until('it waits', () => stores.asked.includes('one waits'));
  stores.leases.delete(name);
  await slow.release();
  // It was told that the CPE is free, nothing more.
  assert.equal((await wake).outcome, 'accepted');
  assert.equal(asked, 2);
});

test('a message that comes twice counts once', async (t) => {
  const stores = new MemoryStores();
  const slow = new SlowStore();
  const one = await startInstance(t, stores.store('one'));
  const other = await startInstance(t, slow.wrap(stores.store('other')));
  const cpe = 'http://127.0.0.1:2/';
  // Of two devices with one URL the earlier one has moved away, unless it reports that URL again.
  await informThrough(t, other.url, cpe, 'S1');
  await informThrough(t, other.url, cpe, 'S2');
  for (const message of slow.sent.filter((text) => text.includes('S1'))) await stores.store('third').publish(message);
  assert.equal(one.proxy.stats().warnings.AMBIGUOUS_CPE, undefined);
  await informThrough(t, other.url, cpe, 'S1');
  await until('the real collision is seen', () => one.proxy.stats().warnings.AMBIGUOUS_CPE === 1);
});

test('what is no message of an instance is passed over', async (t) => {
  const stores = new MemoryStores();
  const one = await startInstance(t, stores.store('one'));
  await one.proxy.wakeCpe('http://127.0.0.1:1/');
  const envelope = { from: 'x', id: 1, sentAt: 0, at: 0, clocks: {} };
  const url = 'http://127.0.0.1:1/';
  const odd: unknown[] = [
    null,
    [],
    'text',
    { ...envelope, inform: null },
    { ...envelope, inform: { url, events: 'x' } },
    { ...envelope, inform: { url, events: [], device: { oui: 1, serialNumber: {} } } },
    { ...envelope, inform: 1, woken: 'x' },
    { ...envelope, sentAt: 'x', woken: 'x' },
    { ...envelope, clocks: { x: 'y' }, waits: 'x' },
    { ...envelope, missed: 1 },
    { from: 'x', woken: 'http 127.0.0.1 1 /', outcome: 'accepted' },
  ];
  for (const message of odd) await stores.store('third').publish(JSON.stringify(message));
  assert.equal((await one.proxy.wakeCpe(url)).outcome, 'unreachable');
});

test('a subscription that failed is asked for again', async (t) => {
  const stores = new MemoryStores();
  const store = stores.store('one');
  let failures = 0;
  const failing: WakeStore = {
    ...store,
    subscribe: async (listener, signal) => {
      failures += 1;
      if (failures === 1) throw new Error('not now');
      return store.subscribe(listener, signal);
    },
  };
  const one = await startInstance(t, failing);
  await until('it was tried', () => one.proxy.stats().warnings.WAKE_STORE === 1);
  await one.proxy.wakeCpe('http://127.0.0.1:1/');
  assert.equal(failures, 2);
});

/** The clock of an instance that shows so many milliseconds more than another one's. */
function twoClocks(aheadMs: number): { one: PeerClocks; other: PeerClocks; pass: (ms: number) => void } {
  let time = 1_000;
  const one = new PeerClocks('one', () => time);
  const other = new PeerClocks('other', () => time + aheadMs);
  return { one, other, pass: (ms) => (time += ms) };
}

for (const aheadMs of [0, 3_600_000, -3_600_000]) {
  test(`times of an instance whose clock is ${aheadMs} ms ahead are read to within a round trip`, () => {
    const { one, other, pass } = twoClocks(aheadMs);
    const asked = one.now();
    pass(3);
    other.heard('one', asked);
    pass(100);
    const happened = one.now();
    const [at, sentAt] = [other.now(), other.now()];
    pass(5);
    one.heard('other', sentAt);
    assert.ok(Math.abs((one.read('other', at, other.readings()) ?? 0) - happened) <= 8);
    // The same message, told late.
    const readings = other.readings();
    pass(50_000);
    one.heard('other', sentAt);
    assert.ok((one.read('other', at, readings) ?? 0) - happened <= 8);
  });
}

test('a time is unknown to who is not known to the other', () => {
  const { one, other, pass } = twoClocks(500);
  one.heard('other', other.now());
  assert.equal(one.read('other', other.now(), other.readings()), undefined);
  other.heard('one', one.now());
  assert.notEqual(one.read('other', other.now(), other.readings()), undefined);
  pass(61_000);
  assert.deepEqual(other.readings(), {}, 'clocks drift');
});
