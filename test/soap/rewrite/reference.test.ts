import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rewriteMessage, type CwmpMessage } from '@cwmp-proxy/core';
import { generateMessage } from '../../helpers/message-generator.js';
import { Random } from '../../helpers/random.js';
import { referenceRewrite } from '../../helpers/reference-rewriter.js';
import { factsOf, rewritePieces, rewriteUrl, singleBytes } from '../../helpers/rewriting.js';

const seeds = { from: 1, count: Number(process.env['CWMP_GENERATED'] ?? 20_000) };

/** Without what is undefined, which JSON leaves out too. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

test(`agrees with a naive reference on ${seeds.count} generated messages, whole, byte by byte and split`, () => {
  const tally = new Map<string, number>();
  for (let seed = seeds.from; seed < seeds.from + seeds.count; seed += 1) {
    const { bytes, contentType } = generateMessage(seed);
    const expected = referenceRewrite(bytes, rewriteUrl, contentType);
    const key = `${expected.outcome} ${expected.reason ?? ''}`;
    tally.set(key, (tally.get(key) ?? 0) + 1);
    const whole = rewriteMessage(bytes, { rewriteUrl, contentType });
    const runs: [string, string, CwmpMessage][] = [
      ['whole', Buffer.from(whole.body).toString('latin1'), whole.message],
    ];
    const split = rewritePieces(new Random(seed).split(bytes, 6), contentType);
    runs.push(['split', split.body, split.message]);
    const single = rewritePieces(singleBytes(bytes), contentType);
    runs.push(['byte by byte', single.body, single.message]);
    for (const [how, body, message] of runs) {
      const where = `seed ${seed}, ${how}`;
      assert.equal(body, expected.body, where);
      assert.deepEqual(plain(message.urls), plain(expected.urls), where);
      assert.deepEqual([message.outcome, message.reason], [expected.outcome, expected.reason], where);
      assert.deepEqual(plain(factsOf(message)), plain(expected.facts), where);
    }
    if (whole.message.outcome !== 'rewritten') assert.equal(whole.body, bytes);
  }
  // Each way it can go was among them.
  for (const key of [
    'rewritten ',
    'none ',
    'unchanged kept',
    'unchanged doctype',
    'unchanged utf-16',
    'unchanged empty',
  ]) {
    assert.ok((tally.get(key) ?? 0) > 20, `${key}: ${JSON.stringify([...tally])}`);
  }
});
