import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { atEnd } from '../helpers/at-end.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { type Gateway, startGateway } from '../helpers/gateway.js';
import { type RawBackend, answerOf, rawBackend } from '../helpers/raw-backend.js';
import { until } from '../helpers/until.js';

// An ACS may answer an upload as soon as it has read its head, a challenge for instance. undici closes a connection whose answer
// is over before the request is, and the CPE, whose own stayed open, then answered on another connection than it was challenged
// on: with a nonce of the first it was challenged for ever.

const size = 3_000_000;
const poll = 'POST /acs HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n';
const challenge = 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\n';

interface Upload {
  backend: RawBackend;
  gateway: Gateway;
  cpe: RawConnection;
}

/** A CPE in mid-session that has sent the head of an upload and the first of its bytes. */
async function beginUpload(
  t: TestContext,
  onHead: (socket: Socket) => void,
  { length = size, requestMs = 20_000 } = {},
): Promise<Upload> {
  const backend = await rawBackend(t, (socket, request) => {
    if (request.startsWith('POST')) socket.write(answerOf('whole'));
  });
  backend.server.on('connection', (socket: Socket) => {
    socket.on('data', (chunk: Buffer) => {
      if (chunk.includes('PUT /file')) onHead(socket);
    });
  });
  const gateway = await startGateway(t, { backends: [backend.url], timeouts: { requestMs } });
  const cpe = await RawConnection.open(gateway.port);
  atEnd(t, () => cpe.socket.destroy());
  await cpe.exchange(poll);
  cpe.write(`PUT /file HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(100_000)}`);
  await until('the backend has the head', () => backend.received[0]?.includes('PUT /file') === true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  return { backend, gateway, cpe };
}

for (const { name, rest } of [
  { name: 'without a body', rest: 'Content-Length: 0\r\n\r\n' },
  { name: 'with a body', rest: 'Content-Length: 4\r\n\r\nbody' },
  { name: 'in chunks', rest: 'Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n' },
]) {
  test(`an answer ${name} at the head of an upload leaves the session its backend connection`, async (t) => {
    const { backend, cpe } = await beginUpload(t, (socket) => socket.write(challenge + rest));
    const answer = await cpe.exchange('x'.repeat(size - 100_000));
    assert.equal(answer.status, 401);
    assert.equal(answer.body.toString(), rest.includes('body') ? 'body' : '');
    assert.equal((await cpe.exchange(poll)).body.toString(), 'whole');
    assert.equal(backend.received.length, 1);
    assert.ok((backend.received[0]?.length ?? 0) > size);
  });
}

for (const way of ['end', 'resetAndDestroy'] as const) {
  test(`an answer at the head of an upload reaches the CPE when its backend closes then: ${way}`, async (t) => {
    const { gateway, cpe } = await beginUpload(t, (socket) => {
      socket.write(`${challenge}Content-Length: 4\r\n\r\nbody`, () => setTimeout(() => socket[way](), 10));
    });
    const answer = await cpe.exchange('x'.repeat(size - 100_000));
    assert.equal(answer.status, 401);
    assert.equal(answer.body.toString(), 'body');
    assert.equal((await cpe.exchange(poll)).body.toString(), 'whole');
    assert.deepEqual(gateway.failures, []);
  });
}

test('an answer at the head of an upload reaches the CPE when its backend reads no more', async (t) => {
  // More than the kernel holds for it, and the time that it may then take.
  const [length, requestMs] = [40_000_000, 1_000];
  const onHead = (socket: Socket): void => {
    socket.pause();
    socket.write(`${challenge}Content-Length: 0\r\n\r\n`);
  };
  const { backend, cpe } = await beginUpload(t, onHead, { length, requestMs });
  assert.equal((await cpe.exchange('x'.repeat(length - 100_000))).status, 401);
  for (const socket of backend.open) socket.destroy();
});

// An answer that closed its connection was ended while the CPE was still sending: what arrived then had the kernel reset the
// connection, and a CPE that reads behind its upload never saw the answer. Before such an answer ends, whoever has it close, the rest
// of the request is read.
for (const { name, field = 'X: y', version = '1.1', answer = '', cpeAuth = false } of [
  { name: 'its ACS closes', answer: 'Connection: close\r\nContent-Length: 4\r\n\r\nbody' },
  { name: 'its ACS gives no length', answer: '\r\nbody' },
  { name: 'the CPE closes', field: 'Connection: close', answer: 'Content-Length: 4\r\n\r\nbody' },
  { name: 'the CPE speaks HTTP/1.0', version: '1.0', answer: 'Content-Length: 4\r\n\r\nbody' },
  { name: 'it is the challenge of cpeAuth and the CPE closes', field: 'Connection: close', cpeAuth: true },
]) {
  test(`an answer at the head of an upload that closes the connection reaches the CPE: ${name}`, async (t) => {
    const backend = await rawBackend(t, () => {});
    backend.server.on('connection', (socket: Socket) => {
      socket.once('data', () => socket.end(challenge + answer));
    });
    const gateway = await startGateway(t, {
      backends: [backend.url],
      ...(cpeAuth && { cpeAuth: { users: { cpe: 'secret' } } }),
    });
    const cpe = await RawConnection.open(gateway.port);
    atEnd(t, () => cpe.socket.destroy());
    cpe.socket.pause();
    cpe.write(`PUT /file HTTP/${version}\r\nHost: a\r\n${field}\r\nContent-Length: ${size}\r\n\r\n`);
    for (let sent = 0; sent < size && !cpe.socket.destroyed; sent += 50_000) {
      cpe.write('x'.repeat(50_000));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    cpe.socket.resume();
    const received = await cpe.answer();
    assert.equal(received.status, 401);
    assert.equal(received.body.toString(), cpeAuth ? '' : 'body');
    await cpe.closed();
    assert.deepEqual(gateway.failures, []);
  });
}
