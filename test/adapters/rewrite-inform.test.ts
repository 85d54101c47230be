import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { test, type TestContext } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createCwmpProxy, type CwmpMessage, type CwmpProxy } from '@cwmp-proxy/core';
import { rewriteInform as rewriteForExpress } from '@cwmp-proxy/express';
import { rewriteInform as rewriteForKoa } from '@cwmp-proxy/koa';
import express5 from 'express';
import Koa from 'koa';
import bodyParser from 'koa-bodyparser';
import { inform } from '../helpers/acs.js';
import { connectionRequests, publicOrigin } from '../helpers/app.js';
import { startCpe } from '../helpers/cpe-connection.js';
import { serve } from '../helpers/serve.js';

/** What the ACS's own route got. */
interface Got {
  body: string | Buffer;
  message: CwmpMessage | undefined;
}

type Acs = (proxy: CwmpProxy, got: (what: Got) => void) => RequestListener;

const everything = (): boolean => true;

/** Express 4 in the types of Express 5, which agree in what is used here. */
const express4: typeof express5 = createRequire(import.meta.url)('express4');

function expressAcs(
  express: typeof express5,
  parser: express5.RequestHandler | undefined,
  read: (request: express5.Request) => Promise<Got['body']>,
): Acs {
  return (proxy, got) => {
    const app = express();
    app.use(rewriteForExpress(proxy));
    if (parser !== undefined) app.use(parser);
    app.post('/acs', (request, response, next) => {
      read(request).then((body) => {
        got({ body, message: request.cwmp });
        response.sendStatus(204);
      }, next);
    });
    app.use(
      (error: { code: string; statusCode: number }, _request: unknown, response: express5.Response, _next: unknown) => {
        response.status(error.statusCode).send(error.code);
      },
    );
    return app;
  };
}

async function byIterating(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function byEvents(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(request, 'end');
  return Buffer.concat(chunks);
}

const acses: { name: string; acs: Acs }[] = [
  ...[express4, express5].flatMap((express, index) => {
    const version = `(Express ${index + 4})`;
    const text = express.text({ type: everything });
    const raw = express.raw({ type: everything });
    return [
      { name: `express.text ${version}`, acs: expressAcs(express, text, async ({ body }) => String(body ?? '')) },
      {
        name: `express.raw ${version}`,
        acs: expressAcs(express, raw, async ({ body }) => (Buffer.isBuffer(body) ? body : '')),
      },
      { name: `a handler that iterates ${version}`, acs: expressAcs(express, undefined, byIterating) },
      { name: `a handler that listens for data and end ${version}`, acs: expressAcs(express, undefined, byEvents) },
    ];
  }),
  {
    name: 'koa-bodyparser',
    acs(proxy, got) {
      const app = new Koa();
      app.use(rewriteForKoa(proxy));
      app.use(bodyParser({ enableTypes: ['xml'] }));
      app.use((ctx) => {
        const { rawBody } = ctx.request;
        got({ body: typeof rawBody === 'string' ? rawBody : '', message: ctx.cwmp });
        ctx.status = 204;
      });
      const callback = app.callback();
      return (request, response) => void callback(request, response);
    },
  },
  {
    name: 'a Koa handler that iterates over the request',
    acs(proxy, got) {
      const app = new Koa();
      app.use(rewriteForKoa(proxy));
      app.use(async (ctx) => {
        got({ body: await byIterating(ctx.req), message: ctx.cwmp });
        ctx.status = 204;
      });
      const callback = app.callback();
      return (request, response) => void callback(request, response);
    },
  },
];

function embeddedProxy(t: TestContext, limits = {}): CwmpProxy {
  const proxy = createCwmpProxy({ publicUrl: publicOrigin, connectionRequests, limits });
  t.after(() => proxy.close());
  return proxy;
}

const rewritten = inform(`${publicOrigin}/client?origin=http://192.168.100.50:7547`);

for (const { name, acs } of acses) {
  test(`${name} behind rewriteInform gets the rewritten bytes and the facts`, async (t) => {
    const proxy = embeddedProxy(t);
    const all: Got[] = [];
    const { url } = await serve(
      t,
      acs(proxy, (what) => all.push(what)),
    );
    const cpe = startCpe(t);
    for (const chunked of [false, true]) {
      assert.equal((await cpe.send({ url: `${url}/acs`, body: inform(), chunked })).status, 204);
      const { body, message } = all.pop() ?? { body: '', message: undefined };
      assert.equal(body.toString(), rewritten);
      assert.equal(message?.method, 'Inform');
      assert.equal(message.device?.serialNumber, 'S1');
      assert.deepEqual(message.events, ['2 PERIODIC']);
    }
  });

  test(`${name} behind rewriteInform gets an empty POST as one`, async (t) => {
    const proxy = embeddedProxy(t);
    const all: Got[] = [];
    const { url } = await serve(
      t,
      acs(proxy, (what) => all.push(what)),
    );
    const cpe = startCpe(t);
    assert.equal((await cpe.send({ url: `${url}/acs` })).status, 204);
    assert.equal(
      (await cpe.send({ url: `${url}/acs`, chunked: true, headers: { 'Content-Type': 'text/xml' } })).status,
      204,
    );
    assert.deepEqual(
      all.map(({ body, message }) => [body.length, message]),
      [
        [0, undefined],
        [0, undefined],
      ],
    );
  });

  test(`${name} behind rewriteInform gets a message of many segments whole`, async (t) => {
    const proxy = embeddedProxy(t);
    const all: Got[] = [];
    const { url } = await serve(
      t,
      acs(proxy, (what) => all.push(what)),
    );
    const padding = `<!--${'é'.repeat(40_000)}--></soap:Envelope>`;
    const body = inform().replace('</soap:Envelope>', padding);
    assert.equal((await startCpe(t).send({ url: `${url}/acs`, body })).status, 204);
    assert.equal(all[0]?.body.toString(), rewritten.replace('</soap:Envelope>', padding));
  });
}

test('rewriteInform leaves a compressed message compressed, with its new length', async (t) => {
  const proxy = embeddedProxy(t);
  const all: Got[] = [];
  const { url } = await serve(
    t,
    expressAcs(express5, undefined, byIterating)(proxy, (what) => all.push(what)),
  );
  const headers = { 'Content-Encoding': 'gzip' };
  assert.equal((await startCpe(t).send({ url: `${url}/acs`, body: gzipSync(inform()), headers })).status, 204);
  const [got] = all;
  assert.ok(Buffer.isBuffer(got?.body));
  assert.equal(gunzipSync(got.body).toString(), rewritten);
});

test('rewriteInform refuses a message that is longer than the limit, and says so', async (t) => {
  const proxy = embeddedProxy(t, { maxDecodedBytes: 2_000 });
  const failures: string[] = [];
  proxy.on('failure', ({ error, target }) => failures.push(`${target} ${error.code}`));
  const { url } = await serve(
    t,
    expressAcs(express5, undefined, byIterating)(proxy, () => assert.fail('was handed on')),
  );
  const answer = await startCpe(t).send({ url: `${url}/acs`, body: inform() + ' '.repeat(3_000) });
  assert.equal(answer.status, 413);
  assert.equal(answer.body.toString(), 'ERR_CWMP_BODY_TOO_LARGE');
  assert.deepEqual(failures, ['acs ERR_CWMP_BODY_TOO_LARGE']);
});

test('rewriteInform behind a body parser says what to do', async (t) => {
  const proxy = embeddedProxy(t);
  const app = express5();
  app.use(express5.text({ type: everything }));
  app.use(rewriteForExpress(proxy));
  app.use((error: Error, _request: unknown, response: express5.Response, _next: unknown) => {
    response.status(500).send(error.message);
  });
  const { url } = await serve(t, app);
  const answer = await startCpe(t).send({ url, body: inform() });
  assert.match(answer.body.toString(), /mount rewriteInform ahead of it/);
});

test('rewriteInform refuses a proxy with cpeAuth, which would let every CPE through to the ACS', async (t) => {
  const cpeAuth = { users: { cpe: 'secret' } };
  const proxy = createCwmpProxy({ publicUrl: publicOrigin, connectionRequests, cpeAuth });
  t.after(() => proxy.close());
  const errors: unknown[] = [];
  const koa = new Koa().use(rewriteForKoa(proxy)).on('error', (error: { code: string }) => errors.push(error.code));
  const inKoa = koa.callback();
  const apps: RequestListener[] = [
    expressAcs(express5, undefined, byIterating)(proxy, () => assert.fail('was handed on')),
    (request, response) => void inKoa(request, response),
  ];
  for (const app of apps) {
    const { url } = await serve(t, app);
    assert.equal((await startCpe(t).send({ url: `${url}/acs`, body: inform() })).status, 500);
  }
  assert.deepEqual(errors, ['ERR_CWMP_OPTION']);
});

test('a message that rewriteInform saw is announced, and ends the wait of a wake', async (t) => {
  const proxy = embeddedProxy(t);
  const { url } = await serve(
    t,
    expressAcs(express5, undefined, byIterating)(proxy, () => {}),
  );
  const cpe = startCpe(t);
  let session: Promise<unknown> | undefined;
  const connectionRequestServer = await serve(t, (_request, response) => {
    response.writeHead(200, { connection: 'close' }).end();
    session = cpe.send({ url: `${url}/acs`, body: inform(connectionRequestServer.url, 'S1', '6 CONNECTION REQUEST') });
  });
  const announced = once(proxy, 'inform');
  const wake = await proxy.wakeCpe(connectionRequestServer.url, { waitForInformMs: 10_000 });
  assert.equal(wake.outcome, 'informed');
  await session;
  const [event] = await announced;
  assert.equal(event.session, undefined);
  assert.equal(event.backend, undefined);
  assert.equal(event.device.serialNumber, 'S1');
});
