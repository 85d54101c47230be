import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nonces } from '#core/access/nonces.js';
import fc from 'fast-check';

test('takes each count of a nonce once, in any order within the window behind the highest', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 120 }), (counts) => {
      const nonces = new Nonces({ window: 16 });
      const nonce = nonces.issue();
      const used = new Set<number>();
      let top = 0;
      for (const count of counts) {
        const expected = used.has(count) || count < top - 32 ? 'replayed' : 'fresh';
        assert.equal(nonces.use(nonce, count), expected, `${count} after ${[...used].join()}`);
        used.add(count);
        top = Math.max(top, count);
      }
    }),
  );
});

test('a nonce is 30 characters, each another', () => {
  const nonces = new Nonces();
  const issued = new Set(Array.from({ length: 1_000 }, () => nonces.issue()));
  assert.equal(issued.size, 1_000);
  for (const nonce of issued) assert.match(nonce, /^[\w-]{30}$/);
});

test('knows none that was forged, changed, or issued by another', () => {
  const nonces = new Nonces();
  const nonce = nonces.issue();
  const changed = (nonce.startsWith('A') ? 'B' : 'A') + nonce.slice(1);
  for (const forged of ['', 'abc', changed, `${nonce}A`, nonce.slice(1), new Nonces().issue(), 'A'.repeat(30)]) {
    assert.equal(nonces.use(forged, 1), 'unknown', forged);
    assert.equal(nonces.isOwn(forged), false);
  }
  assert.equal(nonces.use(nonce, 1), 'fresh');
});

test('a nonce is stale after its time, and once the window has gone past it, never good twice', () => {
  let now = 1_000_000;
  const nonces = new Nonces({ maxAgeMs: 10_000, window: 16, now: () => now });
  const old = nonces.issue();
  now += 10_001;
  assert.equal(nonces.use(old, 1), 'stale');
  const first = nonces.issue();
  assert.equal(nonces.use(first, 1), 'fresh');
  for (let issued = 0; issued < 15; issued += 1) nonces.issue();
  assert.equal(nonces.use(first, 1), 'replayed');
  nonces.issue();
  assert.equal(nonces.use(first, 2), 'stale');
});

test('a count of none, or that is no number, is never fresh', () => {
  const nonces = new Nonces();
  const nonce = nonces.issue();
  for (const count of [0, -1, Number.NaN, 1.5]) assert.equal(nonces.use(nonce, count), 'replayed');
});

/*
 * Seen: an ACS that answers each challenge on a new connection, behind a balancer, got 401 for ever. Cause: a nonce was good only at
 * the instance that gave it. Promise: with the same key it is good at each, each count once.
 */
test('a nonce of another instance with the same key is good, each count once', () => {
  let now = 1_000_000_000;
  const options = { key: 'a key of all instances', maxForeign: 4, now: () => now };
  const [here, there, stranger] = [
    new Nonces(options),
    new Nonces(options),
    new Nonces({ ...options, key: 'another key' }),
  ];
  const nonce = there.issue();
  assert.equal(here.isOwn(nonce), true);
  assert.equal(stranger.isOwn(nonce), false);
  assert.deepEqual(
    [1, 1, 3, 2, 2, 40, 7].map((count) => here.use(nonce, count)),
    ['fresh', 'replayed', 'fresh', 'fresh', 'replayed', 'fresh', 'replayed'],
  );
  assert.equal(stranger.use(nonce, 1), 'unknown');
  now += 60_001;
  assert.equal(here.use(nonce, 41), 'stale');
});

test('uses of nonces of another instance are remembered up to a maximum, and none is good twice', () => {
  let now = 1_000_000_000;
  const options = { key: 'a key of all instances', maxForeign: 4, now: () => now };
  const [here, there] = [new Nonces(options), new Nonces(options)];
  const nonces = Array.from({ length: 8 }, () => {
    now += 1_000;
    return there.issue();
  });
  for (const nonce of nonces) assert.equal(here.use(nonce, 1), 'fresh');
  for (const nonce of nonces) assert.notEqual(here.use(nonce, 1), 'fresh');
  now += 1_000;
  assert.equal(here.use(there.issue(), 1), 'fresh');
});

test('a nonce from far ahead of the clock is stale', () => {
  const [here, there] = [0, 3_600_000].map(
    (ahead) => new Nonces({ key: 'a key of all instances', now: () => 1e9 + ahead }),
  );
  assert.equal(here?.use(there?.issue() ?? '', 1), 'stale');
});
