import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { inform } from '../helpers/acs.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { answerOf, rawBackend } from '../helpers/raw-backend.js';
import { listen } from '../helpers/serve.js';
import { until } from '../helpers/until.js';

// What one peer may do to its own exchange, and to nothing else.

function post(body: string | Buffer, ...fields: string[]): Buffer {
  const head = ['POST /acs HTTP/1.1', 'Host: a', ...fields, `Content-Length: ${Buffer.byteLength(body)}`, '', ''];
  return Buffer.concat([Buffer.from(head.join('\r\n')), Buffer.from(body)]);
}

for (const [name, fields] of [
  ['PUT', 'PUT /file HTTP/1.1\r\nHost: a'],
  ['POST in a coding that is not known', 'POST /acs HTTP/1.1\r\nHost: a\r\nContent-Encoding: compress'],
] as const) {
  for (const way of ['close', 'reset'] as const) {
    test(`a CPE may leave (${way}) while a long ${name} waits for a backend that is not connected yet`, async (t) => {
      // It takes connections and says nothing, so that TLS does not come about.
      const backend = await listen(
        t,
        createTcpServer((socket) => socket.on('error', () => {}).resume()),
      );
      const gateway = await startGateway(t, { backends: [`https://127.0.0.1:${backend.port}`] });
      const cpe = await RawConnection.open(gateway.port);
      cpe.write(`${fields}\r\nContent-Length: 80000\r\n\r\n${'x'.repeat(80_000)}`);
      await until('the session began', () => gateway.proxy.stats().sessions.started === 1);
      await cpe[way]();
      await gateway.idle();
      assert.deepEqual(
        gateway.failures.map(({ error }) => error.code),
        ['ERR_CWMP_CPE_GONE'],
      );
      // An error without a listener would come within a turn or two.
      await pause(20);
    });
  }
}

test('a control character in the reason of a backend costs the reason', async (t) => {
  const backend = await rawBackend(t, (socket) => {
    socket.write('HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nhi');
  });
  const gateway = await startGateway(t, { backends: [backend.url] });
  const cpe = await RawConnection.open(gateway.port);
  const answer = await cpe.exchange(post('x'));
  assert.equal(answer.status, 200);
  assert.equal(answer.body.toString(), 'hi');
  await cpe.close();
});

test('pipelined messages reach the backend in their order, one at a time', async (t) => {
  const seen: string[] = [];
  const backend = await rawBackend(t, (socket, request, count) => {
    seen.push(/\r\nx-number: (\d)/i.exec(request)?.[1] ?? '');
    setTimeout(() => {
      assert.equal(seen.length, count, 'none before the answer to the one before it');
      socket.write(answerOf(String(count)));
    }, 20);
  });
  const gateway = await startGateway(t, { backends: [backend.url] });
  const cpe = await RawConnection.open(gateway.port);
  // A compressed message takes longer to be made ready than an empty one.
  const zipped = post(gzipSync(inform()), 'X-Number: 1', 'Content-Encoding: gzip', 'Content-Type: text/xml');
  cpe.write(Buffer.concat([zipped, post('', 'X-Number: 2'), post('', 'X-Number: 3')]));
  for (const number of ['1', '2', '3']) assert.equal((await cpe.answer()).body.toString(), number);
  assert.deepEqual(seen, ['1', '2', '3']);
  await cpe.close();
});

test('a CPE that sends very many messages ahead of their answers is cut', async (t) => {
  const backend = await rawBackend(t, () => {});
  const gateway = await startGateway(t, { backends: [backend.url] });
  const cpe = await RawConnection.open(gateway.port);
  cpe.write(Buffer.concat(Array.from({ length: 50 }, () => post(''))));
  await cpe.closed();
  await gateway.idle();
  const codes = gateway.failures.map(({ error }) => error.code);
  assert.ok(codes.includes('ERR_CWMP_BAD_REQUEST'));
  assert.ok(backend.received.join('').split('POST /').length <= 2, 'one message at the most was handed on');
});

test('a SessionTimeout that means never does not end the session', async (t) => {
  const backend = await rawBackend(t, (socket) => socket.write(answerOf('<r/>')));
  const gateway = await startGateway(t, { backends: [backend.url] });
  const cpe = await RawConnection.open(gateway.port);
  const timeout =
    '<ParameterValueStruct><Name>Device.ManagementServer.SessionTimeout</Name><Value>4294967295</Value></ParameterValueStruct>';
  const message = inform().replace('<ParameterList>', `<ParameterList>${timeout}`);
  await cpe.exchange(post(message, 'Content-Type: text/xml'));
  await pause(20);
  await cpe.exchange(post('<x/>'));
  assert.equal(backend.received.length, 1, 'one backend connection');
  assert.deepEqual(gateway.proxy.stats().sessions.ended, {});
  await cpe.close();
});

test('a request whose body arrives after close() begins nothing', async (t) => {
  const backend = await rawBackend(t, (socket) => socket.write(answerOf('<r/>')));
  const gateway = await startGateway(t, { backends: [backend.url] });
  const cpe = await RawConnection.open(gateway.port);
  const message = post(inform(), 'Content-Type: text/xml');
  const seen = new Promise((resolve) => gateway.server.once('request', resolve));
  cpe.write(message.subarray(0, -10));
  await seen;
  await gateway.proxy.close();
  assert.equal((await cpe.exchange(message.subarray(-10))).status, 503);
  assert.deepEqual(backend.received, []);
  await cpe.close();
});

test('maxBodyBytes holds for chunks that could be held in memory too', async (t) => {
  const backend = await rawBackend(t, (socket) => socket.write(answerOf('<r/>')));
  const gateway = await startGateway(t, { backends: [backend.url], limits: { maxBodyBytes: 2_000 } });
  const cpe = await RawConnection.open(gateway.port);
  const chunk = `bb8\r\n${'x'.repeat(3_000)}\r\n`;
  const answer = await cpe.exchange(
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`,
  );
  assert.equal(answer.status, 413);
  assert.deepEqual(backend.received, []);
  await cpe.close();
});

test('a body that takes longer than a session may be quiet does not end its session', async (t) => {
  const backend = await rawBackend(t, (socket) => socket.write(answerOf('<r/>')));
  const gateway = await startGateway(t, { backends: [backend.url], sessions: { idleTimeoutMs: 100 } });
  const cpe = await RawConnection.open(gateway.port);
  await cpe.exchange(post(inform(), 'Content-Type: text/xml'));
  const message = post('y'.repeat(10));
  const body = message.length - 10;
  cpe.write(message.subarray(0, body));
  for (let index = 0; index < 10; index += 1) {
    await pause(40);
    cpe.write(message.subarray(body + index, body + index + 1));
  }
  assert.equal((await cpe.answer()).status, 200);
  assert.equal(backend.received.length, 1, 'one backend connection');
  await cpe.close();
});

test('a request with more header fields than Node reads is refused, for one of them may be its length', async (t) => {
  const backend = await rawBackend(t, (socket) => socket.write(answerOf('<r/>')));
  const gateway = await startGateway(t, { backends: [backend.url] });
  const cpe = await RawConnection.open(gateway.port);
  cpe.write(post('x', ...Array.from({ length: 1_100 }, () => 'a:')));
  // From Node 22 on its server may say so itself.
  assert.match(String((await cpe.answer()).status), /^(?:400|431)$/);
  assert.deepEqual(backend.received, []);
  await cpe.close();
});

test('a HEAD in mid-session leaves the backend connection as it is', async (t) => {
  const backend = await rawBackend(t, (socket, request) => {
    socket.write(request.startsWith('HEAD') ? 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n' : answerOf('<r/>'));
  });
  const gateway = await startGateway(t, { backends: [backend.url] });
  const cpe = await RawConnection.open(gateway.port);
  await cpe.exchange(post(inform(), 'Content-Type: text/xml'));
  await cpe.exchange('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', 'HEAD');
  await cpe.exchange(post('<x/>'));
  assert.equal(backend.received.length, 1, 'one backend connection');
  await cpe.close();
});

test('a pipelined message that a slow host hands on after the CPE has left costs nothing', async (t) => {
  const backend = await rawBackend(t, () => {});
  const server = createServer({ keepAliveTimeout: 60_000 });
  const gateway = await startGateway(t, { backends: [backend.url] }, createServer());
  const held: (() => Promise<void>)[] = [];
  server.on('request', (request, response) => held.push(() => gateway.proxy.handle(request, response)));
  const { port } = await listen(t, server);
  const cpe = await RawConnection.open(port);
  cpe.write(Buffer.concat([post(''), post('')]));
  await until('both requests are there', () => held.length === 2);
  await cpe.close();
  await until('the server knows', () => gateway.proxy.stats().sessions.open === 0);
  await Promise.all(held.map((handle) => handle()));
  assert.deepEqual(
    gateway.failures.map(({ error }) => error.code),
    ['ERR_CWMP_CPE_GONE', 'ERR_CWMP_CPE_GONE'],
  );
  assert.deepEqual(backend.received, []);
});
