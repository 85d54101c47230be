import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCwmpProxy } from '@cwmp-proxy/core';
import { cwmpProxy, rewriteInform } from '@cwmp-proxy/koa';
import Koa3 from 'koa';
import Koa2 from 'koa2';

test('fits the types of Koa 2 and Koa 3 as they are published', () => {
  const proxy = createCwmpProxy({
    publicUrl: 'http://127.0.0.1:8080',
    connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' } },
  });
  const koa2 = new Koa2().use(cwmpProxy(proxy)).use(rewriteInform(proxy));
  const koa3 = new Koa3().use(cwmpProxy(proxy)).use(rewriteInform(proxy));
  // The message is typed on Koa's own context.
  koa3.use((ctx) => assert.ok(ctx.cwmp?.device === undefined));
  assert.ok([koa2.callback(), koa3.callback()]);
});
