import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { CwmpProxy } from '@cwmp-proxy/core';
import { RecoveryWatch } from '#core/backends/recovery-watch.js';
import { atEnd } from '../helpers/at-end.js';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import type { RawAnswer } from '../helpers/cpe-clients/raw-answer.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { watchForLeaks } from '../helpers/leaks.js';
import { answerOf, closedPort, rawBackend } from '../helpers/raw-backend.js';
import { postOf, recordingAcs } from '../helpers/recording-acs.js';
import { until } from '../helpers/until.js';

/*
 * Seen: after an outage of 20 s of the one backend CPEs got 503 for another 17 s, and after a longer one for up to 5 minutes. The
 * cause: the time of an ejection had to be over before anything was tried, though nothing else was left. Promise: while no backend
 * is up, each is asked often whether it lives, and Informs are tried on those that are ejected, one at a time for each.
 */

/** An ejection that no test outlives. */
const long = { maxFailures: 1, ejectMs: 300_000 };

function states(proxy: CwmpProxy): string[] {
  return proxy.backends.list().map(({ state }) => state);
}

async function post(port: number, body: string = inform('1')): Promise<RawAnswer> {
  const cpe = await RawConnection.open(port);
  const answer = await cpe.exchange(postOf(body));
  await cpe.close();
  return answer;
}

async function listenOn(t: TestContext, port: number): Promise<Server> {
  const server = createServer((_request, response) => response.writeHead(200).end());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, () => {
    server.close();
    server.closeAllConnections();
  });
  return server;
}

test('an only backend that listens again is up, though no CPE has asked', async (t) => {
  watchForLeaks(t);
  const port = await closedPort();
  const gateway = await startGateway(t, { backends: [`http://127.0.0.1:${port}`], health: long });
  assert.equal((await post(gateway.port)).status, 502);
  // Tried anyway, in vain.
  assert.equal((await post(gateway.port)).body.toString(), 'ERR_CWMP_NO_BACKEND\n');
  assert.deepEqual(states(gateway.proxy), ['ejected']);
  await listenOn(t, port);
  await until('it is up', () => states(gateway.proxy)[0] === 'up');
  assert.equal((await post(gateway.port)).status, 200);
  await gateway.proxy.close();
});

test('an active check in the place of the connection decides whether it is up again', async (t) => {
  let status = 503;
  const server = await rawBackend(t, (socket, request) => {
    const isCheck = request.startsWith('GET /health');
    socket.end(`HTTP/1.1 ${isCheck ? status : 200} -\r\nContent-Length: 0\r\n\r\n`);
  });
  const { port, proxy } = await startGateway(t, {
    backends: [server.url],
    // After the one check that ejects it, the next one is far away.
    health: { ...long, active: { intervalMs: 200, path: '/health' } },
  });
  await until('it is ejected', () => states(proxy)[0] === 'ejected');
  // The ACS answers, so its CPEs are served; that it is well is not for them to say.
  assert.equal((await post(port)).status, 200);
  assert.deepEqual(states(proxy), ['ejected']);
  status = 200;
  await until('it is up', () => states(proxy)[0] === 'up');
});

test('a backend that takes connections and breaks them is up again by an Inform that it answers', async (t) => {
  let isBroken = true;
  let asked = 0;
  const acs = await rawBackend(t, (socket) => (isBroken ? socket.resetAndDestroy() : socket.end(answerOf('fine'))));
  acs.server.on('connection', () => (asked += 1));
  const { port, proxy } = await startGateway(t, { backends: [acs.url], health: long });
  assert.equal((await post(port)).status, 502);
  await until('it was asked twice whether it takes connections', () => asked >= 3);
  assert.deepEqual(states(proxy), ['ejected']);
  assert.equal((await post(port)).status, 502);
  isBroken = false;
  assert.equal((await post(port)).status, 200);
  assert.deepEqual(states(proxy), ['up']);
});

/** An ACS that breaks its first exchange, and keeps all others waiting until it is told. */
async function startHanging(t: TestContext): Promise<{ url: string; waiting: Socket[]; requests: () => number }> {
  const waiting: Socket[] = [];
  let requests = 0;
  const acs = await rawBackend(t, (socket, _request, count) => {
    requests += 1;
    if (count === 1) socket.resetAndDestroy();
    else waiting.push(socket);
  });
  return { url: acs.url, waiting, requests: () => requests };
}

/** A gateway whose only backend was ejected by the first request, and holds those that try it again. */
async function startEjected(t: TestContext) {
  const acs = await startHanging(t);
  const { port, proxy } = await startGateway(t, {
    backends: [acs.url],
    health: long,
    timeouts: { connectMs: 20_000 },
  });
  assert.equal((await post(port)).status, 502);
  return { acs, port, proxy };
}

async function openAll(t: TestContext, port: number, count: number): Promise<RawConnection[]> {
  const cpes = await Promise.all(Array.from({ length: count }, () => RawConnection.open(port)));
  for (const cpe of cpes) atEnd(t, () => cpe.close());
  return cpes;
}

test('one Inform at a time is tried; those that wait go on when it is answered', async (t) => {
  const { acs, port, proxy } = await startEjected(t);
  const [first = assert.fail(), ...others] = await openAll(t, port, 6);
  first.write(postOf(inform('1')));
  await until('the first is tried', () => acs.waiting.length === 1);
  for (const cpe of others) cpe.write(postOf(inform('1')));
  const later = await RawConnection.open(port);
  // The connection of another CPE is served meanwhile: those before it wait, and have reached nobody.
  assert.equal((await later.exchange('POST /acs HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')).status, 400);
  await later.close();
  assert.equal(acs.requests(), 2);
  acs.waiting[0]?.write(answerOf('fine'));
  assert.equal((await first.answer()).status, 200);
  await until('the others are sent', () => acs.waiting.length === 6);
  assert.deepEqual(states(proxy), ['up']);
  for (const socket of acs.waiting.slice(1)) socket.write(answerOf('fine'));
  for (const cpe of others) assert.equal((await cpe.answer()).status, 200);
  assert.deepEqual(proxy.stats().failures, { ERR_CWMP_BACKEND_FAILED: 1, ERR_CWMP_BAD_REQUEST: 1 });
});

test('each that waits is tried in its turn when the one before it fails', async (t) => {
  const { acs, port, proxy } = await startEjected(t);
  const cpes = await openAll(t, port, 4);
  for (const cpe of cpes) cpe.write(postOf(inform('1')));
  for (let tried = 1; tried <= 3; tried += 1) {
    await until('the next is tried', () => acs.waiting.length === tried);
    assert.equal(acs.requests(), 1 + tried);
    acs.waiting[tried - 1]?.resetAndDestroy();
  }
  await until('the last is tried', () => acs.waiting.length === 4);
  acs.waiting[3]?.write(answerOf('fine'));
  const statuses = await Promise.all(cpes.map(async (cpe) => (await cpe.answer()).status));
  assert.deepEqual(
    statuses.toSorted((a, b) => a - b),
    [200, 502, 502, 502],
  );
  assert.deepEqual(states(proxy), ['up']);
});

test('an address with many that wait does not keep another one from its turn', async (t) => {
  const { acs, port, proxy } = await startEjected(t);
  const line = await openAll(t, port, 20);
  const other = await RawConnection.open(port, { localAddress: '127.0.0.2' });
  atEnd(t, () => other.close());
  for (const cpe of line) cpe.write(postOf(inform('1')));
  await until('one is tried', () => acs.waiting.length === 1);
  other.write(postOf(inform('2')));
  const answers: number[] = [];
  void other.answer().then(({ status }) => answers.push(status));
  let failed = 0;
  while (answers.length === 0) {
    const tried = acs.waiting.length;
    acs.waiting[failed]?.resetAndDestroy();
    failed += 1;
    await until('the next is tried', () => answers.length > 0 || acs.waiting.length > tried);
  }
  assert.deepEqual(answers, [502]);
  // In the order in which they came it would have been the last.
  assert.ok(failed < 10, `${failed} were tried before it`);
  for (const socket of acs.waiting.slice(failed)) socket.write(answerOf('fine'));
  await until('all are sent', () => acs.waiting.length === 21);
  for (const socket of acs.waiting.slice(failed)) socket.write(answerOf('fine'));
  assert.equal((await line.at(-1)?.answer())?.status, 200);
  assert.deepEqual(states(proxy), ['up']);
});

test('a CPE that leaves while it is tried makes room for the next', async (t) => {
  const { acs, port, proxy } = await startEjected(t);
  const first = await RawConnection.open(port);
  first.write(postOf(inform('1')));
  await until('it is tried', () => acs.waiting.length === 1);
  const [gone = assert.fail(), second = assert.fail()] = await openAll(t, port, 2);
  gone.write(postOf(inform('1')));
  second.write(postOf(inform('1')));
  gone.reset();
  first.reset();
  // The one that left while it waited may have been tried before it was known to have left.
  await until('the next is answered', () => {
    for (const socket of acs.waiting.splice(1)) socket.write(answerOf('fine'));
    return states(proxy)[0] === 'up';
  });
  assert.equal((await second.answer()).status, 200);
  assert.deepEqual(states(proxy), ['up']);
});

test('an Inform waits for no longer than a connect may take, and gets 503 then', async (t) => {
  const acs = await startHanging(t);
  const { port, proxy } = await startGateway(t, {
    backends: [acs.url],
    health: long,
    // The wait is half over when the first one's turn is; then another may be tried beside it.
    timeouts: { connectMs: 50 },
  });
  assert.equal((await post(port)).status, 502);
  const cpes = await openAll(t, port, 12);
  for (const cpe of cpes) cpe.write(postOf(inform('1')));
  await until('most are refused', () => (proxy.stats().failures.ERR_CWMP_NO_BACKEND ?? 0) >= 6);
  for (const socket of acs.waiting) socket.write(answerOf('fine'));
  await until('it is up', () => states(proxy)[0] === 'up');
});

test('close() ends those who wait', async (t) => {
  watchForLeaks(t);
  const { acs, port, proxy } = await startEjected(t);
  const [first = assert.fail(), second = assert.fail()] = await openAll(t, port, 2);
  first.write(postOf(inform('1')));
  await until('it is tried', () => acs.waiting.length === 1);
  second.write(postOf(inform('1')));
  await new Promise((resolve) => setTimeout(resolve, 20));
  await proxy.close();
  assert.equal((await first.answer()).status, 503);
  assert.equal((await second.answer()).body.toString(), 'ERR_CWMP_CLOSED\n');
});

test('of several that are ejected the one that failed longest ago is tried first, then the others', async (t) => {
  const seen: string[] = [];
  const start = async (name: string): Promise<string> => {
    const { url } = await rawBackend(t, (socket) => {
      seen.push(name);
      socket.resetAndDestroy();
    });
    return url;
  };
  const { port, proxy } = await startGateway(t, {
    backends: [await start('a'), await start('b'), await start('c')],
    health: long,
  });
  for (let count = 0; count < 9; count += 1) assert.equal((await post(port)).status, 502);
  assert.deepEqual(seen.join(''), 'abcabcabc');
  assert.deepEqual(states(proxy), ['ejected', 'ejected', 'ejected']);
});

test('an Inform that finds one ejected backend dead is tried on the next, and told that none is up', async (t) => {
  const acs = await recordingAcs(t);
  const dead = [`http://127.0.0.1:${await closedPort()}`, `http://127.0.0.1:${await closedPort()}`];
  const { port, proxy } = await startGateway(t, { backends: dead, health: long });
  assert.equal((await post(port)).status, 502);
  const answer = await post(port);
  assert.equal(answer.status, 503);
  assert.deepEqual(states(proxy), ['ejected', 'ejected']);
  proxy.backends.add(acs.url);
  assert.equal((await post(port)).status, 200);
  assert.deepEqual(states(proxy), ['ejected', 'ejected', 'up']);
});

test('what is tried in vain does not lengthen the time of an ejection', async (t) => {
  const [bad, good] = [await closedPort(), await recordingAcs(t)];
  const { port, proxy } = await startGateway(t, {
    backends: [`http://127.0.0.1:${bad}`],
    health: { maxFailures: 1, ejectMs: 50, maxEjectMs: 300_000 },
  });
  assert.equal((await post(port)).status, 502);
  // Twenty in a row would make it 5 minutes.
  for (let count = 0; count < 20; count += 1) assert.equal((await post(port)).status, 503);
  proxy.backends.add(good.url);
  await listenOn(t, bad);
  await until('it is up', async () => (await post(port)).status === 200 && states(proxy)[0] === 'up');
});

test('drained and draining backends, and one that is full, are not tried', async (t) => {
  const [one, two] = [await recordingAcs(t), await recordingAcs(t)];
  const dead = `http://127.0.0.1:${await closedPort()}`;
  const { port, proxy } = await startGateway(t, {
    backends: [one.url, { url: two.url, maxSessions: 1 }, dead],
    health: long,
  });
  await proxy.backends.drain(one.url);
  const [cpe = assert.fail()] = await openAll(t, port, 1);
  assert.equal((await cpe.exchange(postOf(inform('1')))).status, 200);
  // The dead one: another backend is up, and has no room.
  assert.equal((await post(port)).status, 502);
  assert.equal((await post(port)).body.toString(), 'ERR_CWMP_BUSY\n');
  void proxy.backends.drain(two.url);
  assert.equal((await post(port)).body.toString(), 'ERR_CWMP_NO_BACKEND\n');
  proxy.backends.remove(dead);
  assert.equal((await post(port)).body.toString(), 'ERR_CWMP_NO_BACKEND\n');
  assert.deepEqual([one.requests.length, two.requests.length], [0, 1]);
  assert.deepEqual(states(proxy), ['drained', 'draining']);
});

test('a backend is asked at 0, 250 and 500 ms, then every second, and no more once another is up', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  const asked: number[] = [];
  const check = { open: 0, ask: () => (asked.push(now), new Promise<unknown>(() => {})) };
  const watch = new RecoveryWatch(check, () => {});
  const pass = (ms: number): void => {
    for (const end = now + ms; now < end;) {
      now += 10;
      t.mock.timers.tick(10);
    }
  };
  watch.start();
  pass(3_600);
  watch.start();
  assert.deepEqual(
    asked.map((at) => Math.floor(at / 250) * 250),
    [0, 250, 500, 1_500, 2_500, 3_500],
  );
  // What nobody answers does not pile up.
  check.open = 5;
  pass(5_000);
  assert.equal(asked.length, 6);
  check.open = 0;
  watch.stop();
  pass(5_000);
  assert.equal(asked.length, 6);
});
