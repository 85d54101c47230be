import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { GuessLimiter } from '#core/access/guess-limiter.js';
import { CwmpProxyError } from '@cwmp-proxy/core';
import { createHtpasswdChecker } from '#core/access/htpasswd.js';
import { type Asker, rememberVerified } from '#core/access/verified-pairs.js';

function fileWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'gate-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'htpasswd');
  writeFileSync(file, text);
  return file;
}

const asker: Asker = { group: '127.0.0.1', signal: undefined, isProven: false };

/** bcrypt of `secret` with cost 10: some 70 ms of CPU. */
const bcrypt = '$2b$10$5yAft/r8KZCYs0s0wxEDiuOixNkfQJrZ63GbFaF0iLv7M3P6KqKeC';

test('bcrypt runs on a thread of its own, and never twice for a pair that has passed', async (t) => {
  const { check, close } = createHtpasswdChecker(fileWith(t, `acs:${bcrypt}\n`), 'file');
  t.after(close);
  assert.equal(await check({ username: 'acs', password: 'wrong' }, asker), false, 'the thread has started');
  const usage = process.cpuUsage();
  let turns = 0;
  let done = false;
  const turn = (): void => {
    turns += 1;
    if (!done) setImmediate(turn);
  };
  turn();
  const pair = { username: 'acs', password: 'secret' };
  const answers = await Promise.all(Array.from({ length: 50 }, async () => check(pair, asker)));
  assert.deepEqual(new Set(answers), new Set([true]));
  const { user } = process.cpuUsage(usage);
  assert.ok(user < 50 * 70_000 * 0.5, `50 checks of a pair cost ${user} µs of CPU, one 70 000`);
  done = true;
  assert.ok(turns > 20, `the event loop made ${turns} turns meanwhile`);
  assert.equal(check(pair, asker), true, 'remembered');
});

test('an unknown user, an empty password and an endless one are refused', async (t) => {
  const { check, close } = createHtpasswdChecker(fileWith(t, `acs:${bcrypt}\n`), 'file');
  t.after(close);
  for (const pair of [
    { username: 'nobody', password: 'secret' },
    { username: 'acs', password: '' },
    { username: 'acs', password: bcrypt },
    { username: 'acs', password: 'x'.repeat(2_000) },
  ]) {
    assert.equal(await check(pair, asker), false);
  }
});

test('after the end, pairs are refused', async (t) => {
  const { check, close } = createHtpasswdChecker(fileWith(t, `acs:${bcrypt}\n`), 'file');
  const running = check({ username: 'acs', password: 'secret' }, asker);
  await close();
  assert.equal(await running, false);
  assert.equal(await check({ username: 'acs', password: 'secret' }, asker), false);
});

for (const line of ['acs:secret', 'acs:rl.3StKT.4T8M', 'acs', 'acs:$2y$31$x', ':{SHA}x', 'acs:$5$abc$def', '']) {
  test(`refuses a file with ${JSON.stringify(line)}: http-auth would compare what it does not know as plain text`, (t) => {
    const file = fileWith(t, `${line}\n`);
    assert.throws(() => createHtpasswdChecker(file, 'access.htpasswd'), {
      code: 'ERR_CWMP_OPTION',
      message: /^access\.htpasswd: /,
    });
  });
}

test('a pair that passed is remembered for a minute, one that was refused is not', async () => {
  let now = 0;
  const asked: string[] = [];
  const check = rememberVerified(
    ({ password }) => {
      asked.push(password);
      return Promise.resolve(password === 'right');
    },
    () => now,
  );
  const right = { username: 'acs', password: 'right' };
  const wrong = { username: 'acs', password: 'wrong' };
  for (const pair of [right, right, wrong, wrong]) await check(pair, asker);
  assert.deepEqual(asked, ['right', 'wrong', 'wrong']);
  now = 60_001;
  await check(right, asker);
  assert.equal(asked.length, 4);
  for (let user = 0; user < 1_000; user += 1) await check({ username: String(user), password: 'right' }, asker);
  await check(right, asker);
  assert.equal(asked.length, 4 + 1_001, 'a thousand are remembered, the oldest goes first');
});

test('addresses that fail are counted apart, in a table of bounded size', () => {
  const limiter = new GuessLimiter({ maxFailures: 2, maxAddresses: 100 });
  limiter.failed('10.0.0.1');
  assert.equal(limiter.secondsToWait('10.0.0.1'), 0);
  limiter.failed('10.0.0.1');
  assert.ok(limiter.secondsToWait('10.0.0.1') > 0);
  assert.equal(limiter.secondsToWait('10.0.0.2'), 0);
  for (let address = 0; address < 1_000; address += 1) limiter.failed(`10.1.${address}`);
  assert.equal(limiter.size, 100);
});

/*
 * Seen: a stranger who hung up eighty times made right passwords wrong for eleven seconds: its checks were computed all the same, and
 * a full queue refused whoever came. Promise: a check whose asker has left is dropped, a full queue is no answer, and what has passed
 * before goes first.
 */
test('checks whose askers have left are dropped, and no more wait for one asker than its share', async (t) => {
  const { check, close } = createHtpasswdChecker(fileWith(t, `acs:${bcrypt}\n`), 'file');
  t.after(close);
  const left = new AbortController();
  const stranger: Asker = { group: '192.0.2.1', signal: left.signal, isProven: false };
  const guesses = Array.from({ length: 80 }, async (_, index) =>
    check({ username: 'acs', password: String(index) }, stranger),
  );
  const outcomes = Promise.allSettled(guesses);
  await new Promise((resolve) => setImmediate(resolve));
  left.abort();
  assert.equal(await check({ username: 'acs', password: 'secret' }, asker), true);
  const codes = (await outcomes).map((outcome) =>
    outcome.status === 'fulfilled' ? outcome.value : outcome.reason instanceof CwmpProxyError && outcome.reason.code,
  );
  assert.ok(codes.filter((code) => code === false).length <= 1, 'at most the one that ran was computed');
  assert.ok(codes.includes('ERR_CWMP_USERS_UNAVAILABLE'), 'what goes beyond the share of one asker cannot be told');
});

test('who has failed often is not forgotten for those who fail once, nor is one name for others of its address', () => {
  const limiter = new GuessLimiter();
  for (let count = 0; count < 20; count += 1) {
    limiter.failed('user-and-address');
    limiter.failed('10.0.0.1 victim');
  }
  for (let other = 0; other < 20_000; other += 1) limiter.failed(`other-${other}`);
  assert.ok(limiter.secondsToWait('user-and-address') > 0);
  for (let other = 0; other < 400; other += 1) limiter.failed(`10.0.0.1 ${other}`);
  assert.ok(limiter.secondsToWait('10.0.0.1 victim') > 0);
  assert.equal(limiter.secondsToWait('10.0.0.1 fresh'), 0);
  assert.equal(limiter.size, 10_000);
});

test('names of one address push out the counts of no other address, and have a limit together', () => {
  const limiter = new GuessLimiter({ maxFailures: 2, maxAddresses: 100 });
  for (let count = 0; count < 2; count += 1) limiter.failed('10.0.0.1 victim');
  for (let name = 0; name < 10_000; name += 1) limiter.failed(`10.0.0.9 ${name}`);
  assert.ok(limiter.secondsToWait('10.0.0.1 victim') > 0);
  assert.equal(limiter.secondsToWait('10.0.0.1 other'), 0);
  assert.ok(limiter.secondsToWait('10.0.0.9 fresh') > 0);
  assert.equal(limiter.size, 2);
});
