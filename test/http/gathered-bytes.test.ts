import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatheredBytes } from '#core/http/gathered-bytes.js';
import { Random } from '../helpers/random.js';

test('pieces of any length are held as one, in at most twice their length', () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const random = new Random(seed);
    const bytes = Buffer.from(Array.from({ length: random.int(20_000) }, () => random.int(256)));
    const gathered = new GatheredBytes(random.once(2) ? bytes.length : undefined);
    for (const piece of random.split(bytes, random.once(2) ? 5 : 500)) {
      gathered.append(piece);
      assert.ok(gathered.allocated <= 2 * gathered.length + 8_192, `seed ${seed}: ${gathered.allocated}`);
    }
    assert.equal(gathered.length, bytes.length);
    assert.deepEqual(gathered.take(), bytes, `seed ${seed}`);
    assert.equal(gathered.length, 0);
  }
});

test('a length that is known is not exceeded', () => {
  const gathered = new GatheredBytes(3_000);
  for (let count = 0; count < 3_000; count += 1) gathered.append(Buffer.of(count));
  assert.equal(gathered.allocated, 3_000);
});

test('a small piece does not keep the memory that it is a part of; a whole one is not copied', () => {
  const large = Buffer.alloc(65_536, 'x');
  const gathered = new GatheredBytes();
  gathered.append(large.subarray(100, 110));
  assert.ok(gathered.take().buffer.byteLength <= 512);
  gathered.append(large.subarray(0, 60_000));
  assert.equal(gathered.take().buffer, large.buffer);
});
