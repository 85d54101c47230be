import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CwmpProxyError } from '@cwmp-proxy/core';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { type CpeDouble, field, startCpe } from '../helpers/cpe-doubles/conversation.js';
import { basic, send, split, startDigestCpe, startGate } from '../helpers/gate.js';
import { until } from '../helpers/until.js';

// Whoever guesses at a secret gets no further at once than one after the other; whoever does not guess is not counted.

const allow = ['127.0.0.0/8'];
const answer = (nonce: string) => ({
  authorization: `Digest username="a", realm="r", nonce="${nonce}", uri="/", response="${'0'.repeat(32)}"`,
});

/** A CPE that says this to every answer, on a connection that it closes. */
const refusing = (status: string): CpeDouble & { answers: number } => ({
  name: status,
  path: '/',
  answers: 0,
  async serve(talk) {
    const head = (await talk.head()) ?? '';
    if (field(head, 'Authorization') !== undefined) this.answers += 1;
    talk.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  },
});

test('relay: of many answers at once no more reach the CPE than may be wrong', async (t) => {
  const cpe = await startDigestCpe(t, { username: 'a', password: 'b' });
  const gate = await startGate(t, { allow, access: { modes: ['relay'], maxFailures: 4 } });
  const { target } = split(await gate.proxied(cpe.url));
  const guesses = [...Array(20).keys()].map((n) => send({ port: gate.port, target, headers: answer(`${n}`) }));
  const statuses = (await Promise.all(guesses)).map(({ status }) => status);
  assert.equal(cpe.requests, 4);
  assert.deepEqual(
    statuses.filter((status) => status !== 429),
    [401, 401, 401, 401],
  );
});

test('forward: of many pairs at once no more are tried at the CPE than may be wrong', async (t) => {
  const cpe = await startDigestCpe(t, { username: 'a', password: 'b' });
  const gate = await startGate(t, { allow, access: { modes: ['forward'], maxFailures: 4 } });
  const { target } = split(await gate.proxied(cpe.url));
  const guesses = [...Array(20).keys()].map((n) => send({ port: gate.port, target, headers: basic(`a:${n}`) }));
  const statuses = (await Promise.all(guesses)).map(({ status }) => status);
  assert.equal(cpe.requests, 8, 'two legs each');
  assert.deepEqual(
    statuses.filter((status) => status !== 429),
    [401, 401, 401, 401],
  );
});

for (const status of ['403 Forbidden', '401 Unauthorized']) {
  test(`relay: an answer that the CPE refuses with ${status} and no challenge is counted`, async (t) => {
    const double = refusing(status);
    const cpe = await startCpe(t, double);
    const gate = await startGate(t, { allow, access: { modes: ['relay'], maxFailures: 2 } });
    const { target } = split(await gate.proxied(cpe.url));
    const statuses: number[] = [];
    for (const nonce of ['1', '2', '3']) {
      statuses.push((await send({ port: gate.port, target, headers: answer(nonce) })).status);
    }
    assert.deepEqual(statuses, [502, 502, 429]);
    assert.equal(double.answers, 2);
  });
}

test('a users function that hangs holds up those who ask after only until those before them have left', async (t) => {
  const credentials = { username: 'a', password: 'b' };
  const cpe = await startDigestCpe(t, credentials);
  let asked = 0;
  let isAway = true;
  const users = (): Promise<boolean> => {
    asked += 1;
    return isAway ? new Promise(() => undefined) : Promise.resolve(true);
  };
  const gate = await startGate(t, { allow, users, credentials, access: { maxFailures: 2 } });
  const { target } = split(await gate.proxied(cpe.url));
  const waiting = await Promise.all([1, 2, 3].map(() => RawConnection.open(gate.port)));
  for (const [index, one] of waiting.entries()) {
    one.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nAuthorization: ${basic(`acs:${index}`).authorization}\r\n\r\n`);
  }
  await until('two are being checked', () => asked === 2);
  isAway = false;
  for (const one of waiting) one.socket.destroy();
  assert.equal((await send({ port: gate.port, target, headers: basic('acs:x') })).status, 200);
  assert.equal(cpe.wakes, 1);
});

test("a users function that fails is told of, and is nobody's guess", async (t) => {
  const credentials = { username: 'a', password: 'b' };
  const cpe = await startDigestCpe(t, credentials);
  let isAway = true;
  const users = (): Promise<boolean> => (isAway ? Promise.reject(new Error('database down')) : Promise.resolve(true));
  const gate = await startGate(t, { allow, users, credentials, access: { maxFailures: 2 } });
  const failures: CwmpProxyError[] = [];
  gate.proxy.on('failure', ({ error }) => failures.push(error));
  const { target } = split(await gate.proxied(cpe.url));
  const ask = async () => (await send({ port: gate.port, target, headers: basic('acs:x') })).status;
  assert.deepEqual([await ask(), await ask(), await ask()], [503, 503, 503]);
  assert.equal(failures[0]?.code, 'ERR_CWMP_USERS_UNAVAILABLE');
  assert.deepEqual(failures[0].cause, new Error('database down'));
  isAway = false;
  assert.equal(await ask(), 200);
});

test('credentials in a scheme that is not asked for test no secret, and are not counted', async (t) => {
  const gate = await startGate(t, { allow, users: { acs: 'secret' }, access: { modes: ['digest'], maxFailures: 1 } });
  const { target } = split(await gate.proxied('http://127.0.0.1:1/'));
  for (const headers of [basic('acs:secret'), { authorization: 'Bearer x' }, basic('acs:guess')]) {
    assert.equal((await send({ port: gate.port, target, headers })).status, 401);
  }
});

/*
 * Seen: a thousand right answers at once were checked twenty at a time, because each could have been a guess. Promise: equal pairs are
 * one guess, and a pair that has passed waits for nobody's guesses.
 */
test('right answers wait for nobody else: equal pairs are checked together, and one that has passed is not held up', async (t) => {
  const release: (() => void)[] = [];
  let asked = 0;
  const users = async ({ password }: { password: string }): Promise<boolean> => {
    asked += 1;
    await new Promise<void>((resolve) => release.push(resolve));
    return password === 'right';
  };
  const gate = await startGate(t, { allow, users, access: { maxFailures: 2 } });
  const target = '/client?origin=http://10.0.0.1:7547/';
  const sent = new Set<Promise<number>>();
  const ask = (pair: string): void =>
    void sent.add(send({ port: gate.port, target, headers: basic(pair) }).then(({ status }) => status));
  const answered = async (): Promise<Set<number>> => {
    const all = Promise.all(sent);
    let isOver = false;
    void all.finally(() => (isOver = true));
    await until('all are answered', () => {
      for (const one of release.splice(0)) one();
      return isOver;
    });
    sent.clear();
    return new Set(await all);
  };
  for (let count = 0; count < 100; count += 1) ask('acs:right');
  await until('one is checked', () => asked > 0);
  assert.deepEqual(await answered(), new Set([403]), 'let in, and the target is outside of allow');
  assert.ok(asked < 100, `${asked} checks of 100 equal pairs`);
  // Guesses take all places of the address.
  asked = 0;
  for (const password of ['a', 'b', 'c']) ask(`acs:${password}`);
  await until('two guesses are being checked', () => asked === 2);
  ask('acs:right');
  await until('the pair that has passed is checked beside them', () => asked === 3);
  assert.deepEqual(await answered(), new Set([401, 403, 429]));
});
