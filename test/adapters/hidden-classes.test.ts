import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { createCwmpProxy } from '@cwmp-proxy/core';
import { type CwmpProxyMiddleware, cwmpProxy } from '@cwmp-proxy/express';
import express from 'express';
import express4 from 'express4';
import { connectionRequests, publicOrigin } from '../helpers/app.js';
import { serve } from '../helpers/serve.js';

setFlagsFromString('--allow-natives-syntax');
const haveSameMap: (one: object, other: object) => boolean = runInThisContext('(a, b) => %HaveSameMap(a, b)');

const apps: [name: string, withMiddleware: (middleware: CwmpProxyMiddleware) => RequestListener][] = [
  ['Express 4', (middleware) => express4().use(middleware)],
  ['Express 5', (middleware) => express().use(middleware)],
];

for (const [name, withMiddleware] of apps) {
  test(`what comes through ${name} has the hidden classes of what came before`, async (t) => {
    const proxy = createCwmpProxy({
      publicUrl: publicOrigin,
      backends: ['http://127.0.0.1:7547'],
      connectionRequests,
    });
    t.after(() => proxy.close());
    const came: [IncomingMessage, ServerResponse][] = [];
    proxy.handle = (request, response) => {
      came.push([request, response]);
      // Both are looked at in the same state: none is answered before the other is there.
      if (came.length === 2) for (const [, waiting] of came) waiting.end();
      return Promise.resolve();
    };
    const { url } = await serve(t, withMiddleware(cwmpProxy(proxy)));
    await Promise.all([1, 2].map(() => fetch(url, { method: 'POST', headers: { connection: 'close' } })));
    const [[request, response] = [], [nextRequest, nextResponse] = []] = came;
    assert.ok(request !== undefined && nextRequest !== undefined && haveSameMap(request, nextRequest));
    assert.ok(response !== undefined && nextResponse !== undefined && haveSameMap(response, nextResponse));
    assert.deepEqual(Object.getOwnPropertySymbols(request).filter(isOurs), []);
  });
}

function isOurs({ description }: symbol): boolean {
  return description === 'first' || description === 'second';
}
