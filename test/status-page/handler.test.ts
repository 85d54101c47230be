import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createCwmpProxy, type CwmpProxy } from '@cwmp-proxy/core';
import { statusPage, type StatusPage } from '@cwmp-proxy/core/status-page';
import Koa from 'koa';
import mount from 'koa-mount';
import { connectionRequests, publicOrigin } from '../helpers/app.js';
import { serve } from '../helpers/serve.js';
import { atEnd } from '../helpers/at-end.js';

function start(t: TestContext, options?: Parameters<typeof statusPage>[1]): { proxy: CwmpProxy; status: StatusPage } {
  const proxy = createCwmpProxy({ publicUrl: publicOrigin, connectionRequests });
  atEnd(t, () => proxy.close());
  const status = statusPage(proxy, options);
  atEnd(t, () => status.close());
  return { proxy, status };
}

const close = { headers: { connection: 'close' } };

test('allows nothing but its own style, script and events', async (t) => {
  const { status } = start(t);
  const { url } = await serve(t, status);
  const response = await fetch(`${url}/anywhere`, close);
  const policy = response.headers.get('content-security-policy') ?? '';
  assert.match(policy, /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; connect-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  const html = await response.text();
  assert.doesNotMatch(html, /(?:src|href)="(?!data:)|@import|url\(|\sstyle=|\son\w+=/);
});

test('changes nothing: refuses every method but GET and HEAD', async (t) => {
  const { status } = start(t);
  const { url } = await serve(t, status);
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const response = await fetch(url, { method, ...close });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get('allow'), 'GET, HEAD');
  }
  const head = await fetch(url, { method: 'HEAD', ...close });
  assert.equal(await head.text(), '');
});

test('refuses more watchers than it may have, and ends them all when it is closed', async (t) => {
  const { status } = start(t, { maxWatchers: 1 });
  const { url } = await serve(t, status);
  const watching = await fetch(`${url}/?events`, close);
  assert.equal(watching.status, 200);
  const refused = await fetch(`${url}/?events`, close);
  assert.equal(refused.status, 503);
  await refused.text();
  status.close();
  const text = await watching.text();
  assert.match(text, /^retry: 2000\n\ndata: \{"stats":/);
});

test('shows no password of a URL, keeps long texts short, and remembers so many only', async (t) => {
  const { proxy, status } = start(t);
  const { url } = await serve(t, status);
  for (let count = 0; count < 150; count += 1) {
    const device = { manufacturer: 'M'.repeat(5_000), oui: '0', productClass: '', serialNumber: `S${count}` };
    const event = { session: 's', backend: 'b', device, events: [], url: 'http://user:hunter2@192.0.2.1/', message };
    proxy.emit('inform', event);
    proxy.emit('wake', { id: 'w', origin: 'http://user:hunter2@192.0.2.1/', outcome: 'timeout', legs: [], ms: 1 });
  }
  const watching = await fetch(`${url}/?events`, close);
  status.close();
  const text = await watching.text();
  const { wakes, informs } = JSON.parse(/data: (.*)/.exec(text)?.[1] ?? '');
  assert.equal(wakes.length, 40);
  assert.equal(informs.length, 100);
  assert.equal(informs[99].device, 'S149');
  assert.ok(text.length < 100_000);
  assert.doesNotMatch(text, /hunter2/);
});

test('is mounted in Koa like anything else', async (t) => {
  const { status } = start(t);
  const app = new Koa();
  app.use(
    mount('/status', (ctx) => {
      ctx.respond = false;
      status(ctx.req, ctx.res);
    }),
  );
  const callback = app.callback();
  const { url } = await serve(t, (request, response) => void callback(request, response));
  assert.match(await (await fetch(`${url}/status`, close)).text(), /<title>cwmp-proxy<\/title>/);
  assert.equal((await fetch(`${url}/elsewhere`, close)).status, 404);
});

const message = {
  method: 'Inform',
  isInform: true,
  id: undefined,
  namespaceVersion: undefined,
  device: undefined,
  events: [],
  retryCount: undefined,
  currentTime: undefined,
  sessionTimeout: undefined,
  faultCode: undefined,
  urls: [],
  outcome: 'none',
  reason: undefined,
} as const;
