import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { CwmpProxy } from '@cwmp-proxy/core';
import { localShortage } from '#core/http/local-shortage.js';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { type RawAnswer, valuesOf } from '../helpers/cpe-clients/raw-answer.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { type ConnectFault, connectError, failConnects } from '../helpers/fail-connects.js';
import { resolveBy } from '../helpers/fake-dns.js';
import { startGateway } from '../helpers/gateway.js';
import { order, startLimited } from '../helpers/limited-process.js';
import { postOf, recordingAcs } from '../helpers/recording-acs.js';
import { until } from '../helpers/until.js';

/*
 * Seen: a process at its limit of descriptors ejected all of its backends, which were healthy, and answered 503 long after
 * descriptors were free again. The cause: whatever kept a connection from being made was a failure of the backend. Promise: what
 * the proxy's own machine lacks is told as such, and is held against no backend that was ever reached.
 */

async function post(port: number, body: string = inform('1')): Promise<RawAnswer> {
  const cpe = await RawConnection.open(port);
  const answer = await cpe.exchange(postOf(body));
  await cpe.close();
  return answer;
}

function health(proxy: CwmpProxy): string[] {
  return proxy.backends.list().map(({ state, failures, sessions }) => `${state} ${failures} ${sessions}`);
}

/** Two ACSs whose connections can be made to fail; connections to a closed port are refused by themselves. */
async function startTwo(
  t: TestContext,
): Promise<Awaited<ReturnType<typeof startGateway>> & { fault: { of: ConnectFault; tried: number; only?: number } }> {
  const [one, two] = [await recordingAcs(t), await recordingAcs(t)];
  const gateway = await startGateway(t, { backends: [one.url, two.url] });
  const fault: { of: ConnectFault; tried: number; only?: number } = { of: undefined, tried: 0 };
  const ports = [one.port, two.port];
  failConnects(t, ({ port }) => {
    if (!ports.includes(port) || (fault.only !== undefined && ports.indexOf(port) !== fault.only)) return undefined;
    fault.tried += 1;
    return fault.of;
  });
  return { ...gateway, fault };
}

for (const code of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', ['ECONNREFUSED', 'EMFILE']]) {
  test(`${String(code)} is held against no backend, and none other is tried`, async (t) => {
    const { port, proxy, failures, fault } = await startTwo(t);
    fault.of = code;
    for (let count = 1; count <= 6; count += 1) {
      const answer = await post(port);
      assert.equal(answer.status, 503);
      assert.equal(answer.body.toString(), 'ERR_CWMP_LOCAL_RESOURCES\n');
      assert.equal(valuesOf(answer, 'retry-after').length, 1);
      assert.equal(fault.tried, count);
    }
    assert.deepEqual(health(proxy), ['up 0 0', 'up 0 0']);
    assert.deepEqual(proxy.stats().warnings, { LOCAL_RESOURCES: 1 });
    assert.ok(failures.every(({ error }) => error.code === 'ERR_CWMP_LOCAL_RESOURCES'));
    fault.of = undefined;
    assert.equal((await post(port)).status, 200);
  });
}

for (const code of ['EADDRNOTAVAIL', 'EAGAIN', ['EADDRNOTAVAIL', 'EADDRNOTAVAIL']]) {
  test(`${String(code)} for one backend has the next one tried, and does not eject it`, async (t) => {
    const { port, proxy, fault } = await startTwo(t);
    for (let count = 0; count < 2; count += 1) assert.equal((await post(port)).status, 200);
    fault.of = code;
    fault.only = 0;
    for (let count = 0; count < 12; count += 1) assert.equal((await post(port)).status, 200);
    assert.ok(fault.tried >= 6);
    assert.deepEqual(health(proxy), ['up 0 0', 'up 0 0']);
    assert.deepEqual(proxy.stats().warnings, { LOCAL_RESOURCES: 1 });
    delete fault.only;
    assert.equal((await post(port)).body.toString(), 'ERR_CWMP_LOCAL_RESOURCES\n');
    assert.deepEqual(health(proxy), ['up 0 0', 'up 0 0']);
  });

  test(`${String(code)} counts against a backend that was never reached`, async (t) => {
    const { port, proxy, fault } = await startTwo(t);
    fault.of = code;
    fault.only = 0;
    for (let count = 0; count < 8; count += 1) assert.equal((await post(port)).status, 200);
    assert.deepEqual(health(proxy), ['ejected 3 0', 'up 0 0']);
  });
}

test('a backend whose name the resolver cannot look up for now is not ejected once it was reached', async (t) => {
  let code: string | undefined;
  const { lookup } = resolveBy(() => (code === undefined ? ['127.0.0.1'] : { code }));
  const acs = await recordingAcs(t);
  const { port, proxy } = await startGateway(t, { backends: [acs.url.replace('127.0.0.1', 'acs.example')], lookup });
  assert.equal((await post(port)).status, 200);
  code = 'EAI_AGAIN';
  for (let count = 0; count < 5; count += 1) {
    assert.equal((await post(port)).body.toString(), 'ERR_CWMP_LOCAL_RESOURCES\n');
  }
  assert.deepEqual(health(proxy), ['up 0 0']);
  code = 'ENOTFOUND';
  for (let count = 0; count < 3; count += 1) await post(port);
  assert.deepEqual(health(proxy), ['ejected 3 0']);
});

test('an active check that this machine cannot make tells nothing', async (t) => {
  let fault: ConnectFault;
  let asked = 0;
  const acs = await recordingAcs(t);
  failConnects(t, ({ port }) => {
    if (port !== acs.port) return undefined;
    asked += 1;
    return fault;
  });
  for (const path of [undefined, '/']) {
    const { proxy } = await startGateway(t, {
      backends: [acs.url],
      health: { maxFailures: 1, active: { intervalMs: 5, ...(path !== undefined && { path }) } },
    });
    fault = undefined;
    asked = 0;
    await until('it was asked', () => asked > 2);
    for (const code of ['EMFILE', 'EADDRNOTAVAIL']) {
      fault = code;
      asked = 0;
      await until('it was asked', () => asked > 3);
      assert.equal(proxy.backends.list()[0]?.state, 'up');
    }
    fault = ['EADDRNOTAVAIL', 'ECONNREFUSED'];
    await until('it is ejected', () => proxy.backends.list()[0]?.state === 'ejected');
    await proxy.close();
  }
});

test('a shortage is found behind wrapped errors, and only where nothing else failed too', () => {
  const wrapped = (cause: unknown): Error => new Error('fetch failed', { cause });
  for (const [error, code] of [
    [connectError('EMFILE'), 'EMFILE'],
    [wrapped(wrapped(connectError('ENFILE'))), 'ENFILE'],
    [wrapped(connectError(['ECONNREFUSED', 'ENOBUFS'])), 'ENOBUFS'],
    [connectError(['EADDRNOTAVAIL', 'EADDRNOTAVAIL']), 'EADDRNOTAVAIL'],
    [connectError(['EADDRNOTAVAIL', 'ECONNREFUSED']), undefined],
    [connectError(['ECONNREFUSED', 'EADDRNOTAVAIL']), undefined],
    [connectError('ENOTFOUND'), undefined],
    [connectError('ECONNRESET'), undefined],
    [new Error('EMFILE'), undefined],
    ['EMFILE', undefined],
    [undefined, undefined],
  ] as const) {
    assert.equal(localShortage(error)?.code, code);
  }
  const circle = new Error('of itself');
  circle.cause = circle;
  assert.equal(localShortage(circle), undefined);
});

test(
  'a process that runs out of descriptors ejects nothing, and serves as soon as some are free',
  { skip: process.platform === 'win32' ? 'no ulimit' : false },
  async (t) => {
    const acs = await recordingAcs(t);
    const child = startLimited(t, 80);
    const named = acs.url.replace('127.0.0.1', 'localhost');
    const { port = 0 } = await order(child, { backends: [acs.url, named] });
    for (let count = 0; count < 4; count += 1) assert.equal((await post(port)).status, 200);
    // One is left: for the CPE's connection, not for the backend's, nor for the files that the resolver reads.
    const { taken = 0 } = await order(child, { leave: 1 });
    assert.ok(taken > 10);
    for (let count = 0; count < 8; count += 1) {
      assert.equal((await post(port)).body.toString(), 'ERR_CWMP_LOCAL_RESOURCES\n');
    }
    // None is left: the kernel has taken the connection, and the process closes it.
    assert.deepEqual(await order(child, { leave: 0 }), {
      taken: taken + 1,
      backends: ['up 0', 'up 0'],
      warnings: ['LOCAL_RESOURCES'],
    });
    for (let count = 0; count < 3; count += 1) await assert.rejects(post(port));
    await order(child, { leave: 40 });
    for (let count = 0; count < 4; count += 1) assert.equal((await post(port)).status, 200);
    assert.equal((await order(child, { leave: 1 })).taken, taken);
  },
);
