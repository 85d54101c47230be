import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import type { WakeEvent } from '@cwmp-proxy/core';
import { type Conversation, listenRaw, ok, startCpe } from '../../helpers/cpe-doubles/conversation.js';
import { held, script } from '../../helpers/cpe-doubles/scripted.js';
import { stacks } from '../../helpers/cpe-doubles/stacks.js';
import { openWakes } from '../../helpers/open-wakes.js';

test('calls for one CPE at the same time share one request, each with its own time and signal', async (t) => {
  const double = held();
  const cpe = await startCpe(t, double);
  const events: WakeEvent[] = [];
  const wakes = openWakes(t, { onWake: (event) => events.push(event) });
  const leaving = new AbortController();
  const first = wakes.wake(cpe.url);
  const aborted = wakes.wake(cpe.url, { signal: leaving.signal });
  // The same place in another dress.
  const last = wakes.wake(cpe.url.replace('http:', 'HTTP:'));
  await double.asked;
  leaving.abort();
  assert.equal((await aborted).outcome, 'aborted');
  const late = await wakes.wake(cpe.url, { timeoutMs: 5 });
  assert.equal(late.outcome, 'timeout');
  assert.equal(late.legs.at(-1)?.error, 'timeout');
  double.release(ok);
  assert.equal((await first).outcome, 'accepted');
  assert.equal((await last).outcome, 'accepted');
  assert.equal(cpe.state.requests.length, 1);
  assert.equal(new Set(events.map(({ id }) => id)).size, 1);
  assert.deepEqual(events.map(({ outcome }) => outcome).sort(), ['aborted', 'accepted', 'accepted', 'timeout']);
  assert.equal(events[0]?.origin, cpe.url);
});

test('a call with other credentials does not share, and waits for the one before it', async (t) => {
  const double = stacks.find(({ name }) => name === 'RDK-B') ?? assert.fail('no such double');
  const cpe = await startCpe(t, double);
  const wakes = openWakes(t);
  const [right, wrong] = await Promise.all([
    wakes.wake(cpe.url),
    wakes.wake(cpe.url, { credentials: { username: 'acs-7', password: 'no' } }),
  ]);
  assert.equal(right.outcome, 'accepted');
  assert.equal(wrong.outcome, 'credentials-refused');
  assert.equal(cpe.state.requests.length, 4);
});

test('the wait behind another wake of the CPE is a leg', async (t) => {
  const double = held();
  const cpe = await startCpe(t, double);
  const wakes = openWakes(t);
  const first = wakes.wake(cpe.url);
  await double.asked;
  const behind = await wakes.wake(cpe.url, { credentials: { username: 'b', password: 'b' }, timeoutMs: 20 });
  assert.equal(behind.outcome, 'timeout');
  assert.deepEqual(
    behind.legs.map(({ what, error }) => `${what} ${error ?? ''}`),
    ['turn timeout'],
  );
  double.release(ok);
  await first;
});

test('a call that leaves while another runs before it takes nothing with it', async (t) => {
  const double = held();
  const cpe = await startCpe(t, double);
  const wakes = openWakes(t);
  const first = wakes.wake(cpe.url);
  const second = wakes.wake(cpe.url, { credentials: { username: 'b', password: 'b' }, timeoutMs: 10 });
  assert.equal((await second).outcome, 'timeout');
  double.release(ok);
  assert.equal((await first).outcome, 'accepted');
  assert.equal((await wakes.wake(cpe.url)).outcome, 'accepted');
});

test('the last caller to leave ends the request', async (t) => {
  let gone = (): void => undefined;
  const left = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const port = await listenRaw(t, async (talk) => {
    await talk.head();
    await talk.gone();
    gone();
  });
  const result = await openWakes(t).wake(`http://127.0.0.1:${port}/`, { timeoutMs: 30 });
  assert.equal(result.outcome, 'timeout');
  await left;
});

test('keeps a least time between two wakes of a CPE, and none between two CPEs', async (t) => {
  const cpe = await startCpe(t, script(ok));
  const other = await startCpe(t, script(ok));
  const wakes = openWakes(t, { spacingMs: 40 });
  const results = [await wakes.wake(cpe.url), await wakes.wake(cpe.url), await wakes.wake(other.url)];
  assert.deepEqual(
    results.map(({ legs }) => legs[0]?.what),
    ['connect', 'turn', 'connect'],
  );
});

test('a wake whose time ends before the CPE may be woken again does not ask it', async (t) => {
  const cpe = await startCpe(t, script(ok));
  const wakes = openWakes(t, { spacingMs: 60_000 });
  assert.equal((await wakes.wake(cpe.url)).outcome, 'accepted');
  const impatient = await wakes.wake(cpe.url, { timeoutMs: 5 });
  assert.equal(impatient.outcome, 'timeout');
  assert.equal(impatient.legs.at(-1)?.what, 'turn');
  assert.equal(cpe.state.requests.length, 1);
});

test('limits what is under way at once, and lets hosts take turns', async (t) => {
  const order: string[] = [];
  let open_ = 0;
  let most = 0;
  const serve = (name: string) => async (talk: Conversation) => {
    const head = await talk.head();
    open_ += 1;
    most = Math.max(most, open_);
    order.push(`${name}${/^GET (\S+)/.exec(head ?? '')?.[1] ?? ''}`);
    await new Promise(setImmediate);
    open_ -= 1;
    talk.write(ok);
  };
  const [many, few] = [await listenRaw(t, serve('many')), await listenRaw(t, serve('few'))];
  const wakes = openWakes(t, { limits: { maxWakes: 1 } });
  const paths = ['/1', '/2', '/3', '/4'];
  const calls = paths.map((path) => wakes.wake(`http://127.0.0.1:${many}${path}`));
  calls.push(wakes.wake(`http://127.0.0.1:${few}/`));
  for (const { outcome } of await Promise.all(calls)) assert.equal(outcome, 'accepted');
  assert.equal(most, 1);
  assert.ok(order.indexOf('few/') <= 2, order.join(' '));
});

test('more calls than may wait end as overloaded at once', async (t) => {
  const double = held();
  const cpe = await startCpe(t, double);
  const wakes = openWakes(t, { maxPending: 2 });
  const calls = [1, 2, 3].map(() => wakes.wake(cpe.url));
  assert.equal((await calls[2])?.outcome, 'overloaded');
  double.release(ok);
  await Promise.all(calls);
});

test('closing ends every wake, and leaves nothing open', async (t) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const wakes = openWakes(t, { limits: { maxWakes: 2 }, onInform: () => () => undefined });
  const calls = ['/a', '/b', '/c'].map((path) =>
    wakes.wake(`http://127.0.0.1:${port}${path}`, { waitForInformMs: 60_000 }),
  );
  await once(server, 'connection');
  wakes.close();
  for (const { outcome } of await Promise.all(calls)) assert.equal(outcome, 'aborted');
  assert.equal((await wakes.wake(`http://127.0.0.1:${port}/`)).outcome, 'aborted');
  while (sockets.size > 0) await new Promise(setImmediate);
});
