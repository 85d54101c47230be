import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
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

/**
 * V8 keeps the hidden classes of dictionaries in 64 places, chosen by a random hash of the prototype. In one app of 64, request
 * and response take the same place and push each other out, so that nothing is shared. Each app has prototypes of its own.
 */
const apart = 5;

for (const [name, withMiddleware] of apps) {
  test(`what comes through ${name} has the hidden classes of what came before`, async (t) => {
    const shared: boolean[] = [];
    while (shared.length < apart && !shared.includes(true)) {
      const [[request, response], [nextRequest, nextResponse]] = await twoThrough(t, withMiddleware);
      shared.push(haveSameMap(request, nextRequest) && haveSameMap(response, nextResponse));
      assert.deepEqual(Object.getOwnPropertySymbols(request).filter(isOurs), []);
    }
    assert.ok(shared.includes(true), `not in one of ${apart} apps`);
  });
}

type Exchange = [request: IncomingMessage, response: ServerResponse];

/** Two exchanges that came to a new app at once; none was answered before the other was there. */
async function twoThrough(
  t: TestContext,
  withMiddleware: (middleware: CwmpProxyMiddleware) => RequestListener,
): Promise<[Exchange, Exchange]> {
  const proxy = createCwmpProxy({
    publicUrl: publicOrigin,
    backends: ['http://127.0.0.1:7547'],
    connectionRequests,
  });
  t.after(() => proxy.close());
  const came: Exchange[] = [];
  proxy.handle = (request, response) => {
    came.push([request, response]);
    if (came.length === 2) for (const [, waiting] of came) waiting.end();
    return Promise.resolve();
  };
  const { url } = await serve(t, withMiddleware(cwmpProxy(proxy)));
  await Promise.all([1, 2].map(() => fetch(url, { method: 'POST', headers: { connection: 'close' } })));
  const [one, other] = came;
  assert.ok(one !== undefined && other !== undefined);
  return [one, other];
}

function isOurs({ description }: symbol): boolean {
  return description === 'first' || description === 'second';
}
