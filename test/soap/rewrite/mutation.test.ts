import assert from 'node:assert/strict';
import { test } from 'node:test';
import { informBody, valuesBody } from '../../bench/rewrite/bodies.js';
import { runMutations } from '../../helpers/mutation-run.js';

const count = Number(process.env['CWMP_MUTATED'] ?? 8000);

test(`passes ${count} mutated messages without a throw and changes nothing but reported values`, async () => {
  const bases = [informBody(14, 5), informBody(3, 2), informBody(1, 0), valuesBody(4000, 0.5), valuesBody(2000)];
  const tally = await runMutations(1, count, bases);
  assert.equal(tally.messages, count);
  for (const outcome of ['rewritten', 'none', 'unchanged'])
    assert.ok((tally.outcomes[outcome] ?? 0) > count / 50, outcome);
});
