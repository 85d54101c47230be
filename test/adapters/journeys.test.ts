import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { test, type TestContext } from 'node:test';
import { createCwmpProxy, type CwmpProxy, verifyDigest } from '@cwmp-proxy/core';
import { cwmpProxy as expressMiddleware } from '@cwmp-proxy/express';
import { cwmpProxy as koaMiddleware } from '@cwmp-proxy/koa';
import express from 'express';
import Koa from 'koa';
import { listen, serve } from '../helpers/serve.js';

type Mount = (proxy: CwmpProxy) => RequestListener;

const hosts: { name: string; mount: Mount }[] = [
  { name: 'Express', mount: (proxy) => express().use('/', expressMiddleware(proxy)) },
  { name: 'Koa', mount: (proxy) => new Koa().use(koaMiddleware(proxy)).callback() },
  { name: 'node:http', mount: (proxy) => (request, response) => void proxy.handle(request, response) },
];

/** A CPE's connection-request server: MD5 Digest with qop=auth, a path of its own, 200 without a body. */
function connectionRequestServer(): RequestListener {
  return (request, response) => {
    const expected = { method: 'GET', uri: '/0f3c?x=1', username: 'cpe', realm: 'CPE', password: 'cpe-secret' };
    const passes = verifyDigest(request.headers.authorization ?? '', expected);
    response.setHeader('Connection', 'close');
    if (passes && request.url === '/0f3c?x=1') response.end();
    else
      response.writeHead(401, { 'WWW-Authenticate': 'Digest realm="CPE", nonce="0123456789abcdef", qop="auth"' }).end();
  };
}

/** An ACS that answers everything with 204 and keeps what it was sent. */
function acs(received: string[]): RequestListener {
  return (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push(body);
      response.writeHead(204, { Connection: 'close' }).end();
    });
  };
}

async function startGateway(
  t: TestContext,
  mount: Mount,
  backend: string,
): Promise<{ server: Server; url: string; proxy: CwmpProxy }> {
  let listener: RequestListener = () => {};
  const server = createServer((request, response) => listener(request, response));
  const { url } = await listen(t, server);
  const proxy = createCwmpProxy({
    publicUrl: url,
    backends: [backend],
    connectionRequests: {
      allow: ['127.0.0.0/8'],
      users: { acs: 'acs-secret' },
      credentials: { username: 'cpe', password: 'cpe-secret' },
    },
  });
  t.after(() => proxy.close());
  listener = mount(proxy);
  return { server, url, proxy };
}

async function ask(url: string, auth?: string): Promise<{ status: number | undefined; challenge: string | undefined }> {
  const request = get(url, { agent: false, ...(auth === undefined ? {} : { auth }) });
  const [response]: IncomingMessage[] = await once(request, 'response');
  assert.ok(response !== undefined);
  response.resume();
  await once(response, 'end');
  return { status: response.statusCode, challenge: response.headers['www-authenticate'] };
}

for (const { name, mount } of hosts) {
  test(`both journeys pass through ${name}`, async (t) => {
    const received: string[] = [];
    const backend = await serve(t, acs(received));
    const cpe = await serve(t, connectionRequestServer());
    const gateway = await startGateway(t, mount, backend.url);

    const origin = `${cpe.url}/0f3c?x=1`;
    const inform = `<Envelope><Body><Inform><ParameterList><ParameterValueStruct><Name>Device.ManagementServer.ConnectionRequestURL</Name><Value>${origin}</Value></ParameterValueStruct></ParameterList></Inform></Body></Envelope>`;
    const answer = await fetch(gateway.url, { method: 'POST', body: inform, headers: { connection: 'close' } });
    assert.equal(answer.status, 204);
    const proxied = /<Value>(.*)<\/Value>/.exec(received[0] ?? '')?.[1];
    assert.ok(proxied !== undefined && proxied.startsWith(`${gateway.url}/client?origin=`), proxied);

    const first = await ask(proxied);
    assert.deepEqual([first.status, first.challenge?.includes('Basic realm=')], [401, true]);
    assert.equal((await ask(proxied, 'acs:wrong')).status, 401);
    assert.equal((await ask(proxied, 'acs:acs-secret')).status, 200);
  });

  test(`a bad origin gives 400 and an unreachable CPE no 200, through ${name}`, async (t) => {
    const backend = await serve(t, acs([]));
    const { url } = await startGateway(t, mount, backend.url);
    assert.equal((await ask(`${url}/client?origin=`, 'acs:acs-secret')).status, 400);
    assert.equal((await ask(`${url}/client?origin=http://127.0.0.1:1`, 'acs:acs-secret')).status, 503);
    assert.equal((await ask(`${url}/client?origin=http://10.0.0.1`, 'acs:acs-secret')).status, 403);
  });
}
