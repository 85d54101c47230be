import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createCwmpProxy } from '@cwmp-proxy/core';
import { type AppOptions, startApp } from '../helpers/app.js';
import { atEnd } from '../helpers/at-end.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { requiredOptions, startGateway } from '../helpers/gateway.js';
import { everyHost } from '../helpers/hosts/every-host.js';
import type { Host } from '../helpers/hosts/host.js';
import { plainHost } from '../helpers/hosts/plain-host.js';
import { answerOf, type RawBackend, rawBackend } from '../helpers/raw-backend.js';
import { serve } from '../helpers/serve.js';
import { until } from '../helpers/until.js';

// Three requests on one connection, the first refused: its answer closed the connection, the second waited for its turn, and Node
// gave the connection to the third, which came while the connection was being closed. So the ACS got the third without the second;
// and when the CPE reset the connection, the third was answered ahead of the second, on which an assertion of Node's ends the
// process. The requests of a connection are served in their order, and behind an answer that closes nothing is.

function post(number: number, ...fields: string[]): string {
  return ['POST /acs HTTP/1.1', 'Host: a', `X-Number: ${number}`, ...fields, 'Content-Length: 1', '', 'x'].join('\r\n');
}

function get(target: string, method = 'GET'): string {
  return `${method} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
}

const refused = post(0, 'Host: b');
const wake = '/client?origin=http://127.0.0.1:1';

/** The numbers of the messages that a backend has got, in their order. */
function numbers({ received }: RawBackend): number[] {
  return [...received.join('').matchAll(/x-number: (\d)/gi)].map(([, number]) => Number(number));
}

/** Lets the event loop go round, so that what is sent next comes at another moment of what was sent before. */
async function turnsOfLoop(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function start(
  t: TestContext,
  host: Host,
  proxy: AppOptions['proxy'] = {},
  options: AppOptions['options'] = {},
): Promise<{ backend: RawBackend; cpe: RawConnection; port: number; codes: string[] }> {
  const backend = await rawBackend(t, (socket, request) => {
    socket.write(answerOf('<r/>', ...(request.includes('X-Closes') ? ['Connection: close'] : [])));
  });
  const app = await startApp(t, host, { backends: [backend.url], proxy, options });
  const codes: string[] = [];
  app.proxy.on('failure', ({ error }) => codes.push(error.code));
  const port = Number(new URL(app.url).port);
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.socket.destroy());
  return { backend, cpe, port, codes };
}

for (const host of everyHost) {
  test(`${host.name}: requests behind one that is refused and a reset end nothing but their connection`, async (t) => {
    const { port, cpe, backend } = await start(t, host);
    const pipelines: [string, string][] = [
      [refused + post(2), post(3)],
      [refused, post(2) + post(3)],
      [post(1) + refused + post(2), post(3)],
      [refused + get('/app'), get('/app')],
      [refused + get(wake), post(3)],
      [post(1, 'X-Closes: 1') + get('/app'), get('/app')],
    ];
    for (let round = 0; round < 16; round += 1) {
      for (const [first, second] of pipelines) {
        const one = await RawConnection.open(port);
        one.write(first);
        await turnsOfLoop(round % 4);
        one.write(second);
        await turnsOfLoop(round >> 2);
        one.reset();
      }
    }
    // Whoever is left is served.
    backend.received.length = 0;
    assert.equal((await cpe.exchange(post(4))).status, 200);
  });

  test(`${host.name}: no message reaches an ACS unless those before it on its connection did`, async (t) => {
    const { port, backend, cpe } = await start(t, host);
    for (let round = 0; round < 20; round += 1) {
      const one = await RawConnection.open(port);
      await one.exchange(post(1));
      one.write(refused + post(2));
      await turnsOfLoop(round % 5);
      one.write(post(3));
      await pause(2);
      one.reset();
    }
    await cpe.exchange(post(4));
    for (const connection of backend.received) {
      const got = [...connection.matchAll(/x-number: (\d)/gi)].map(([, number]) => Number(number));
      assert.ok(!got.includes(3) || got.includes(2), `the ACS got ${got.join()}`);
    }
  });

  test(`${host.name}: wakes, messages and requests of the host in one pipeline are answered in their order`, async (t) => {
    const { cpe, backend } = await start(t, host);
    cpe.write(post(1) + get(wake) + get('/app') + post(2) + get(wake, 'HEAD') + get('/app') + post(3));
    const statuses: number[] = [];
    for (const method of ['POST', 'GET', 'GET', 'POST', 'HEAD', 'GET', 'POST']) {
      statuses.push((await cpe.answer(method)).status);
    }
    assert.deepEqual(statuses, [200, 401, 200, 200, 401, 200, 200]);
    assert.deepEqual(numbers(backend), [1, 2, 3]);
    assert.equal(backend.received.length, 1, 'one backend connection');
  });

  test(`${host.name}: behind an answer of an ACS that closes no message goes on`, async (t) => {
    const { cpe, backend } = await start(t, host);
    cpe.write(post(1, 'X-Closes: 1') + post(2) + post(3));
    assert.equal((await cpe.answer()).closes, true);
    await cpe.closed();
    assert.deepEqual(numbers(backend), [1]);
  });

  test(`${host.name}: a message behind one that cpeAuth challenges is challenged by itself, in its order`, async (t) => {
    const { cpe, backend } = await start(t, host, { cpeAuth: { users: { cpe: 'secret' }, schemes: ['basic'] } });
    const right = `Authorization: Basic ${btoa('cpe:secret')}`;
    cpe.write(post(1) + post(2, right) + post(3, `Authorization: Basic ${btoa('cpe:wrong')}`) + get('/app') + post(4));
    const statuses: number[] = [];
    for (let count = 0; count < 5; count += 1) statuses.push((await cpe.answer()).status);
    // A connection that has shown who it is need not show it again.
    assert.deepEqual(statuses, [401, 200, 401, 200, 200]);
    assert.deepEqual(numbers(backend), [2, 4]);
  });
}

test('nothing is written behind a refusal, and each request there is told of as one whose peer is gone', async (t) => {
  const { cpe, backend, codes } = await start(t, plainHost, {}, { onError: 'next' });
  await cpe.exchange(post(1));
  cpe.write(refused + post(2) + post(3));
  // The host of the tests answers with a status and leaves the connection open, unlike the proxy.
  const statuses = [await cpe.answer(), await cpe.answer(), await cpe.answer()].map(({ status }) => status);
  assert.deepEqual(statuses, [400, 200, 200]);
  assert.deepEqual(numbers(backend), [1, 2, 3]);
  const { port, failures, idle } = await startGateway(t, { backends: [backend.url] });
  const other = await RawConnection.open(port);
  atEnd(t, () => other.socket.destroy());
  await other.exchange(post(1));
  other.write(refused + post(2) + post(3));
  assert.equal((await other.answer()).status, 400);
  await other.closed();
  await idle();
  assert.deepEqual(numbers(backend), [1, 2, 3, 1]);
  assert.deepEqual(
    failures.map(({ error }) => error.code),
    ['ERR_CWMP_BAD_REQUEST', 'ERR_CWMP_CPE_GONE', 'ERR_CWMP_CPE_GONE'],
  );
  assert.deepEqual(codes, ['ERR_CWMP_BAD_REQUEST']);
});

test('a message behind one that the host has answered waits until the exchange of that one is over', async (t) => {
  const responses: ServerResponse[] = [];
  const backend = await rawBackend(t, (socket, request) => {
    if (!request.includes('X-Number: 1')) socket.write(answerOf('<r/>'));
  });
  const server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => responses.push(response));
  const { port, failures, idle } = await startGateway(t, { backends: [backend.url] }, server);
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.socket.destroy());
  cpe.write(post(1) + post(2) + post(3));
  await until('the backend is asked', () => numbers(backend).includes(1));
  responses[0]?.writeHead(503, { 'Content-Length': 0 }).end();
  const statuses = [await cpe.answer(), await cpe.answer(), await cpe.answer()].map(({ status }) => status);
  assert.deepEqual(statuses, [503, 200, 200]);
  await idle();
  assert.deepEqual(numbers(backend), [1, 2, 3]);
  assert.deepEqual(
    failures.map(({ error }) => error.code),
    ['ERR_CWMP_ANSWERED'],
  );
});

test('what the host answers before its turn has come reaches no backend', async (t) => {
  const responses: ServerResponse[] = [];
  let answer = (): void => {};
  const backend = await rawBackend(t, (socket) => (answer = () => socket.write(answerOf('<r/>'))));
  const server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => responses.push(response));
  const { port, failures, idle } = await startGateway(t, { backends: [backend.url] }, server);
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.socket.destroy());
  cpe.write(post(1) + post(2));
  await until('both are there', () => responses.length === 2 && numbers(backend).length === 1);
  responses[1]?.writeHead(503, { 'Content-Length': 0 }).end();
  answer();
  assert.deepEqual([(await cpe.answer()).status, (await cpe.answer()).status], [200, 503]);
  await idle();
  assert.deepEqual(numbers(backend), [1]);
  assert.deepEqual(
    failures.map(({ error }) => error.code),
    ['ERR_CWMP_ANSWERED'],
  );
});

// A host destroyed a response that was waiting for the connection. Node 24 gave it the connection all the same, on which nothing
// was ever written then, and which stayed open. What a host does with a response costs its connection.
test('a response that its host has destroyed before its turn takes the connection with it', async (t) => {
  const responses: ServerResponse[] = [];
  let answer = (): void => {};
  const backend = await rawBackend(t, (socket) => (answer = () => socket.write(answerOf('<r/>'))));
  const server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => responses.push(response));
  const { port, failures, idle } = await startGateway(t, { backends: [backend.url] }, server);
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.socket.destroy());
  cpe.write(post(1) + post(2) + post(3));
  await until('all are there', () => responses.length === 3 && numbers(backend).length === 1);
  responses[1]?.destroy();
  answer();
  assert.equal((await cpe.answer()).status, 200);
  await until('the connection is closed', () => cpe.ended);
  await idle();
  assert.deepEqual(numbers(backend), [1]);
  assert.deepEqual(
    failures.map(({ error }) => error.code),
    ['ERR_CWMP_CPE_GONE', 'ERR_CWMP_CPE_GONE'],
  );
});

// Node parses all requests of a segment in one go, and an answer that closes, ended in the middle of that, gave the connection to
// the third request while the second one waited. Where a host served the third and wrote to it after the reset, the process ended.
for (const { name, first } of [
  { name: 'one that is refused', first: refused },
  {
    name: 'one that is too large',
    first: post(1).replace('Content-Length: 1\r\n\r\nx', `Content-Length: 20\r\n\r\n${'x'.repeat(20)}`),
  },
  { name: 'one whose ACS closes', first: post(1, 'X-Closes: 1') },
]) {
  test(`a request that the host serves never gets the connection ahead of those before it: behind ${name}`, async (t) => {
    let early = 0;
    const backend = await rawBackend(t, (socket) => socket.write(answerOf('<r/>', 'Connection: close')));
    const proxy = createCwmpProxy({ ...requiredOptions, backends: [backend.url], limits: { maxBodyBytes: 10 } });
    atEnd(t, () => proxy.close());
    const { port } = await serve(t, (request, response) => {
      if (request.url === '/acs') void proxy.handle(request, response);
      if (request.url === '/third' && response.socket !== null) early += 1;
      else return;
      const write = (): void => {
        if (request.socket.destroyed && !response.destroyed)
          response.writeHead(200, { 'Content-Length': 2 }).write('ok');
        if (request.socket.destroyed) response.end();
        else setImmediate(write);
      };
      write();
    });
    for (let round = 0; round < 40; round += 1) {
      const cpe = await RawConnection.open(port);
      cpe.write(first + post(2).replace('/acs', '/second'));
      await turnsOfLoop(round % 5);
      cpe.write(post(3).replace('/acs', '/third'));
      await turnsOfLoop(round >> 3);
      cpe.reset();
    }
    assert.equal(early, 0);
  });
}
