import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import { createCwmpProxy, proxyFirst } from '@cwmp-proxy/core';
import express from 'express';
import Koa from 'koa';
import { inform, informResponse, startAcs } from '../helpers/acs.js';
import { connectionRequests, publicOrigin } from '../helpers/app.js';
import { atEnd } from '../helpers/at-end.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startCpe } from '../helpers/cpe-connection.js';
import { serve } from '../helpers/serve.js';

const apps = [
  {
    name: 'an Express app',
    listener: (seen: string[]) =>
      express().use((request, response) => {
        seen.push(request.url);
        response.send('app');
      }),
  },
  {
    name: 'a Koa app',
    listener: (seen: string[]) =>
      new Koa()
        .use((ctx) => {
          seen.push(ctx.url);
          ctx.body = 'app';
        })
        .callback(),
  },
];

for (const { name, listener } of apps) {
  test(`serves the proxy's paths before ${name} sees them, and hands it everything else`, async (t) => {
    const acs = await startAcs(t);
    const proxy = createCwmpProxy({ publicUrl: publicOrigin, backends: [acs.url], connectionRequests });
    t.after(() => proxy.close());
    const seen: string[] = [];
    const first = proxyFirst(proxy, listener(seen), { paths: ['/acs'] });
    const { url } = await serve(t, (request, response) => void first(request, response));
    const cpe = startCpe(t);
    const answer = await cpe.send({ url: `${url}/acs`, body: inform() });
    assert.equal(answer.body.toString(), informResponse);
    assert.equal(answer.headers['x-powered-by'], undefined);
    assert.equal((await cpe.send({ url: `${url}/client?origin=x`, method: 'GET' })).status, 401);
    assert.equal((await cpe.send({ url: `${url}/api`, body: '{}' })).body.toString(), 'app');
    assert.equal((await cpe.send({ url: `${url}/health`, method: 'GET' })).body.toString(), 'app');
    assert.deepEqual(seen, ['/api', '/health']);
  });
}

// A message whose target is in absolute form, as CPEs send it that know of a proxy (RFC 9112 §3.2.2), went to the application: the
// target was compared with the paths as it is.
test('a target in absolute form is at the path that it names', async (t) => {
  const acs = await startAcs(t);
  const proxy = createCwmpProxy({ publicUrl: publicOrigin, backends: [acs.url], connectionRequests });
  atEnd(t, () => proxy.close());
  const app = (_request: IncomingMessage, response: ServerResponse): unknown => response.end('app');
  const first = proxyFirst(proxy, app, { paths: ['/acs'] });
  const { port } = await serve(t, (request, response) => void first(request, response));
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.socket.destroy());
  const post = (target: string): string => `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`;
  assert.equal((await cpe.exchange(post('http://a/acs?x=1'))).status, 204);
  assert.equal((await cpe.exchange(post('http://a/other'))).body.toString(), 'app');
  assert.equal((await cpe.exchange(post('http://a'))).body.toString(), 'app');
  assert.deepEqual(
    acs.received.map(({ url }) => url),
    ['/acs?x=1'],
  );
});
