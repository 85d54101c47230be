import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { answerOf, closedPort, rawBackend } from '../helpers/raw-backend.js';
import { postOf, recordingAcs } from '../helpers/recording-acs.js';
import { until } from '../helpers/until.js';

/*
 * Seen: an Inform longer than `limits.maxHeldBytes` that met a dead backend got 502, though another one lived. The cause: a stream
 * was taken for one that was read from. Promise: it is read from only once there is a connection, so that until then the next
 * backend can take it, and never afterwards.
 */

const long = inform('1').replace('<MaxEnvelopes>', `<!--${'x'.repeat(300_000)}--><MaxEnvelopes>`);
assert.ok(long.length > 300_000);

/** The one value that a proxy changes. */
function withoutUrl(text: string): string {
  return text.replace(/(ConnectionRequestURL<\/Name><Value>)[^<]*/, '$1');
}

function chunked(body: string | Buffer, ...fields: string[]): Buffer {
  const head = ['POST /acs HTTP/1.1', 'Host: a', ...fields, 'Transfer-Encoding: chunked', '', ''].join('\r\n');
  const parts: (string | Buffer)[] = [head];
  for (let at = 0; at < body.length; at += 10_000) {
    const part = body.slice(at, at + 10_000);
    parts.push(`${part.length.toString(16)}\r\n`, part, '\r\n');
  }
  return Buffer.concat([...parts, '0\r\n\r\n'].map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

const noise = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7919) % 251));
for (const { name, request, method = 'POST', body } of [
  { name: 'an Inform with a length', request: postOf(long), body: long },
  { name: 'an Inform in chunks', request: chunked(long), body: long },
  {
    name: 'an Inform that is compressed',
    request: chunked(gzipSync(long, { level: 0 }), 'Content-Encoding: gzip'),
    body: undefined,
  },
  {
    name: 'a file',
    request: Buffer.concat([
      Buffer.from(`PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: ${noise.length}\r\n\r\n`),
      noise,
    ]),
    method: 'PUT',
    body: noise.toString('utf8'),
  },
]) {
  test(`${name} that is too long to be held begins on the next backend, with the same bytes, once`, async (t) => {
    const acs = await recordingAcs(t);
    const dead = [`http://127.0.0.1:${await closedPort()}`, `http://127.0.0.1:${await closedPort()}`];
    const { port, proxy, failures } = await startGateway(t, { backends: [...dead, acs.url] });
    for (let count = 1; count <= 6; count += 1) {
      const cpe = await RawConnection.open(port);
      assert.equal((await cpe.exchange(request, method)).status, 200);
      await cpe.close();
      assert.equal(acs.requests.length, count);
    }
    for (const seen of acs.requests) assert.ok(body === undefined || withoutUrl(seen.body) === withoutUrl(body));
    assert.deepEqual(failures, []);
    assert.deepEqual(
      proxy.backends.list().map(({ state }) => state),
      ['ejected', 'ejected', 'up'],
    );
  });
}

test('a stream of which a byte may have been sent stays where it was sent', async (t) => {
  let seen = 0;
  const broken = await rawBackend(t, () => {});
  broken.server.on('connection', (socket) => socket.once('data', () => ((seen += 1), socket.resetAndDestroy())));
  const acs = await rawBackend(t, (socket) => socket.end(answerOf('')));
  const { port } = await startGateway(t, { backends: [broken.url, acs.url] });
  const cpe = await RawConnection.open(port);
  assert.equal((await cpe.exchange(postOf(long))).status, 502);
  await cpe.closed();
  assert.equal(seen, 1);
  assert.deepEqual(acs.received, []);
});

test('a CPE that leaves while its stream looks for a backend costs nobody anything', async (t) => {
  // It accepts TCP and says nothing of TLS.
  const silent = await rawBackend(t, () => {});
  const acs = await rawBackend(t, (socket) => socket.end(answerOf('')));
  const { port, proxy, failures, idle } = await startGateway(t, {
    backends: [silent.url.replace('http', 'https'), acs.url],
  });
  const cpe = await RawConnection.open(port);
  cpe.write(postOf(long).slice(0, 100_000));
  await until('it connects', () => silent.open.size === 1);
  cpe.reset();
  await idle();
  assert.equal(failures[0]?.error.code, 'ERR_CWMP_CPE_GONE');
  assert.deepEqual(
    proxy.backends.list().map(({ state, failures: count, sessions }) => ({ state, count, sessions })),
    [
      { state: 'up', count: 0, sessions: 0 },
      { state: 'up', count: 0, sessions: 0 },
    ],
  );
});
