import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import { test } from 'node:test';
import { atEnd } from '../helpers/at-end.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { answerOf, rawBackend } from '../helpers/raw-backend.js';
import { postOf } from '../helpers/recording-acs.js';
import { until } from '../helpers/until.js';

// A host may answer by itself what it has handed to the proxy, a timeout middleware for instance. That is neither the backend's
// fault nor the CPE's.

/** A server that shows the host its responses. */
function hostServer(onResponse: (response: ServerResponse) => void): ReturnType<typeof createServer> {
  return createServer({ keepAliveTimeout: 60_000 }, (_request, response) => onResponse(response));
}

test('an exchange ends when the host answers in the middle of it, and the connection goes on', async (t) => {
  const responses: ServerResponse[] = [];
  const backend = await rawBackend(t, (socket, _request, count) => {
    if (count > 1) socket.write(answerOf('whole'));
  });
  const server = hostServer((response) => responses.push(response));
  const { port, proxy, failures, idle } = await startGateway(t, { backends: [backend.url] }, server);
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.close());
  cpe.write(postOf('hello'));
  await until('the backend is asked', () => backend.received[0]?.endsWith('hello') === true);
  responses[0]?.writeHead(503, { 'Content-Length': 0 }).end();
  assert.equal((await cpe.answer()).status, 503);
  await idle();
  await until('the backend connection is closed', () => backend.open.size === 0);
  assert.deepEqual(
    failures.map(({ error }) => error.code),
    ['ERR_CWMP_ANSWERED'],
  );
  assert.equal((await cpe.exchange(postOf('hello'))).body.toString(), 'whole');
  assert.equal(proxy.stats().sessions.open, 1);
  assert.equal(proxy.backends.list()[0]?.failures, 0);
});

test('an answer that the host has begun is left to it when that of the backend comes', async (t) => {
  const responses: ServerResponse[] = [];
  const backend = await rawBackend(t, (socket) => {
    responses[0]?.writeHead(503, { 'Content-Length': 4 }).write('ho');
    socket.write(answerOf('whole'));
  });
  const server = hostServer((response) => responses.push(response));
  const { port, failures, idle } = await startGateway(t, { backends: [backend.url] }, server);
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.close());
  cpe.write(postOf('hello'));
  await until('the exchange is over', () => failures.length > 0);
  await idle();
  responses[0]?.end('st');
  const answer = await cpe.answer();
  assert.equal(answer.status, 503);
  assert.equal(answer.body.toString(), 'host');
  assert.deepEqual(
    failures.map(({ error }) => error.code),
    ['ERR_CWMP_ANSWERED'],
  );
});

test('what the host has answered already reaches no backend', async (t) => {
  const backend = await rawBackend(t, (socket) => socket.write(answerOf('whole')));
  const server = hostServer((response) => response.writeHead(503, { 'Content-Length': 0 }).end());
  const { port, failures, idle } = await startGateway(t, { backends: [backend.url] }, server);
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.close());
  assert.equal((await cpe.exchange(postOf('hello'))).status, 503);
  await idle();
  assert.deepEqual(backend.received, []);
  assert.deepEqual(
    failures.map(({ error }) => error.code),
    ['ERR_CWMP_ANSWERED'],
  );
});
