import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { createCwmpProxy } from '@cwmp-proxy/core';
import { cwmpProxy } from '@cwmp-proxy/koa';
import Koa from 'koa';
import Koa2 from 'koa2';
import { connectionRequests, publicOrigin } from '../helpers/app.js';
import { atEnd } from '../helpers/at-end.js';
import { closedPort } from '../helpers/raw-backend.js';
import { listen } from '../helpers/serve.js';

for (const [name, App] of [
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
] as const) {
  test(`${name}: a middleware in front may answer what the proxy could not hand on`, async (t) => {
    const backends = [`http://127.0.0.1:${await closedPort()}`];
    const proxy = createCwmpProxy({ publicUrl: publicOrigin, backends, connectionRequests });
    atEnd(t, () => proxy.close());
    const app = new App();
    app.use(async (context: Koa.Context, next: Koa.Next) => {
      try {
        await next();
      } catch (error) {
        context.status = 502;
        context.body = error instanceof Error && 'code' in error ? error.code : '';
      }
    });
    app.use(cwmpProxy(proxy, { onError: 'next' }));
    const handle = app.callback();
    const { url } = await listen(
      t,
      createServer((request, response) => void handle(request, response)),
    );
    const response = await fetch(url, { method: 'POST', body: '<x/>', headers: { connection: 'close' } });
    assert.equal(response.status, 502);
    assert.equal(await response.text(), 'ERR_CWMP_BACKEND_UNREACHABLE');
  });
}
