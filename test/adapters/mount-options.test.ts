import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCwmpProxy, proxyFirst } from '@cwmp-proxy/core';
import { cwmpProxy as forExpress } from '@cwmp-proxy/express';
import { cwmpProxy as forKoa } from '@cwmp-proxy/koa';
import { connectionRequests, publicOrigin } from '../helpers/app.js';

/** Options as plain JavaScript could hand them in. */
const wrong: { name: string; options: string; message: RegExp }[] = [
  { name: 'null', options: 'null', message: /^options: / },
  {
    name: 'a misspelt option',
    options: '{ "path": ["/cwmp"] }',
    message: /^path: unknown option; known are paths, onError/,
  },
  { name: 'paths that are no list', options: '{ "paths": "/cwmp" }', message: /^paths: / },
  { name: 'a path without a slash', options: '{ "paths": ["/acs", "cwmp"] }', message: /^paths: / },
  { name: 'a function for onError', options: '{ "onError": true }', message: /^onError: expected one of answer, next/ },
  { name: 'a path that is no text', options: '{ "paths": [5] }', message: /^paths: / },
];

for (const { name, options, message } of wrong) {
  test(`cwmpProxy and proxyFirst refuse ${name} where they are mounted`, (t) => {
    const proxy = createCwmpProxy({ publicUrl: publicOrigin, connectionRequests });
    t.after(() => proxy.close());
    const mounts = [() => forExpress(proxy, JSON.parse(options)), () => forKoa(proxy, JSON.parse(options))];
    for (const mount of mounts) assert.throws(mount, { code: 'ERR_CWMP_OPTION', message });
    assert.throws(() => proxyFirst(proxy, () => {}, JSON.parse(options)), { code: 'ERR_CWMP_OPTION' });
  });
}

test('proxyFirst has no error handling to hand failures to', (t) => {
  const proxy = createCwmpProxy({ publicUrl: publicOrigin, connectionRequests });
  t.after(() => proxy.close());
  assert.throws(
    () => proxyFirst(proxy, () => {}, JSON.parse('{ "onError": "next" }')),
    /^CwmpProxyError: onError: unknown/,
  );
});
