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
  for (const one of waiting) {
    one.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nAuthorization: ${basic('acs:x').authorization}\r\n\r\n`);
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
  assert.deepEqual([await ask(), await ask(), await ask()], [500, 500, 500]);
  assert.equal(failures[0]?.code, 'ERR_CWMP_INTERNAL');
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
