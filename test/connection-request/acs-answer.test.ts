import assert from 'node:assert/strict';
import { createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import {
  answerDigest,
  type ConnectionRequestOptions,
  createCwmpProxy,
  parseChallenges,
  readDigestChallenge,
  type WarningEvent,
} from '@cwmp-proxy/core';
import { freePort } from '../helpers/free-port.js';
import { basic, send, startDigestCpe, startGate } from '../helpers/gate.js';
import { listen } from '../helpers/serve.js';
import { until } from '../helpers/until.js';

const connectionRequests: ConnectionRequestOptions = { allow: ['127.0.0.0/8'], users: { acs: 'secret' } };

test('the host chooses what an ACS is told of a CPE that is not reached, or too slow', async (t) => {
  const gate = await startGate(t, {
    ...connectionRequests,
    timeoutMs: 200,
    unreachableStatus: 502,
    timeoutStatus: 504,
  });
  const headers = basic('acs:secret');
  const silent = await listen(
    t,
    createTcpServer((socket) => socket.resume()),
  );
  const ask = (port: number) =>
    send({ port: gate.port, target: `/client?origin=http://127.0.0.1:${port}`, headers }).then(({ status }) => status);
  assert.equal(await ask(await freePort()), 502);
  assert.equal(await ask(silent.port), 504);
});

test('other statuses are refused', () => {
  for (const name of ['unreachableStatus', 'timeoutStatus']) {
    assert.throws(
      () =>
        createCwmpProxy({
          publicUrl: 'http://gateway.example',
          connectionRequests: { ...connectionRequests, [name]: 500 },
        }),
      { code: 'ERR_CWMP_OPTION', message: `connectionRequests.${name}: expected one of 503, 502, 504` },
    );
  }
});

test('wrong answers of an ACS are warned of once in a while, without what it sent', async (t) => {
  const gate = await startGate(t, connectionRequests);
  const warnings: WarningEvent[] = [];
  gate.proxy.on('warning', (warning) => warnings.push(warning));
  const target = '/client?origin=http://127.0.0.1:1';
  assert.equal((await send({ port: gate.port, target })).status, 401);
  assert.deepEqual(warnings, [], 'to be asked is no fault');
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await send({ port: gate.port, target, headers: basic('acs:guess') })).status, 401);
  }
  assert.deepEqual(
    warnings.map(({ code }) => code),
    ['ACCESS_REFUSED'],
  );
  const text = JSON.stringify(warnings);
  assert.match(text, /127\.0\.0\.1/);
  assert.doesNotMatch(text, /guess|Z3Vlc3/);
  assert.deepEqual(gate.proxy.stats().warnings, { ACCESS_REFUSED: 1 });
});

test('a user and a password in the URL of a CPE stand in no event', async (t) => {
  const gate = await startGate(t, connectionRequests);
  const events: string[] = [];
  gate.proxy.on('inform', ({ url }) => events.push(url ?? ''));
  gate.proxy.on('wake', ({ origin }) => events.push(origin));
  const url = 'http://cpe:geheim@127.0.0.1:7547/x';
  await gate.proxied(url);
  const target = `/client?origin=${url}`;
  assert.equal((await send({ port: gate.port, target, headers: basic('acs:secret') })).status, 400);
  assert.deepEqual(events, ['http://…@127.0.0.1:7547/x', 'http://…@127.0.0.1:7547/x']);
});

test('guesses that come at once are no more than those that come one after the other', async (t) => {
  const release: (() => void)[] = [];
  let checked = 0;
  const gate = await startGate(t, {
    allow: ['127.0.0.0/8'],
    access: { maxFailures: 3 },
    users: async ({ password }) => {
      checked += 1;
      await new Promise<void>((resolve) => release.push(resolve));
      return password === 'secret';
    },
  });
  const target = '/client?origin=http://127.0.0.1:1';
  const ask = (pair: string) => send({ port: gate.port, target, headers: basic(pair) }).then(({ status }) => status);
  const guesses = Array.from({ length: 12 }, (_, index) => ask(`acs:${index}`));
  await until('three are checked', () => checked === 3);
  for (const one of release.splice(0)) one();
  const statuses = (await Promise.all(guesses)).toSorted((a, b) => a - b);
  assert.deepEqual(statuses, [401, 401, 401, ...Array<number>(9).fill(429)]);
  assert.equal(checked, 3);
});

test('an ACS that may ask is not slowed down by its own number of requests', async (t) => {
  const gate = await startGate(t, {
    allow: ['127.0.0.0/8'],
    access: { maxFailures: 3 },
    users: async ({ password }) => {
      await new Promise((resolve) => setImmediate(resolve));
      return password === 'secret';
    },
  });
  const target = '/client?origin=nonsense';
  const headers = basic('acs:secret');
  const answers = await Promise.all(Array.from({ length: 30 }, () => send({ port: gate.port, target, headers })));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([400]));
});

for (const mode of ['forward', 'relay'] as const) {
  test(`${mode}: a CPE that refuses an ACS too often does not keep it from another`, async (t) => {
    const refusing = await startDigestCpe(t, { username: 'cpe', password: 'another' });
    const healthy = await startDigestCpe(t, { username: 'cpe', password: 'secret' });
    const gate = await startGate(t, { allow: ['127.0.0.0/8'], access: { modes: [mode], maxFailures: 3 } });
    const ask = async ({ url }: { url: string }): Promise<number> => {
      const target = `/client?origin=${encodeURIComponent(url)}`;
      if (mode === 'forward') {
        return (await send({ port: gate.port, target, headers: basic('cpe:secret') })).status;
      }
      const { headers } = await send({ port: gate.port, target });
      const [asked] = parseChallenges(headers['www-authenticate'] ?? '');
      const challenge = asked && readDigestChallenge(asked);
      assert.ok(challenge !== undefined);
      const { pathname, search } = new URL(url);
      const answering = { username: 'cpe', password: 'secret', method: 'GET', uri: pathname + search };
      const authorization = answerDigest(challenge, answering);
      return (await send({ port: gate.port, target, headers: { authorization } })).status;
    };
    for (let count = 0; count < 3; count += 1) assert.equal(await ask(refusing), 401);
    assert.equal(await ask(refusing), 429);
    const elsewhere = { url: refusing.url.replace('0f3c', 'other') };
    assert.equal(await ask(elsewhere), 429, 'another path is the same CPE');
    assert.equal(await ask(healthy), 200);
  });
}

test('after close, what an ACS asks fails as a connection request, what a CPE sends as a message', async (t) => {
  const gate = await startGate(t, connectionRequests);
  const targets: string[] = [];
  gate.proxy.on('failure', ({ target }) => targets.push(target));
  await gate.proxy.close();
  const { port } = gate;
  assert.equal((await send({ port, target: '/client?origin=http://127.0.0.1:1' })).status, 503);
  assert.equal((await send({ port, method: 'POST', target: '/' })).status, 503);
  assert.deepEqual(targets, ['cpe', 'acs']);
});
