import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { createCwmpProxy, type CwmpProxyOptions, type FailureEvent } from '@cwmp-proxy/core';
import { atEnd } from '../helpers/at-end.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { type Gateway, requiredOptions, startGateway } from '../helpers/gateway.js';
import { everyHost } from '../helpers/hosts/every-host.js';
import { startApp } from '../helpers/app.js';
import { answerOf, rawBackend } from '../helpers/raw-backend.js';
import { listen, serve } from '../helpers/serve.js';
import { until } from '../helpers/until.js';

// What a host does with its own responses: it ends one that the proxy is still writing to, or has put something in the place of a
// method that throws. Both ended the process, the first by `write after end`, the second by a rejection of `handle`. They cost the
// one connection, and are told as a failure.

/** More than the kernel buffers for both ends. */
const big = 40_000_000;

function post(body = 'x', ...fields: string[]): string {
  return ['POST /acs HTTP/1.1', 'Host: a', ...fields, `Content-Length: ${body.length}`, '', body].join('\r\n');
}

/** A server of which the host sees each response before the proxy gets it. */
function serverOf(onResponse: (response: ServerResponse, request: IncomingMessage) => void): Server {
  return createServer({ keepAliveTimeout: 60_000 }, (request, response) => onResponse(response, request));
}

function codes(failures: readonly FailureEvent[]): string[] {
  return failures.map(({ error }) => error.code);
}

for (const host of everyHost) {
  for (const way of ['end', 'end with text', 'destroy'] as const) {
    test(`${host.name}: a host may ${way} a response while a long answer goes to a slow CPE`, async (t) => {
      const backend = await rawBackend(t, (socket, request) => {
        if (request.includes('X-Short')) return socket.write(answerOf('whole'));
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
        for (let sent = 0; sent < big; sent += 65_536) socket.write(chunk);
        return socket.write('0\r\n\r\n');
      });
      let response: ServerResponse | undefined;
      const app = await startApp(t, host, {
        backends: [backend.url],
        onResponse: (its) => (response ??= its),
      });
      const failed: FailureEvent[] = [];
      app.proxy.on('failure', (failure) => failed.push(failure));
      const cpe = await RawConnection.open(Number(new URL(app.url).port));
      atEnd(t, () => cpe.socket.destroy());
      cpe.write(post());
      await until('the answer begins', () => cpe.socket.bytesRead > 0);
      cpe.socket.pause();
      await until('the CPE takes nothing', () => response?.writableNeedDrain === true);
      if (way === 'destroy') response?.destroy();
      else response?.end(way === 'end' ? undefined : 'the host gave up');
      cpe.socket.resume();
      await cpe.closed();
      await until('the exchange is over', () => failed.length > 0);
      assert.deepEqual(codes(failed), [way === 'destroy' ? 'ERR_CWMP_CPE_GONE' : 'ERR_CWMP_ANSWERED']);
      const next = await RawConnection.open(Number(new URL(app.url).port));
      assert.equal((await next.exchange(post('x', 'X-Short: 1'))).status, 200);
      await next.close();
      await until('the backend connections are closed', () => backend.open.size === 0);
    });
  }

  test(`${host.name}: a host may end a response between two pieces of a long answer`, async (t) => {
    const backend = await rawBackend(t, (socket) => {
      const piece = `10000\r\n${'x'.repeat(65_536)}\r\n`;
      socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${piece.repeat(16)}0\r\n\r\n`);
    });
    const onResponse = (response: ServerResponse): void => {
      const write = response.write.bind(response);
      let writes = 0;
      const writeAndEnd = (chunk: Buffer): boolean => {
        const went = write(chunk);
        // The first is what was held.
        writes += 1;
        if (writes === 2) response.end();
        return went;
      };
      Object.assign(response, { write: writeAndEnd });
    };
    const app = await startApp(t, host, { backends: [backend.url], onResponse });
    const failed: FailureEvent[] = [];
    app.proxy.on('failure', (failure) => failed.push(failure));
    const cpe = await RawConnection.open(Number(new URL(app.url).port));
    atEnd(t, () => cpe.socket.destroy());
    cpe.write(post());
    await cpe.closed();
    await until('the exchange is over', () => failed.length > 0);
    assert.deepEqual(codes(failed), ['ERR_CWMP_ANSWERED']);
  });
}

/** How a response is asked to be written, and by what the proxy answers. */
interface Path {
  name: string;
  request: string;
  options?: Partial<CwmpProxyOptions>;
}

const paths: Path[] = [
  { name: 'a short answer', request: post() },
  { name: 'a long answer', request: post('x', 'X-Big: 1') },
  { name: 'an answer without a length', request: post('x', 'X-Endless: 1') },
  { name: 'an answer to a HEAD', request: 'HEAD /file HTTP/1.1\r\nHost: a\r\n\r\n' },
  { name: 'a refusal', request: post('x', 'Host: b') },
  { name: 'a refusal of a HEAD', request: 'HEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n' },
  {
    name: 'a refusal of a body that is still coming',
    request: 'POST /acs HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\nx',
    options: { limits: { maxBodyBytes: 10_000 } },
  },
  { name: 'a challenge of cpeAuth', request: post(), options: { cpeAuth: { users: { cpe: 'secret' } } } },
  { name: 'a challenge of the endpoint', request: 'GET /client?origin=http://127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\n' },
  { name: 'a refusal of the endpoint', request: post().replace('/acs', '/client') },
];

const methods = [
  'writeHead',
  'write',
  'end',
  'setHeader',
  'appendHeader',
  'removeHeader',
  'getHeaderNames',
  'flushHeaders',
  'on',
  'off',
  'once',
  'destroy',
] as const;

/** A proxy whose responses the host has made something of; resolves when the one request is over. */
async function runPath(
  t: TestContext,
  { request, options = {} }: Path,
  spoil: (response: ServerResponse, server: Server) => void,
): Promise<{ failures: FailureEvent[]; answer: string }> {
  const backend = await rawBackend(t, (socket, its) => {
    if (its.includes('X-Big')) socket.write(answerOf('y'.repeat(200_000)));
    else if (its.includes('X-Endless')) socket.end(`HTTP/1.1 200 OK\r\n\r\n${'y'.repeat(200_000)}`);
    else socket.write(its.startsWith('HEAD') ? 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n' : answerOf('whole'));
  });
  const proxy = createCwmpProxy({ ...requiredOptions, backends: [backend.url], ...options });
  atEnd(t, () => proxy.close());
  const failures: FailureEvent[] = [];
  proxy.on('failure', (failure) => failures.push(failure));
  let handled: Promise<void> | undefined;
  const server = createServer((its, response) => {
    spoil(response, server);
    handled = proxy.handle(its, response);
  });
  const { port } = await listen(t, server);
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.socket.destroy());
  let answer = '';
  cpe.socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  cpe.write(request);
  await until('the request is there', () => handled !== undefined);
  await handled;
  // What was spoilt may come after the exchange: the end of an answer that lingers.
  await until('an answer is there, or the connection is closed', () => cpe.ended || /\r\n\r\n/.test(answer));
  cpe.socket.end();
  await cpe.closed();
  return { failures, answer };
}

for (const host of everyHost) {
  for (const path of paths.filter(({ options }) => options === undefined)) {
    test(`${host.name}: a response that throws ends nothing but its connection: ${path.name}`, async (t) => {
      const fault = new Error('the host threw');
      const fail = (): never => {
        throw fault;
      };
      let isSpoilt = true;
      const backend = await rawBackend(t, (socket) => socket.write(answerOf('whole')));
      const app = await startApp(t, host, {
        backends: [backend.url],
        options: { paths: ['/'] },
        onResponse: (response) => {
          if (isSpoilt) Object.assign(response, { writeHead: fail, end: fail });
        },
      });
      const failures: FailureEvent[] = [];
      app.proxy.on('failure', (failure) => failures.push(failure));
      const cpe = await RawConnection.open(app.port);
      cpe.write(path.request);
      await cpe.closed();
      assert.ok(failures.some(({ error }) => error.code === 'ERR_CWMP_INTERNAL' && error.cause === fault));
      isSpoilt = false;
      const next = await RawConnection.open(app.port);
      assert.equal((await next.exchange(post())).status, 200);
      await next.close();
    });
  }
}

/** A gateway whose host keeps each response. */
async function keepingHost(
  t: TestContext,
  options: Parameters<typeof startGateway>[1],
): Promise<{ gateway: Gateway; cpe: RawConnection; responses: ServerResponse[] }> {
  const responses: ServerResponse[] = [];
  const gateway = await startGateway(
    t,
    options,
    serverOf((response) => responses.push(response)),
  );
  const cpe = await RawConnection.open(gateway.port);
  atEnd(t, () => cpe.socket.destroy());
  return { gateway, cpe, responses };
}

test('a host may answer while the secret of a CPE is looked up', async (t) => {
  const backend = await rawBackend(t, (socket) => socket.write(answerOf('whole')));
  let tell: (secret: string | undefined) => void = () => {};
  let asked = 0;
  const users = (): Promise<string | undefined> => {
    asked += 1;
    return new Promise((resolve) => (tell = resolve));
  };
  const cpeAuth = { users, schemes: ['basic'] } as const;
  const { gateway, cpe, responses } = await keepingHost(t, { backends: [backend.url], cpeAuth });
  cpe.write(post('x', `Authorization: Basic ${btoa('cpe:secret')}`));
  await until('it is looked up', () => asked === 1);
  responses[0]?.writeHead(503, { 'Content-Length': 2 }).end('no');
  tell(undefined);
  assert.equal((await cpe.answer()).status, 503);
  await gateway.idle();
  assert.equal(gateway.failures.length, 1);
  cpe.write(post('x', `Authorization: Basic ${btoa('cpe:secret')}`));
  await until('it is looked up again', () => asked === 2);
  tell('secret');
  assert.equal((await cpe.answer()).status, 200);
});

test('a host may answer while a CPE is woken', async (t) => {
  const backend = await rawBackend(t, () => {});
  const device = await rawBackend(t, () => {});
  const { gateway, cpe, responses } = await keepingHost(t, { backends: [backend.url] });
  const wakes: string[] = [];
  gateway.proxy.on('wake', ({ outcome }) => wakes.push(outcome));
  const target = `/client?origin=http://127.0.0.1:${device.port}`;
  cpe.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ${btoa('acs:secret')}\r\n\r\n`);
  await until('the CPE is asked', () => device.received.join('').endsWith('\r\n\r\n'));
  responses[0]?.writeHead(503, { 'Content-Length': 2 }).end('no');
  assert.equal((await cpe.answer()).status, 503);
  await gateway.idle();
  assert.deepEqual(wakes, ['aborted']);
  assert.deepEqual(gateway.failures, []);
});

test('a host may end the answer to a body that is still coming', async (t) => {
  const backend = await rawBackend(t, (socket) => socket.write(answerOf('whole')));
  const options = { backends: [backend.url], limits: { maxBodyBytes: 10_000 } };
  const { gateway, cpe, responses } = await keepingHost(t, options);
  cpe.write('POST /acs HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\nx');
  assert.equal((await cpe.answer()).status, 413);
  responses[0]?.end('more');
  cpe.write('x'.repeat(19_999));
  await cpe.closed();
  await gateway.idle();
  assert.deepEqual(codes(gateway.failures), ['ERR_CWMP_BODY_TOO_LARGE']);
});

for (const field of ['X-A: a\x01b', 'X-A: a\x7fb', 'X-A: \x00', 'X(A: b', 'X-\xe9: b', 'Set-Cookie: a=\x1f']) {
  test(`a field of an ACS that Node does not write costs the answer: ${JSON.stringify(field)}`, async (t) => {
    const backend = await rawBackend(t, (socket) => {
      socket.write(
        Buffer.from(`HTTP/1.1 200 OK\r\nETag: "secret"\r\n${field}\r\nContent-Length: 5\r\n\r\nwhole`, 'latin1'),
      );
    });
    const server = serverOf((response) => response.setHeader('X-Powered-By', 'host'));
    const { port, failures, idle } = await startGateway(t, { backends: [backend.url] }, server);
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.socket.destroy());
    const answer = await cpe.exchange(post());
    await idle();
    assert.equal(answer.status, 502);
    assert.equal(answer.fields.join().includes('secret'), false);
    assert.deepEqual(codes(failures), ['ERR_CWMP_BACKEND_FAILED']);
  });
}

for (const path of paths) {
  for (const method of methods) {
    test(`${method} of a response may throw: ${path.name}`, async (t) => {
      const fault = new Error('the host threw');
      let thrown = 0;
      const { failures, answer } = await runPath(t, path, (response) => {
        Object.assign(response, {
          [method]: () => {
            thrown += 1;
            throw fault;
          },
        });
      });
      const told = failures.filter(({ error }) => error.cause === fault);
      assert.ok(told.every(({ error }) => error.code === 'ERR_CWMP_INTERNAL'));
      // That of `destroy` leaves the connection closed by itself.
      if (thrown > 0 && method !== 'destroy') assert.ok(told.length > 0, 'the fault is told');
      if (thrown === 0) assert.match(answer, /^HTTP\/1\.1 [2-5]\d\d /);
    });
  }

  test(`a response may emit an error: ${path.name}`, async (t) => {
    const fault = new Error('the host failed');
    const { failures } = await runPath(t, path, (response) => {
      const writeHead = response.writeHead.bind(response);
      Object.assign(response, {
        writeHead: (...parameters: Parameters<typeof writeHead>) => {
          writeHead(...parameters);
          process.nextTick(() => response.emit('error', fault));
          return response;
        },
      });
    });
    assert.equal(failures.filter(({ error }) => error.cause === fault).length, 1);
  });

  test(`a server that is strict about bodies and lengths is answered: ${path.name}`, async (t) => {
    const { failures, answer } = await runPath(t, path, (response) => {
      Object.assign(response, { strictContentLength: true });
      for (const symbol of Object.getOwnPropertySymbols(response)) {
        if (symbol.description === 'kRejectNonStandardBodyWrites') Reflect.set(response, symbol, true);
      }
    });
    assert.deepEqual(
      failures.filter(({ error }) => error.code === 'ERR_CWMP_INTERNAL'),
      [],
    );
    assert.match(answer, /^HTTP\/1\.1 [2-5]\d\d /);
  });

  test(`a host may end the response as soon as its head is out: ${path.name}`, async (t) => {
    const { failures } = await runPath(t, path, (response) => {
      const writeHead = response.writeHead.bind(response);
      Object.assign(response, {
        writeHead: (...parameters: Parameters<typeof writeHead>) => {
          writeHead(...parameters);
          response.end();
          return response;
        },
      });
    });
    assert.ok(failures.length <= 2);
  });
}

// Only the writing of an answer was guarded: what a wrapper threw when it was asked whether one is under way rejected `handle`, and the
// connection stayed open.
for (const property of ['headersSent', 'destroyed', 'writableEnded', 'socket'] as const) {
  test(`a wrapper of a response may throw when it is asked for ${property}`, async (t) => {
    const backend = await rawBackend(t, (socket) => socket.write(answerOf('whole')));
    const proxy = createCwmpProxy({ ...requiredOptions, backends: [backend.url] });
    atEnd(t, () => proxy.close());
    const fault = new Error('the host threw');
    const told: unknown[] = [];
    proxy.on('failure', ({ error }) => told.push(error.cause));
    const handled: Promise<void>[] = [];
    const { port } = await serve(t, (request, response) => {
      const wrapper = new Proxy(response, {
        get(target, key): unknown {
          if (key === property) throw fault;
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
      handled.push(proxy.handle(request, wrapper));
    });
    const cpe = await RawConnection.open(port);
    cpe.write(post());
    await cpe.closed();
    await Promise.all(handled);
    assert.equal(handled.length, 1);
    assert.ok(told.includes(fault));
  });
}
