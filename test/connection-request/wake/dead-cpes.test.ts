import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpeCredentials, type CpeDouble, ok, startCpe } from '../../helpers/cpe-doubles/conversation.js';
import { held } from '../../helpers/cpe-doubles/scripted.js';
import { stacks } from '../../helpers/cpe-doubles/stacks.js';
import { basic, send, startGate } from '../../helpers/gate.js';
import { openWakes } from '../../helpers/open-wakes.js';
import { until } from '../../helpers/until.js';

/*
 * Seen: 256 CPEs that hung held all turns until their time was over, and no live CPE was woken meanwhile. Cause: a wake had its turn
 * from its first packet to its end. Promise: a turn is for a CPE that answers.
 */

const challenge =
  'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="CPE", qop="auth", nonce="n"\r\nContent-Length: 0\r\n\r\n';
const live = stacks.find(({ name }) => name === 'RDK-B') ?? assert.fail('no such double');

const count = 300;

/** CPEs that say this to the first request of each connection, and nothing after that. */
const dying = (answer = ''): CpeDouble => ({
  name: 'dying',
  path: '/',
  async serve(talk) {
    await talk.head();
    talk.write(answer);
    await talk.gone();
  },
});

for (const [name, answer, scheme] of [
  ['that accept and say nothing', '', 'http:'],
  ['that challenge and say no more', challenge, 'http:'],
  ['that never come to be connected', '', 'https:'],
] as const) {
  test(`${count} dead CPEs ${name} keep no live one waiting`, async (t) => {
    const dead = await startCpe(t, dying(answer));
    const cpe = await startCpe(t, live);
    const wakes = openWakes(t);
    const ended: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const url = dead.url.replace('http:', scheme) + String(index);
      void wakes.wake(url, { timeoutMs: 300_000 }).then(({ outcome }) => ended.push(outcome));
    }
    const result = await wakes.wake(cpe.url, { timeoutMs: 120_000 });
    assert.equal(result.outcome, 'accepted', JSON.stringify(result));
    assert.deepEqual(ended, [], 'they go on');
  });
}

/*
 * Seen: a wake that had waited for its turn until its time was over was told to the ACS as a CPE that was too slow with its answer
 * (`connection_read_timeout`), though it had got no packet. Promise: it is overloaded, by a limit of the proxy.
 */
test('a CPE that was never dialled is not told of as one that is too slow', async (t) => {
  const gate = await startGate(
    t,
    { allow: ['127.0.0.0/8'], users: { acs: 'secret' }, timeoutMs: 40 },
    { limits: { maxConnecting: 1, maxWakes: 1 } },
  );
  const dead = await startCpe(t, dying());
  const cpe = await startCpe(t, live);
  const last: unknown[] = [];
  gate.proxy.on('wake', ({ legs, address, outcome }) => last.push([outcome, legs.at(-1)?.what, address]));
  const going = gate.proxy.wakeCpe(dead.url.replace('http:', 'https:'), { timeoutMs: 60_000 });
  const answer = await send({
    port: gate.port,
    target: `/client?origin=${cpe.url}`,
    headers: basic('acs:secret'),
  });
  assert.equal(answer.status, 503);
  assert.equal(answer.body, 'overloaded\n');
  assert.match(String(answer.headers['proxy-status']), /error=connection_limit_reached/);
  assert.deepEqual(last, [['overloaded', 'turn', undefined]]);
  assert.equal(cpe.state.connections, 0);
  await gate.proxy.close();
  assert.equal((await going).outcome, 'aborted');
});

test('a CPE that is slow loses its turn while others wait, and is woken all the same', async (t) => {
  const double = held();
  const slow = await startCpe(t, double);
  const cpe = await startCpe(t, live);
  const wakes = openWakes(t, { limits: { maxWakes: 1 } });
  const first = wakes.wake(slow.url, { timeoutMs: 60_000 });
  await double.asked;
  assert.equal((await wakes.wake(cpe.url, { timeoutMs: 120_000 })).outcome, 'accepted');
  double.release(ok);
  const result = await first;
  assert.equal(result.outcome, 'accepted', JSON.stringify(result));
  assert.equal(slow.state.requests.length, 1);
});

test('a CPE that answers after it has lost its turn gets one again for the answer to its challenge', async (t) => {
  const wakes = openWakes(t, { limits: { maxWakes: 1 } });
  const double = held();
  const slow = await startCpe(t, {
    ...double,
    async serve(talk, state) {
      state.requests.push((await talk.head()) ?? '');
      await until('it has lost its turn', () => other.state.woken === 1);
      talk.write(challenge);
      state.requests.push((await talk.head()) ?? '');
      talk.write(ok);
    },
  });
  const other = await startCpe(t, live);
  const first = wakes.wake(slow.url, { timeoutMs: 60_000 });
  await until('it is asked', () => slow.state.requests.length === 1);
  assert.equal((await wakes.wake(other.url, { timeoutMs: 120_000 })).outcome, 'accepted');
  const result = await first;
  assert.equal(result.outcome, 'accepted', JSON.stringify(result));
  assert.equal(slow.state.requests.length, 2);
});

test('where all are silent, the one that has been for longest makes room for a new one, and is told so', async (t) => {
  const dead = await startCpe(t, dying());
  const cpe = await startCpe(t, live);
  const wakes = openWakes(t, { limits: { maxConnecting: 2, maxWakes: 1 } });
  const secure = dead.url.replace('http:', 'https:');
  const first = wakes.wake(`${secure}1`, { timeoutMs: 60_000 });
  await until('the first is dialled', () => dead.state.connections === 1);
  const second = wakes.wake(`${secure}2`, { timeoutMs: 60_000 });
  await until('the second is dialled', () => dead.state.connections === 2);
  const result = await wakes.wake(cpe.url, { timeoutMs: 120_000 });
  assert.equal(result.outcome, 'accepted', JSON.stringify(result));
  const { outcome, legs } = await first;
  assert.equal(outcome, 'overloaded');
  assert.deepEqual(
    legs.map(({ what, error }) => `${what} ${error}`),
    ['connect overloaded', 'turn overloaded'],
  );
  wakes.close();
  assert.equal((await second).outcome, 'aborted');
});

test('as many wakes as may wait are told as a limit that was reached', async (t) => {
  const double = held();
  const cpe = await startCpe(t, double);
  const wakes = openWakes(t, { maxPending: 1, credentials: cpeCredentials });
  const first = wakes.wake(cpe.url);
  const { outcome, legs } = await wakes.wake(cpe.url);
  assert.equal(outcome, 'overloaded');
  assert.deepEqual(
    legs.map(({ what, error }) => `${what} ${error}`),
    ['turn overloaded'],
  );
  double.release(ok);
  await first;
});

/*
 * Seen: of 3,000 wakes at once the first was over after 1 s on a busy machine, and most came too late together. Cause: all were dialled
 * before any went on. Promise: what is under way goes on before more is begun.
 */
test('of a crowd of wakes the first are over before the last are dialled', async (t) => {
  const cpe = await startCpe(t, dying(ok));
  let dialled = 0;
  const wakes = openWakes(t, {
    onAsk: () => {
      dialled += 1;
    },
  });
  const all = Array.from({ length: 500 }, (_, index) => wakes.wake(cpe.url + String(index), { timeoutMs: 120_000 }));
  await Promise.race(all);
  assert.ok(dialled < all.length, `${dialled} are dialled`);
  const outcomes = await Promise.all(all.map(async (wake) => (await wake).outcome));
  assert.deepEqual([...new Set(outcomes)], ['accepted']);
});
