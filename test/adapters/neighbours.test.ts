import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { test, type TestContext } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createCwmpProxy, type CwmpProxy, proxyFirst } from '@cwmp-proxy/core';
import { cwmpProxy as forExpress, rewriteInform as rewriteForExpress } from '@cwmp-proxy/express';
import { cwmpProxy as forKoa, rewriteInform as rewriteForKoa } from '@cwmp-proxy/koa';
import express5 from 'express';
import Koa3 from 'koa';
import compress from 'koa-compress';
import { inform } from '../helpers/acs.js';
import { connectionRequests, publicOrigin } from '../helpers/app.js';
import { startCpe } from '../helpers/cpe-connection.js';
import { connectOf } from '../helpers/hosts/plain-host.js';
import { serve } from '../helpers/serve.js';

// What else stands in an application, in front of the proxy or behind it, and does to requests and responses what it likes.

const express4: typeof express5 = createRequire(import.meta.url)('express4');
const Koa2: typeof Koa3 = createRequire(import.meta.url)('koa2');

interface Neighbourhood {
  proxy: CwmpProxy;
  /** Bodies that reached the ACS. */
  received: string[];
  targets: string[];
  codes: string[];
  serve: (listener: RequestListener) => Promise<string>;
}

async function start(t: TestContext, answer?: (response: ServerResponse) => void): Promise<Neighbourhood> {
  const received: string[] = [];
  const targets: string[] = [];
  const acs = await serve(t, (request, response) => {
    void request.toArray().then((chunks: Buffer[]) => {
      received.push(Buffer.concat(chunks).toString());
      targets.push(request.url ?? '');
      if (answer === undefined) response.writeHead(200, { 'Content-Type': 'text/xml' }).end('<r/>');
      else answer(response);
    });
  });
  const proxy = createCwmpProxy({ publicUrl: publicOrigin, backends: [acs.url], connectionRequests });
  t.after(() => proxy.close());
  const codes: string[] = [];
  proxy.on('failure', ({ error }) => codes.push(error.code));
  return { proxy, received, targets, codes, serve: async (listener) => (await serve(t, listener)).url };
}

function koaApp(App: typeof Koa3, ...middlewares: Koa3.Middleware[]): RequestListener {
  const app = new App();
  app.silent = true;
  for (const middleware of middlewares) app.use(middleware);
  const callback = app.callback();
  return (request, response) => void callback(request, response);
}

// A body whose beginning went to a listener in front reached the ACS without it, a short one as an empty POST, which ends a
// session; one that was set to be read as text ended the process. Both are refused.
const touches: { name: string; touch: (request: IncomingMessage) => unknown }[] = [
  { name: 'listens for its data', touch: (request) => request.on('data', () => {}) },
  { name: 'listens for what is readable', touch: (request) => request.on('readable', () => {}) },
  { name: 'lets it flow', touch: (request) => request.resume() },
  { name: 'sets its encoding', touch: (request) => request.setEncoding('utf8') },
];

const long = inform().replace('</soap:Envelope>', `<!--${'x'.repeat(200_000)}--></soap:Envelope>`);

for (const { name, touch } of touches) {
  test(`a body is refused, short or long, where something in front ${name}`, async (t) => {
    const { proxy, received, codes, serve } = await start(t);
    const apps: RequestListener[] = [
      (request, response) => {
        touch(request);
        void proxy.handle(request, response);
      },
      express5()
        .use((request, _response, next) => {
          touch(request);
          next();
        })
        .use(forExpress(proxy)),
      koaApp(
        Koa3,
        (ctx, next) => {
          touch(ctx.req);
          return next();
        },
        forKoa(proxy),
      ),
    ];
    for (const app of apps) {
      const url = await serve(app);
      const cpe = startCpe(t);
      for (const body of [inform(), long]) {
        const answer = await cpe.send({ url, body });
        assert.deepEqual([answer.status, answer.body.toString()], [500, 'ERR_CWMP_BODY_CONSUMED\n']);
      }
      assert.equal((await cpe.send({ url })).status, 200, 'an empty POST has nothing to lose');
    }
    assert.deepEqual(received, ['', '', '']);
    assert.deepEqual(new Set(codes), new Set(['ERR_CWMP_BODY_CONSUMED']));
  });

  test(`rewriteInform hands on no message unchanged where something in front ${name}`, async (t) => {
    const { proxy, serve } = await start(t);
    const reached: string[] = [];
    const app = express5().set('env', 'test');
    app.use((request, _response, next) => {
      touch(request);
      next();
    });
    app.use(rewriteForExpress(proxy), (_request, response) => {
      reached.push('the ACS');
      response.end();
    });
    const apps = [
      app,
      koaApp(
        Koa3,
        (ctx, next) => {
          touch(ctx.req);
          return next();
        },
        rewriteForKoa(proxy),
        () => void reached.push('the ACS'),
      ),
    ];
    for (const one of apps) {
      const url = await serve(one);
      for (const body of [inform(), long]) assert.equal((await startCpe(t).send({ url, body })).status, 500);
    }
    assert.deepEqual(reached, []);
  });
}

test('a host that goes on with a request that it has handed over loses no part of it unseen', async (t) => {
  const { proxy, received, serve } = await start(t);
  for (const { touch } of touches) {
    const url = await serve((request, response) => {
      void proxy.handle(request, response);
      touch(request);
    });
    for (const body of [inform(), long]) {
      received.length = 0;
      const { status } = await startCpe(t).send({ url, body });
      if (status === 200) assert.match(received.join(), /<soap:Body>.*<\/soap:Body>/s);
      else assert.deepEqual([status, received], [500, []]);
    }
  }
});

for (const [name, express] of [
  ['Express 4', express4],
  ['Express 5', express5],
] as const) {
  test(`${name}: a parser of another type in front leaves bodies, empty ones too`, async (t) => {
    const { proxy, received, serve } = await start(t);
    const url = await serve(express().use(express.json(), express.urlencoded({ extended: false }), forExpress(proxy)));
    const cpe = startCpe(t);
    for (const body of ['<m/>', '']) assert.equal((await cpe.send({ url, body })).status, 200);
    assert.equal((await cpe.send({ url, chunked: true, headers: { 'Content-Type': 'text/xml' } })).status, 200);
    assert.deepEqual(received, ['<m/>', '', '']);
  });

  test(`${name}: a parser of everything in front leaves an empty POST as one`, async (t) => {
    const { proxy, received, serve } = await start(t);
    const url = await serve(express().use(express.json({ type: () => true }), forExpress(proxy)));
    assert.equal((await startCpe(t).send({ url })).status, 200);
    assert.deepEqual(received, ['']);
  });

  test(`${name}: the target is the CPE's own, behind parameters and a URL that was rewritten`, async (t) => {
    const { proxy, targets, serve } = await start(t);
    const app = express();
    app.use((request, _response, next) => {
      request.url = request.url.replace('/old', '/new');
      next();
    });
    app.use('/new/:tenant', express.Router({ mergeParams: true }).use('/acs', forExpress(proxy)));
    const url = await serve(app);
    assert.equal((await startCpe(t).send({ url: `${url}/old/t1/acs?x=%2F`, body: '<m/>' })).status, 200);
    assert.deepEqual(targets, ['/old/t1/acs?x=%2F']);
  });

  test(`${name}: compression in front neither codes twice nor keeps an answer back`, async (t) => {
    const coded = gzipSync('<r>coded</r>');
    const answers = [
      (response: ServerResponse) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(coded),
      (response: ServerResponse) => response.writeHead(200, { 'Content-Type': 'text/xml' }).end('<r/>'.repeat(500_000)),
      (response: ServerResponse) => response.writeHead(204).end(),
      (response: ServerResponse) => response.destroy(),
    ];
    const { proxy, serve } = await start(t, (response) => void answers.shift()?.(response));
    const url = await serve(express().use(connectOf('compression')).use(forExpress(proxy)));
    const cpe = startCpe(t);
    const headers = { 'Accept-Encoding': 'gzip' };
    assert.equal(gunzipSync((await cpe.send({ url, body: '<m/>', headers })).body).toString(), '<r>coded</r>');
    assert.equal(gunzipSync((await cpe.send({ url, body: '<m/>', headers })).body).length, 2_000_000);
    assert.deepEqual((await cpe.send({ url, body: '<m/>', headers })).body.length, 0);
    const failed = await cpe.send({ url, body: '<m/>', headers });
    assert.equal(failed.status, 502);
    assert.equal(gunzipSync(failed.body).toString(), 'ERR_CWMP_BACKEND_FAILED\n');
  });
}

for (const [name, App] of [
  ['Koa 2', Koa2],
  ['Koa 3', Koa3],
] as const) {
  const after: { what: string; middleware: Koa3.Middleware }[] = [
    {
      what: 'sets status, body and a field afterwards',
      middleware: async (ctx, next) => {
        await next();
        ctx.status = 418;
        ctx.body = 'mine';
        ctx.set('X-Mine', '1');
      },
    },
    {
      what: 'lets Koa respond again',
      middleware: async (ctx, next) => {
        await next();
        ctx.respond = true;
        ctx.body = { mine: true };
      },
    },
    {
      what: 'throws afterwards',
      middleware: async (ctx, next) => {
        await next();
        ctx.throw(500, 'mine');
      },
    },
    {
      what: 'has set a body before',
      middleware: (ctx, next) => {
        ctx.body = 'mine';
        ctx.type = 'text/html';
        return next();
      },
    },
    { what: 'compresses', middleware: compress({ threshold: 0 }) },
  ];

  for (const { what, middleware } of after) {
    test(`${name}: the ACS's answer is whole where a middleware in front ${what}`, async (t) => {
      const { proxy, codes, serve } = await start(t);
      const url = await serve(koaApp(App, middleware, forKoa(proxy)));
      const cpe = startCpe(t);
      for (let count = 0; count < 2; count += 1) {
        const answer = await cpe.send({ url, body: '<m/>', headers: { 'Accept-Encoding': 'gzip' } });
        assert.deepEqual([answer.status, answer.body.toString()], [200, '<r/>']);
        assert.equal(answer.headers['content-type'], 'text/xml');
        assert.equal(answer.headers['content-length'], '4');
      }
      assert.deepEqual(codes, []);
    });

    test(`${name}: the proxy's own answer is whole where a middleware in front ${what}`, async (t) => {
      const { proxy, codes, serve } = await start(t, (response) => response.destroy());
      const url = await serve(koaApp(App, middleware, forKoa(proxy)));
      const answer = await startCpe(t).send({ url, body: '<m/>', headers: { 'Accept-Encoding': 'gzip' } });
      assert.deepEqual([answer.status, answer.body.toString()], [502, 'ERR_CWMP_BACKEND_FAILED\n']);
      assert.deepEqual(codes, ['ERR_CWMP_BACKEND_FAILED']);
    });
  }
}

test("a HEAD that is the proxy's has no body on any host, whatever fails", async (t) => {
  const { proxy, serve } = await start(t, (response) => response.destroy());
  const paths = { paths: ['/files'] };
  const apps = [
    express4().use(connectOf('compression')).use(forExpress(proxy, paths)),
    express5().use(connectOf('compression')).use(forExpress(proxy, paths)),
    koaApp(Koa2, compress({ threshold: 0 }), forKoa(proxy, paths)),
    koaApp(Koa3, compress({ threshold: 0 }), forKoa(proxy, paths)),
  ];
  for (const app of apps) {
    const url = await serve(app);
    const cpe = startCpe(t);
    for (let count = 0; count < 2; count += 1) {
      const answer = await cpe.send({ url: `${url}/files/x`, method: 'HEAD' });
      assert.deepEqual([answer.status, answer.body.length], [502, 0]);
    }
  }
});

test('what an application behind proxyFirst throws is its own, and the proxy goes on', async (t) => {
  const { proxy, serve } = await start(t);
  const thrown: unknown[] = [];
  const first = proxyFirst(proxy, (request) => {
    if (request.url === '/throws') throw new Error('thrown');
    return Promise.reject(new Error('rejected'));
  });
  const own = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      await first(request, response);
    } catch (error) {
      thrown.push(error instanceof Error ? error.message : error);
      response.writeHead(500).end();
    }
  };
  const url = await serve((request, response) => void own(request, response));
  const cpe = startCpe(t);
  for (const path of ['/throws', '/rejects']) {
    assert.equal((await cpe.send({ url: url + path, method: 'GET' })).status, 500);
  }
  assert.equal((await cpe.send({ url, body: '<m/>' })).status, 200);
  assert.deepEqual(thrown, ['thrown', 'rejected']);
});
