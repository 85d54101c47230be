import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { createCwmpProxy, CwmpProxyError, wakeCpe, type WakeStore } from '@cwmp-proxy/core';
import { connectionRequests, publicOrigin } from '../../helpers/app.js';
import { atEnd } from '../../helpers/at-end.js';
import { cpeCredentials as credentials, startCpe } from '../../helpers/cpe-doubles/conversation.js';
import { stacks } from '../../helpers/cpe-doubles/stacks.js';
import { resolveBy } from '../../helpers/fake-dns.js';
import { openWakes } from '../../helpers/open-wakes.js';
import { certificate } from '../../helpers/test-certificate.js';

/*
 * Seen: a policy or a store that threw gave an unhandled rejection, and a wake that never settled and kept all later ones of
 * its CPE waiting. Promise: a fault of what is plugged in costs the wakes that it hits.
 */

// It keeps its connection, so the policy is asked once a dial.
const double = stacks.find(({ name }) => name === 'RDK-B') ?? assert.fail('no such double');

for (const [when, times, host] of [
  ['at the address of a URL', 0, '127.0.0.1'],
  ['before dialling', 1, '127.0.0.1'],
  ['at the addresses of a name', 0, 'cpe.example'],
] as const) {
  test(`a policy that throws ${when} fails the wake with its error, and keeps none behind it waiting`, async (t) => {
    const { lookup } = resolveBy(() => ['127.0.0.1']);
    const cpe = await startCpe(t, double);
    const thrown = new Error('no such network');
    let asked = 0;
    const allows = (): boolean => {
      asked += 1;
      if (asked === times + 1) throw thrown;
      return true;
    };
    const wakes = openWakes(t, { policy: { allows }, lookup });
    const url = cpe.url.replace('127.0.0.1', host);
    // Each caller looks the name up before it shares a wake.
    const sharers = host === '127.0.0.1' ? [wakes.wake(url), wakes.wake(url)] : [wakes.wake(url)];
    const behind = wakes.wake(url, { credentials: [credentials] });
    for (const sharer of sharers) {
      await assert.rejects(sharer, (error) => {
        assert.ok(error instanceof CwmpProxyError);
        assert.deepEqual([error.code, error.cause], ['ERR_CWMP_INTERNAL', thrown]);
        return true;
      });
    }
    assert.equal((await behind).outcome, 'accepted');
    assert.equal((await wakes.wake(url)).outcome, 'accepted');
  });
}

test('a policy and certificates of the wrong kind are refused at the call', async () => {
  for (const [options, path] of [
    [{ policy: { allow: ['10.0.0.0/8'] } }, /^policy: /],
    [{ policy: null }, /^policy: /],
    [{ tls: null }, /^tls: /],
    [{ tls: { ca: 5 } }, /^tls\.ca: /],
    [{ tls: { ca: [certificate, 5] } }, /^tls\.ca: /],
    [{ tls: { rejectUnauthorized: 'no' } }, /^tls\.rejectUnauthorized: /],
  ] as const) {
    // As a caller without types may write it.
    const wake = Reflect.apply(wakeCpe, undefined, ['http://127.0.0.1:1/', options]);
    await assert.rejects(wake, (error) => {
      assert.ok(error instanceof CwmpProxyError && error.code === 'ERR_CWMP_OPTION');
      assert.match(error.message, path);
      return true;
    });
  }
  const tls = { ca: [certificate, Buffer.from(certificate)] };
  assert.equal((await wakeCpe('http://127.0.0.1:1/', { tls })).outcome, 'unreachable');
});

test('a misspelt option of a wake, and none, are refused at the call', async (t) => {
  const proxy = createCwmpProxy({ publicUrl: publicOrigin, connectionRequests });
  atEnd(t, () => proxy.close());
  const own = (options: string): Promise<unknown> => proxy.wakeCpe('http://127.0.0.1:1/', JSON.parse(options));
  const alone = (options: string): Promise<unknown> => wakeCpe('http://127.0.0.1:1/', JSON.parse(options));
  for (const [wake, options, message] of [
    [own, '{ "timeout": 5 }', /^timeout: unknown option; known are credentials, timeoutMs/],
    [own, '{ "policy": {} }', /^policy: unknown option/],
    [own, 'null', /^options: expected an object/],
    [alone, '{ "polcy": {} }', /^polcy: unknown option; known are .*policy, tls, onInform$/],
    [alone, 'null', /^options: expected an object/],
  ] as const) {
    await assert.rejects(wake(options), { code: 'ERR_CWMP_OPTION', message });
  }
});

for (const [name, fail] of Object.entries({
  throws: () => {
    throw new Error('database is away');
  },
  'gives what is no pair': () => JSON.parse('{ "username": "acs" }'),
})) {
  test(`a credentials function that ${name} costs its wakes, and a warning tells why`, async (t) => {
    const cpe = await startCpe(t, double);
    const proxy = createCwmpProxy({
      publicUrl: publicOrigin,
      connectionRequests: { ...connectionRequests, credentials: fail },
    });
    atEnd(t, () => proxy.close());
    const warned = once(proxy, 'warning');
    // Of a device that has not informed the function knows nothing: that is what the wake says.
    assert.equal((await proxy.wakeCpe(cpe.url)).outcome, 'unknown');
    const [warning] = await warned;
    assert.equal(warning.code, 'CREDENTIALS');
    assert.match(warning.message, /database is away|expected \{ username, password \}/);
    assert.ok(warning.cause instanceof Error);
  });
}

const healthy: WakeStore = {
  publish: () => Promise.resolve(),
  subscribe: () => Promise.resolve(() => Promise.resolve()),
  lease: () => Promise.resolve(0),
};

for (const method of ['publish', 'subscribe', 'lease'] as const) {
  test(`a store whose ${method} throws gives a warning, and wakes go on alone`, async (t) => {
    const cpe = await startCpe(t, double);
    const fault = (): never => {
      throw new Error('CONNECTION_CLOSED');
    };
    const store = { ...healthy, [method]: fault };
    const proxy = createCwmpProxy({
      publicUrl: publicOrigin,
      connectionRequests: { ...connectionRequests, credentials, store },
    });
    atEnd(t, () => proxy.close());
    const warned = once(proxy, 'warning');
    assert.equal((await proxy.wakeCpe(cpe.url)).outcome, 'accepted');
    assert.equal((await proxy.wakeCpe(cpe.url)).outcome, 'accepted');
    const [warning] = await warned;
    assert.equal(warning.code, 'WAKE_STORE');
    assert.match(warning.message, /CONNECTION_CLOSED/);
  });
}
