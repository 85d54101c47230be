import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rewriteMessage, type CwmpMessage } from '@cwmp-proxy/core';
import { MessageRewriter } from '#core/soap/message-rewriter.js';
import { generateMessage } from '../helpers/message-generator.js';
import { Random } from '../helpers/random.js';
import { referenceRewrite } from '../helpers/reference-rewriter.js';

const seeds = { from: 1, count: Number(process.env['CWMP_GENERATED'] ?? 20_000) };

function rewriteUrl(url: string): string | undefined {
  return url.startsWith('http://own.example/') ? undefined : `http://own.example/client?origin=${url}&x=<\u00e9>`;
}

function inPieces(pieces: Iterable<Buffer>, contentType: string | undefined): { body: string; message: CwmpMessage } {
  const rewriter = new MessageRewriter({ rewriteUrl, contentType });
  const parts: Buffer[] = [];
  for (const piece of pieces) parts.push(...rewriter.push(piece));
  parts.push(...rewriter.end());
  return { body: Buffer.concat(parts).toString('latin1'), message: rewriter.message() };
}

function factsOf(message: CwmpMessage): Record<string, unknown> {
  const { method, id, namespaceVersion, device, events, retryCount, currentTime, sessionTimeout, faultCode } = message;
  return { method, id, namespaceVersion, device, events, retryCount, currentTime, sessionTimeout, faultCode };
}

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
    const split = inPieces(new Random(seed).split(bytes, 6), contentType);
    runs.push(['split', split.body, split.message]);
    if (bytes.length < 8192) {
      const single = inPieces(
        bytes
          .toString('latin1')
          .split('')
          .map((byte) => Buffer.from(byte, 'latin1')),
        contentType,
      );
      runs.push(['byte by byte', single.body, single.message]);
    }
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
