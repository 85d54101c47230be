import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { test } from 'node:test';
import { inform, startAcs } from '../helpers/acs.js';
import { startApp } from '../helpers/app.js';
import { startCpe } from '../helpers/cpe-connection.js';
import { plainHost } from '../helpers/hosts/plain-host.js';

test('stats() tells in one plain object what the proxy does and has done', async (t) => {
  const acs = await startAcs(t);
  const app = await startApp(t, plainHost, { backends: [acs.url] });
  // What is counted does not hang on listeners that a host may take away.
  app.proxy.removeAllListeners();
  const cpe = startCpe(t);
  await cpe.send({ url: app.url, body: inform() });
  const during = app.proxy.stats();
  assert.equal(during.sessions.open, 1);
  await cpe.send({ url: app.url });
  await app.proxy.wakeCpe('http://127.0.0.1:1/');
  const { since, backends, ...counts } = app.proxy.stats();
  assert.ok(since instanceof Date);
  assert.deepEqual(counts, {
    sessions: { open: 0, started: 1, ended: { complete: 1 } },
    messages: { rewritten: 1 },
    exchanges: 2,
    heldBytes: 0,
    wakes: { unreachable: 1 },
    failures: {},
    warnings: {},
  });
  assert.equal(backends[0]?.url, acs.url);
  assert.deepEqual(JSON.parse(JSON.stringify(during)).sessions, { open: 1, started: 1, ended: {} });
});

test('tracers without a hold of the proxy hear its events on channels', async (t) => {
  const heard: string[] = [];
  for (const name of [
    'sessionStart',
    'message',
    'informPending',
    'inform',
    'informRefused',
    'exchange',
    'sessionEnd',
    'wake',
    'failure',
    'backend',
  ]) {
    const listener = (): number => heard.push(name);
    const subscribed = channel(`cwmp-proxy:${name}`);
    subscribed.subscribe(listener);
    t.after(() => subscribed.unsubscribe(listener));
  }
  const acs = await startAcs(t);
  const app = await startApp(t, plainHost, { backends: [acs.url], proxy: { health: { maxFailures: 1 } } });
  const cpe = startCpe(t);
  await cpe.send({ url: app.url, body: inform() });
  await cpe.send({ url: app.url });
  await app.proxy.wakeCpe('http://127.0.0.1:1/');
  app.proxy.backends.add('http://127.0.0.1:1');
  await app.proxy.backends.drain(acs.url);
  await cpe.send({ url: app.url, body: inform() });
  assert.deepEqual(heard.slice(0, 7), [
    'sessionStart',
    'message',
    'informPending',
    'inform',
    'exchange',
    'exchange',
    'sessionEnd',
  ]);
  assert.deepEqual([...new Set(heard.slice(7))].sort(), [
    'backend',
    'failure',
    'informPending',
    'informRefused',
    'message',
    'sessionEnd',
    'sessionStart',
    'wake',
  ]);
});
