import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import type { BackendFigures, CwmpProxy } from '@cwmp-proxy/core';
import { atEnd } from '../helpers/at-end.js';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { valuesOf } from '../helpers/cpe-clients/raw-answer.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { watchForLeaks } from '../helpers/leaks.js';
import { closedPort, rawBackend } from '../helpers/raw-backend.js';
import { postOf, recordingAcs } from '../helpers/recording-acs.js';
import { until } from '../helpers/until.js';

function states(proxy: CwmpProxy): string[] {
  return proxy.backends.list().map(({ state }) => state);
}

test('a session that finds its backend gone begins on the next one, with the same bytes, once', async (t) => {
  const acs = await recordingAcs(t);
  const dead = [`http://127.0.0.1:${await closedPort()}`, `http://127.0.0.1:${await closedPort()}`];
  const { port, proxy, failures } = await startGateway(t, { backends: [...dead, acs.url] });
  for (let count = 1; count <= 12; count += 1) {
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    assert.equal((await cpe.exchange(postOf(inform('1')))).status, 200);
    assert.equal(acs.requests.length, count);
  }
  assert.deepEqual(failures, []);
  assert.deepEqual(
    proxy.backends.list().map(({ state, sessions, inFlight }) => ({ state, sessions, inFlight })),
    [
      { state: 'ejected', sessions: 0, inFlight: 0 },
      { state: 'ejected', sessions: 0, inFlight: 0 },
      { state: 'up', sessions: 12, inFlight: 0 },
    ],
  );
});

test('with no backend alive a CPE gets 502 from those that it finds dead, and 503 with a Retry-After from then on', async (t) => {
  const { port, proxy } = await startGateway(t, {
    backends: [`http://127.0.0.1:${await closedPort()}`],
    health: { maxFailures: 1 },
  });
  for (const [status, code] of [
    [502, 'ERR_CWMP_BACKEND_UNREACHABLE'],
    [503, 'ERR_CWMP_NO_BACKEND'],
  ]) {
    const cpe = await RawConnection.open(port);
    const answer = await cpe.exchange(postOf(inform('1')));
    await cpe.close();
    assert.equal(answer.status, status);
    assert.equal(answer.body.toString(), `${code}\n`);
    assert.equal(valuesOf(answer, 'retry-after').length, status === 503 ? 1 : 0);
  }
  assert.deepEqual(states(proxy), ['ejected']);
});

test('a way out of the path of the backend is refused where another has no path and was tried first', async (t) => {
  const acs = await recordingAcs(t);
  const { port } = await startGateway(t, { backends: [`http://127.0.0.1:${await closedPort()}`, `${acs.url}/base`] });
  const cpe = await RawConnection.open(port);
  assert.equal((await cpe.exchange(postOf(inform('1')).replace('/acs', '/../admin'))).status, 400);
  await cpe.close();
  assert.equal(acs.requests.length, 0);
});

test('a backend may be removed when it is told to be drained, by the session that fails over from it', async (t) => {
  const acs = await recordingAcs(t);
  const dead = `http://127.0.0.1:${await closedPort()}`;
  const { port, proxy } = await startGateway(t, { backends: [dead, acs.url] });
  proxy.on('sessionStart', () => void proxy.backends.drain(dead));
  proxy.on('backend', ({ state }) => {
    if (state === 'drained') proxy.backends.remove(dead);
  });
  const cpe = await RawConnection.open(port);
  assert.equal((await cpe.exchange(postOf(inform('1')))).status, 200);
  const figures = (): unknown =>
    proxy.backends.list().map(({ url, sessions, inFlight }) => ({ url, sessions, inFlight }));
  assert.deepEqual(figures(), [{ url: acs.url, sessions: 1, inFlight: 0 }]);
  await cpe.close();
  await until('its backend connection is closed', () => acs.open.size === 0);
  assert.deepEqual(figures(), [{ url: acs.url, sessions: 0, inFlight: 0 }]);
});

test('a session that is ended while it fails over goes nowhere', async (t) => {
  const acs = await recordingAcs(t);
  const dead = `http://127.0.0.1:${await closedPort()}`;
  const { port, proxy } = await startGateway(t, { backends: [dead, acs.url] });
  proxy.on('sessionStart', () => void proxy.backends.drain(dead));
  proxy.on('backend', ({ url, state }) => {
    if (url === dead && state === 'drained') proxy.backends.remove(acs.url);
  });
  const cpe = await RawConnection.open(port);
  assert.equal((await cpe.exchange(postOf(inform('1')))).status, 502);
  await cpe.close();
  assert.equal(acs.requests.length, 0);
  assert.deepEqual(proxy.stats().sessions, { open: 0, started: 1, ended: { removed: 1 } });
});

test('a backend that is slow to connect is given up in time, and nothing of it stays', async (t) => {
  watchForLeaks(t);
  // It accepts TCP and says nothing of TLS.
  const silent = await rawBackend(t, () => {});
  const acs = await recordingAcs(t);
  const { port, proxy } = await startGateway(t, {
    backends: [silent.url.replace('http', 'https'), acs.url],
    timeouts: { connectMs: 50 },
  });
  const cpe = await RawConnection.open(port);
  assert.equal((await cpe.exchange(postOf(inform('1')))).status, 200);
  assert.equal(proxy.backends.list()[0]?.failures, 1);
  await cpe.close();
});

test('a message is not tried with one backend after the other for longer than its CPE waits', async (t) => {
  const silent = await rawBackend(t, () => {});
  const acs = await recordingAcs(t);
  const { port, failures } = await startGateway(t, {
    backends: [silent.url.replace('http', 'https'), acs.url],
    timeouts: { connectMs: 50, headersMs: 20 },
  });
  const cpe = await RawConnection.open(port);
  assert.equal((await cpe.exchange(postOf(inform('1')))).status, 502);
  assert.equal(acs.requests.length, 0);
  assert.equal(failures[0]?.error.code, 'ERR_CWMP_BACKEND_UNREACHABLE');
  await cpe.close();
});

test('close ends a connection that is still being made', async (t) => {
  const silent = await rawBackend(t, () => {});
  const { port, proxy, failures } = await startGateway(t, { backends: [silent.url.replace('http', 'https')] });
  const cpe = await RawConnection.open(port);
  cpe.write(postOf(inform('1')));
  await until('it connects', () => silent.open.size === 1);
  await proxy.close();
  assert.equal((await cpe.answer()).status, 503);
  await cpe.close();
  await until('nothing is open', () => silent.open.size === 0);
  assert.equal(failures[0]?.error.code, 'ERR_CWMP_CLOSED');
});

test('backends are added, removed and named; what is wrong is said', async (t) => {
  const [one, two] = [await recordingAcs(t), await recordingAcs(t)];
  const { port, proxy } = await startGateway(t, { backends: [one.url] });
  assert.throws(() => proxy.backends.add(`${one.url}/`), { code: 'ERR_CWMP_OPTION' });
  assert.throws(() => proxy.backends.add('ftp://a'), { code: 'ERR_CWMP_OPTION' });
  assert.throws(() => proxy.backends.remove('http://unknown'), { code: 'ERR_CWMP_OPTION' });
  await assert.rejects(proxy.backends.drain('http://unknown'), { code: 'ERR_CWMP_OPTION' });
  proxy.backends.add({ url: two.url, weight: 2 });
  assert.deepEqual(
    proxy.backends.list().map(({ url, weight, state }) => ({ url, weight, state })),
    [
      { url: one.url, weight: 1, state: 'up' },
      { url: two.url, weight: 2, state: 'up' },
    ],
  );
  const cpe = await RawConnection.open(port);
  await cpe.exchange(postOf(inform('1')));
  proxy.backends.remove(`${two.url}/`);
  await until('its session is over', () => two.open.size === 0);
  assert.equal((await cpe.exchange(postOf(inform('1')))).status, 200);
  assert.equal(one.requests.length, 1);
  await cpe.close();
});

test('a backend is named by any spelling of its URL', async (t) => {
  const { proxy } = await startGateway(t, { backends: ['http://127.0.0.1:1'] });
  for (const spelling of ['http://backend.example:80', 'HTTP://Backend.Example/', new URL('http://backend.example')]) {
    proxy.backends.add('http://backend.example:80');
    await proxy.backends.drain(spelling);
    proxy.backends.remove(spelling);
    assert.equal(proxy.backends.list().length, 1);
  }
  for (const unknown of ['', 'backend.example', 'http://backend.example/acs']) {
    assert.throws(() => proxy.backends.remove(unknown), { code: 'ERR_CWMP_OPTION' });
  }
});

test('a backend that is added after close is refused', async (t) => {
  const { proxy } = await startGateway(t, { backends: ['http://127.0.0.1:1'] });
  await proxy.close();
  assert.throws(() => proxy.backends.add('http://127.0.0.1:2'), { code: 'ERR_CWMP_CLOSED' });
  assert.equal(proxy.backends.list().length, 1);
});

test('removing a backend fails what is in flight on it, at once', async (t) => {
  const silent = await rawBackend(t, () => {});
  const { port, proxy, failures, idle } = await startGateway(t, { backends: [silent.url] });
  const cpe = await RawConnection.open(port);
  cpe.write(postOf(inform('1')));
  await until('it is in flight', () => silent.received[0]?.includes('Inform') === true);
  assert.equal(proxy.backends.list()[0]?.inFlight, 1);
  proxy.backends.remove(silent.url);
  assert.equal((await cpe.answer()).status, 503);
  await idle();
  assert.equal(failures[0]?.error.code, 'ERR_CWMP_CLOSED');
  await cpe.close();
});

test('a draining backend keeps the session that runs, its CPE reconnecting too', async (t) => {
  const [one, two] = [await recordingAcs(t), await recordingAcs(t)];
  const { port, proxy } = await startGateway(t, { backends: [one.url, two.url] });
  const first = await RawConnection.open(port);
  await first.exchange(postOf(inform('1'), 'X-Answer: 200|Set-Cookie=s=1|Connection=close'));
  let drained = false;
  const draining = proxy.backends.drain(one.url).then(() => (drained = true));
  assert.deepEqual(states(proxy), ['draining', 'up']);
  const second = await RawConnection.open(port);
  await second.exchange(postOf('', 'Cookie: s=1'));
  assert.equal(one.requests.length, 2);
  assert.equal(drained, false);
  await second.exchange(postOf('', 'Cookie: s=1', 'X-Answer: 204'));
  await draining;
  assert.deepEqual(states(proxy), ['drained', 'up']);
  await second.exchange(postOf(inform('1')));
  assert.equal(two.requests.length, 1);
  await second.close();
});

for (const { name, active } of [
  { name: 'TCP', active: { intervalMs: 10 } },
  { name: 'HTTP', active: { intervalMs: 10, path: '/health', expectStatus: 204 } },
]) {
  test(`active health by ${name} ejects a backend that does not answer and takes it back when it does`, async (t) => {
    watchForLeaks(t);
    const steady = await recordingAcs(t);
    const server = createServer((_request, response) => response.writeHead(204).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const { proxy } = await startGateway(t, {
      backends: [`http://127.0.0.1:${port}`, ...(name === 'TCP' ? [steady.url] : [])],
      health: { maxFailures: 2, active },
    });
    const seen: BackendFigures[] = [];
    proxy.on('backend', (figures) => seen.push(figures));
    await until('it was asked', async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return states(proxy)[0] === 'up';
    });
    server.close();
    server.closeAllConnections();
    await until('it is ejected', () => states(proxy)[0] === 'ejected');
    server.listen(port, '127.0.0.1');
    await until('it is back', () => states(proxy)[0] === 'up');
    assert.deepEqual(
      seen.map(({ state }) => state),
      ['ejected', 'up'],
    );
    await proxy.close();
    server.close();
    server.closeAllConnections();
  });
}

test('a status that was not expected is no sign of life', async (t) => {
  const [acs, other] = [
    await recordingAcs(t),
    await rawBackend(t, (socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n')),
  ];
  const { proxy, port } = await startGateway(t, {
    backends: [acs.url, other.url],
    health: { maxFailures: 2, active: { intervalMs: 5, path: '/', expectStatus: 204 } },
  });
  await until('it is ejected', () => states(proxy)[0] === 'ejected');
  for (let count = 0; count < 4; count += 1) {
    const cpe = await RawConnection.open(port);
    assert.equal((await cpe.exchange(postOf(inform('1')))).status, 204);
    await cpe.close();
  }
  assert.deepEqual(states(proxy), ['ejected', 'up']);
});
