import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { AdapterOptions, CwmpProxy, CwmpProxyErrorCode, CwmpProxyOptions } from '@cwmp-proxy/core';
import { inform, informResponse, startAcs } from '../helpers/acs.js';
import { type App, publicOrigin, startApp } from '../helpers/app.js';
import { atEnd } from '../helpers/at-end.js';
import { startCpe } from '../helpers/cpe-connection.js';
import { valuesOf } from '../helpers/cpe-clients/raw-answer.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { everyHost, proxyFirstHost } from '../helpers/hosts/every-host.js';
import { express4Host, express5Host } from '../helpers/hosts/express-hosts.js';
import type { Before, Host } from '../helpers/hosts/host.js';
import { koa2Host, koa3Host } from '../helpers/hosts/koa-hosts.js';
import { plainHost } from '../helpers/hosts/plain-host.js';
import { listen } from '../helpers/listen.js';
import { closedPort, rawBackend } from '../helpers/raw-backend.js';
import { serve } from '../helpers/serve.js';

// One table for all hosts, so that they cannot drift.

interface Scenario {
  name: string;
  run: (t: TestContext, host: Host) => Promise<void>;
}

const basic = `Basic ${btoa('acs:secret')}`;
const rewritten = inform(`${publicOrigin}/client?origin=http://192.168.100.50:7547`);

/** The Inform arrives rewritten, and its answer byte for byte, with whatever stands in front. */
function throughAll(name: string, before: readonly Before[], headers: Record<string, string> = {}): Scenario {
  return {
    name,
    async run(t, host) {
      const acs = await startAcs(t);
      const app = await startApp(t, host, { backends: [acs.url], before });
      const cpe = startCpe(t);
      const answer = await cpe.send({ url: app.url, body: inform(), headers });
      assert.equal(answer.status, 200);
      assert.equal(answer.body.toString(), informResponse);
      assert.equal(answer.headers['content-length'], String(informResponse.length));
      assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
      assert.equal(acs.received[0]?.body.toString(), rewritten);
      assert.equal((await cpe.send({ url: app.url })).status, 204);
      assert.equal(acs.received[1]?.body.length, 0);
      assert.equal(app.proxy.stats().sessions.ended.complete, 1);
      assert.deepEqual(app.errors, []);
    },
  };
}

function mountedAt(name: string, mount: '/cwmp' | 'router', path: string): Scenario {
  return {
    name,
    async run(t, host) {
      const acs = await startAcs(t);
      const app = await startApp(t, host, { backends: [acs.url], mount, publicPath: path });
      const cpe = startCpe(t);
      const answer = await cpe.send({ url: `${app.url}${path}/acs?a=%2F&b`, body: inform() });
      assert.equal(answer.status, 200);
      assert.equal(acs.received[0]?.url, `${path}/acs?a=%2F&b`);
      assert.match(acs.received[0].body.toString(), new RegExp(`<Value>${publicOrigin}${path}/client\\?origin=`));
      const challenged = await cpe.send({ url: `${app.url}${path}/client?origin=http://127.0.0.1:1`, method: 'GET' });
      assert.equal(challenged.status, 401);
      const elsewhere = await cpe.send({ url: `${app.url}/elsewhere`, method: 'GET' });
      assert.equal(elsewhere.body.toString(), 'app: GET /elsewhere');
    },
  };
}

const scenarios: Scenario[] = [
  throughAll('serves a session at /', []),
  mountedAt('serves a session and connection requests at a path', '/cwmp', '/cwmp'),
  mountedAt('serves a session and connection requests inside a router', 'router', '/isp/cwmp'),
  throughAll('stands behind logging', ['logging']),
  throughAll('stands behind response-time', ['response-time']),
  throughAll('stands behind compression with a CPE that asks for none', ['compression']),
  throughAll('stands behind all of these', ['logging', 'response-time', 'compression', 'trust-proxy']),
  {
    name: 'stands behind compression with a CPE that asks for it',
    async run(t, host) {
      const acs = await startAcs(t);
      const app = await startApp(t, host, { backends: [acs.url], before: ['compression'] });
      const headers = { 'Accept-Encoding': 'gzip' };
      const answer = await startCpe(t).send({ url: app.url, body: inform(), headers });
      const isCoded = answer.headers['content-encoding'] === 'gzip';
      assert.equal((isCoded ? gunzipSync(answer.body) : answer.body).toString(), informResponse);
    },
  },
  {
    name: 'hands the addresses on that a trusted balancer has told',
    async run(t, host) {
      const acs = await startAcs(t);
      const proxy = { trustedProxies: ['127.0.0.1'] } as const;
      const app = await startApp(t, host, { backends: [acs.url], before: ['trust-proxy'], proxy });
      await startCpe(t).send({ url: app.url, body: inform(), headers: { 'X-Forwarded-For': '192.0.2.7' } });
      assert.equal(acs.received[0]?.headers['x-forwarded-for'], '192.0.2.7, 127.0.0.1');
    },
  },
  throughAll('uses the Buffer that a body parser has left', ['raw-parser']),
  throughAll('uses the string that a body parser has left', ['text-parser']),
  {
    name: 'uses the raw body that a parser of something else has kept',
    async run(t, host) {
      const acs = await startAcs(t);
      const app = await startApp(t, host, { backends: [acs.url], before: ['keeping-parser'] });
      const answer = await startCpe(t).send({ url: app.url, body: inform(), headers: { 'Content-Type': 'text/xml' } });
      assert.equal(answer.status, 200);
      assert.equal(acs.received[0]?.body.toString(), rewritten);
    },
  },
  {
    name: 'uses a kept body that its parser has decompressed, and says so to the backend',
    async run(t, host) {
      const acs = await startAcs(t);
      const app = await startApp(t, host, { backends: [acs.url], before: ['text-parser'] });
      const headers = { 'Content-Encoding': 'gzip' };
      const answer = await startCpe(t).send({ url: app.url, body: gzipSync(inform()), headers });
      assert.equal(answer.status, 200);
      assert.equal(acs.received[0]?.body.toString(), rewritten);
      assert.equal(acs.received[0].headers['content-encoding'], undefined);
    },
  },
  {
    name: 'fails with a code that names the cure when a parser has kept nothing',
    async run(t, host) {
      const acs = await startAcs(t);
      const app = await startApp(t, host, { backends: [acs.url], before: ['forgetful-parser'] });
      const failure = once(app.proxy, 'failure');
      const answer = await startCpe(t).send({ url: app.url, body: inform() });
      assert.equal(answer.status, 500);
      assert.equal(answer.body.toString(), 'ERR_CWMP_BODY_CONSUMED\n');
      assert.equal(acs.received.length, 0);
      const [{ error }] = await failure;
      assert.match(error.message, /mount the proxy ahead of it.*request\.rawBody/);
    },
  },
  {
    name: 'fails when a parser has kept something that is not what the CPE sent',
    async run(t, host) {
      const acs = await startAcs(t);
      const app = await startApp(t, host, { backends: [acs.url], before: ['text-parser'] });
      // One byte that is no UTF-8: as text it is lost.
      const body = Buffer.from(inform().replace('Zürich', 'Z\xFCrich'), 'latin1');
      const answer = await startCpe(t).send({ url: app.url, body });
      assert.equal(answer.status, 500);
      assert.equal(answer.body.toString(), 'ERR_CWMP_BODY_CONSUMED\n');
    },
  },
  {
    name: 'takes chunked bodies and bodies that are too long to be held',
    async run(t, host) {
      const acs = await startAcs(t);
      const app = await startApp(t, host, { backends: [acs.url] });
      const cpe = startCpe(t);
      await cpe.send({ url: app.url, body: inform(), chunked: true });
      assert.equal(acs.received[0]?.body.toString(), rewritten);
      const padding = `<!--${'x'.repeat(200_000)}--></soap:Envelope>`;
      await cpe.send({ url: app.url, body: inform().replace('</soap:Envelope>', padding) });
      assert.equal(acs.received[1]?.body.toString(), rewritten.replace('</soap:Envelope>', padding));
    },
  },
  {
    name: 'leaves to the application what is no POST and no connection request',
    async run(t, host) {
      const acs = await startAcs(t);
      const app = await startApp(t, host, { backends: [acs.url] });
      const answer = await startCpe(t).send({ url: `${app.url}/health`, method: 'GET' });
      assert.equal(answer.body.toString(), 'app: GET /health');
      assert.equal(acs.received.length, 0);
    },
  },
  {
    name: 'takes what `paths` names, whatever its method, and nothing else',
    async run(t, host) {
      const acs = await startAcs(t);
      const app = await startApp(t, host, { backends: [acs.url], options: { paths: ['/acs', '/files/'] } });
      const cpe = startCpe(t);
      for (const url of ['/api', '/acsapi', '/file']) {
        const answer = await cpe.send({ url: app.url + url, body: '{}', headers: { 'Content-Type': 'a/b' } });
        assert.equal(answer.body.toString(), `app: POST ${url}`);
      }
      for (const url of ['/acs', '/acs/x', '/acs?y']) {
        assert.equal((await cpe.send({ url: app.url + url, body: inform() })).body.toString(), informResponse);
      }
      await cpe.send({ url: `${app.url}/files/config`, method: 'PUT', body: 'hello' });
      assert.deepEqual(
        acs.received.map(({ method, url }) => `${method} ${url}`),
        ['POST /acs', 'POST /acs/x', 'POST /acs?y', 'PUT /files/config'],
      );
    },
  },
  {
    name: 'wakes a CPE for the ACS that asks with the right password',
    async run(t, host) {
      let asked = 0;
      const port = await listen(
        t,
        createServer((_request, response) => {
          asked += 1;
          response.writeHead(200).end();
        }),
      );
      const app = await startApp(t, host, { backends: ['http://127.0.0.1:1'] });
      const cpe = startCpe(t);
      const url = `${app.url}/client?origin=http://127.0.0.1:${port}`;
      assert.equal((await cpe.send({ url, method: 'GET' })).status, 401);
      assert.equal((await cpe.send({ url, method: 'GET', headers: { Authorization: basic } })).status, 200);
      assert.equal(asked, 1);
      assert.equal(app.proxy.stats().wakes.accepted, 1);
    },
  },
  {
    name: 'cuts the connection, and keeps the error from the application, once an answer is under way',
    async run(t, host) {
      const acs = await serve(t, (request, response) => {
        request.resume();
        response.writeHead(200, { 'Content-Length': 1_000_000 });
        response.write('x'.repeat(100_000), () => response.destroy());
      });
      const app = await startApp(t, host, { backends: [acs.url] });
      const failure = once(app.proxy, 'failure');
      await assert.rejects(startCpe(t).send({ url: app.url, body: inform() }), { code: 'ECONNRESET' });
      assert.equal((await failure)[0].error.code, 'ERR_CWMP_BACKEND_FAILED');
      assert.deepEqual(app.errors, []);
    },
  },
];

// An exchange that fails. Frameworks answered it themselves: Express waits for the end of a body before it does, which may never
// come; Koa closes the connection on one that is still coming, and the answer was lost. The proxy answers on every host alike; with
// `onError: 'next'` the application is given the error, and its answer arrives too.

interface Failure {
  name: string;
  code: CwmpProxyErrorCode;
  status: number;
  /** The backends. Default: one that answers. */
  backends?: (t: TestContext) => Promise<string[]>;
  proxy?: Partial<CwmpProxyOptions>;
  /** Done to the proxy before the request. */
  first?: (proxy: CwmpProxy) => Promise<void>;
  /** All that the CPE sends. */
  request: string;
}

const upload = 'x'.repeat(3_000_000);

function post(body: string, ...fields: string[]): string {
  const head = ['POST /acs HTTP/1.1', 'Host: gw.example', `Content-Length: ${body.length}`, ...fields];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

async function broken(t: TestContext, onRequest: (socket: Socket) => void): Promise<string[]> {
  return [(await rawBackend(t, onRequest)).url];
}

const failures: Failure[] = [
  {
    name: 'an upload that is too long',
    code: 'ERR_CWMP_BODY_TOO_LARGE',
    status: 413,
    proxy: { limits: { maxBodyBytes: 100_000 } },
    request: post(upload),
  },
  {
    name: 'an upload in chunks that is too long',
    code: 'ERR_CWMP_BODY_TOO_LARGE',
    status: 413,
    proxy: { limits: { maxBodyBytes: 100_000 } },
    request:
      'POST /acs HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' +
      `${upload.length.toString(16)}\r\n${upload}\r\n0\r\n\r\n`,
  },
  {
    name: 'an upload with no backend',
    code: 'ERR_CWMP_NO_BACKEND',
    status: 503,
    first: async ({ backends }) => {
      for (const { url } of backends.list()) await backends.drain(url);
    },
    request: post(upload),
  },
  {
    name: 'a closed proxy',
    code: 'ERR_CWMP_CLOSED',
    status: 503,
    first: (proxy) => proxy.close(),
    request: post('<m/>'),
  },
  {
    name: 'a backend that nobody reaches',
    code: 'ERR_CWMP_BACKEND_UNREACHABLE',
    status: 502,
    backends: async () => [`http://127.0.0.1:${await closedPort()}`],
    request: post('<m/>'),
  },
  {
    name: 'a backend that says no HTTP',
    code: 'ERR_CWMP_BACKEND_FAILED',
    status: 502,
    backends: (t) => broken(t, (socket) => socket.end('220 smtp.example\r\n')),
    request: post('<m/>'),
  },
  {
    name: 'a backend that closes without an answer',
    code: 'ERR_CWMP_BACKEND_FAILED',
    status: 502,
    backends: (t) => broken(t, (socket) => socket.end()),
    request: post('<m/>'),
  },
  {
    name: 'a backend that is silent',
    code: 'ERR_CWMP_BACKEND_TIMEOUT',
    status: 504,
    backends: (t) => broken(t, () => {}),
    proxy: { timeouts: { headersMs: 50 } },
    request: post('<m/>'),
  },
  {
    name: 'a request that can be read in two ways',
    code: 'ERR_CWMP_BAD_REQUEST',
    status: 400,
    request: post('<m/>', 'Host: other.example'),
  },
  {
    name: 'a coding that is not known',
    code: 'ERR_CWMP_CONTENT_CODING',
    status: 415,
    proxy: { forwarding: { unknownCoding: 'reject' } },
    request: post('<m/>', 'Content-Encoding: zstd'),
  },
  {
    name: 'a coding that is another',
    code: 'ERR_CWMP_CONTENT_DECODING',
    status: 400,
    request: post('<m/>', 'Content-Encoding: gzip'),
  },
];

async function startFailing(
  t: TestContext,
  host: Host,
  { backends, proxy, first }: Failure,
  options: AdapterOptions,
): Promise<{ app: App; cpe: RawConnection; told: string[] }> {
  const reached = backends === undefined ? [(await startAcs(t)).url] : await backends(t);
  const app = await startApp(t, host, { backends: reached, options, ...(proxy !== undefined && { proxy }) });
  const told: string[] = [];
  app.proxy.on('failure', ({ error }) => told.push(error.code));
  await first?.(app.proxy);
  const cpe = await RawConnection.open(app.port);
  atEnd(t, () => cpe.close());
  return { app, cpe, told };
}

for (const host of everyHost) {
  for (const failure of failures) {
    const { name, code, status, request } = failure;
    test(`${host.name}: answers ${name} with ${status} itself`, async (t) => {
      const { app, cpe, told } = await startFailing(t, host, failure, {});
      const answer = await cpe.exchange(request);
      assert.deepEqual([answer.status, answer.body.toString()], [status, `${code}\n`]);
      assert.equal(answer.reason, STATUS_CODES[status]);
      assert.deepEqual(valuesOf(answer, 'connection'), ['close']);
      assert.deepEqual(valuesOf(answer, 'content-type'), ['text/plain']);
      assert.equal(valuesOf(answer, 'retry-after').length, status === 503 ? 1 : 0);
      assert.deepEqual(told, [code]);
      assert.deepEqual(app.errors, []);
    });

    if (host === proxyFirstHost) continue;
    test(`${host.name}: hands ${name} to the application where it is to, and its answer arrives`, async (t) => {
      const { app, cpe, told } = await startFailing(t, host, failure, { onError: 'next' });
      const answer = await cpe.exchange(request);
      assert.deepEqual([answer.status, answer.body.toString()], [status, `app: ${code}`]);
      assert.deepEqual(told, [code]);
      assert.deepEqual(app.errors, [code]);
    });
  }

  test(`${host.name}: answers a body that stalls with 408, whoever waits for its end`, async (t) => {
    const app = await startApp(t, host, {
      backends: [(await startAcs(t)).url],
      proxy: { timeouts: { requestMs: 50 } },
    });
    const cpe = await RawConnection.open(app.port);
    atEnd(t, () => cpe.close());
    const answer = await cpe.exchange('POST /acs HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n<m>');
    assert.deepEqual([answer.status, answer.body.toString()], [408, 'ERR_CWMP_REQUEST_TIMEOUT\n']);
    await cpe.closed();
    assert.deepEqual(app.errors, []);
  });
}

for (const host of [plainHost, express4Host, express5Host, koa2Host, koa3Host]) {
  for (const { name, run } of scenarios) test(`${host.name}: ${name}`, (t) => run(t, host));

  for (const onError of ['answer', 'next'] as const) {
    test(`${host.name}: an answer of the application comes alone (${onError})`, async (t) => {
      const acs = await startAcs(t);
      const app = await startApp(t, host, { backends: [acs.url], before: ['early-answer'], options: { onError } });
      const failure = once(app.proxy, 'failure');
      const answer = await startCpe(t).send({ url: app.url, body: inform() });
      assert.equal(answer.body.toString(), 'app: early');
      assert.equal((await failure)[0].error.code, 'ERR_CWMP_ANSWERED');
      assert.deepEqual([acs.received, app.errors], [[], []]);
    });
  }
}

test("what the application does not answer, as a body stalls, is cut with onError: 'next'", async (t) => {
  await Promise.all(
    [plainHost, express4Host, express5Host, koa2Host, koa3Host].map(async (host) => {
      const proxy = { timeouts: { requestMs: 50 } };
      const app = await startApp(t, host, { backends: [(await startAcs(t)).url], options: { onError: 'next' }, proxy });
      const cpe = await RawConnection.open(app.port);
      atEnd(t, () => cpe.close());
      const answer = await cpe.exchange('POST /acs HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n<m>');
      assert.deepEqual([answer.status, answer.body.toString()], [408, 'app: ERR_CWMP_REQUEST_TIMEOUT'], host.name);
      await cpe.closed();
    }),
  );
});
