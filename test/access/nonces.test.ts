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
