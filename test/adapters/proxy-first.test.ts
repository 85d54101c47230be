import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCwmpProxy, proxyFirst } from '@cwmp-proxy/core';
import express from 'express';
import Koa from 'koa';
import { inform, informResponse, startAcs } from '../helpers/acs.js';
import { connectionRequests, publicOrigin } from '../helpers/app.js';
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
