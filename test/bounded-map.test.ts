import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { BoundedMap } from '#core/bounded-map.js';

test('the oldest entry gives way, and one that is set again is the newest', () => {
  const map = new BoundedMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 3);
  map.set('c', 4);
  assert.deepEqual([map.get('a'), map.get('b'), map.get('c'), map.size], [3, undefined, 4, 2]);
  assert.deepEqual([map.oldestKey, map.oldest], ['a', 3]);
});

// A plain Map steps over each place of a deleted key to find its first one: with a table that was full once, each new key cost 87
// times as much. The list beside the map must say the same whatever was set and deleted in which order.
test('agrees with a plain map after any history', () => {
  const key = fc.integer({ min: 0, max: 9 });
  const steps = fc.array(fc.oneof(fc.record({ set: key }), fc.record({ delete: key })), { maxLength: 60 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 6 }), (history, maxEntries) => {
      const map = new BoundedMap<number, number>(maxEntries);
      const plain = new Map<number, number>();
      for (const [index, step] of history.entries()) {
        if ('delete' in step) {
          assert.equal(map.delete(step.delete), plain.delete(step.delete));
          continue;
        }
        map.set(step.set, index);
        plain.delete(step.set);
        plain.set(step.set, index);
        const [oldest] = plain.keys();
        if (plain.size > maxEntries && oldest !== undefined) plain.delete(oldest);
      }
      assert.deepEqual([...map.values()], [...plain.values()]);
      assert.equal(map.oldestKey, [...plain.keys()][0]);
      assert.equal(map.oldest, [...plain.values()][0]);
      assert.equal(map.size, plain.size);
    }),
  );
});

test('an entry may be deleted while the values are gone through', () => {
  const map = new BoundedMap<number, number>(Infinity);
  for (let at = 0; at < 5; at += 1) map.set(at, at);
  const seen: number[] = [];
  for (const value of map.values()) {
    seen.push(value);
    map.delete(value);
  }
  assert.deepEqual([seen, map.size], [[0, 1, 2, 3, 4], 0]);
});
