import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rewriteMessage, type CwmpMessage } from '@cwmp-proxy/core';
import { body, found, inform, left, struct, url, urlName, withValue, type Case } from '../../helpers/rewrite-cases.js';
import { rewritePieces, rewriteUrl, singleBytes } from '../../helpers/rewriting.js';

function unmarked(xml: string): Buffer {
  return Buffer.from(xml.replaceAll(/[⟦⟧]/g, ''), 'latin1');
}

function expectedBody({ xml, url: original, around: [lead, tail] = ['', ''] }: Case): string {
  const escaped = (rewriteUrl(original ?? '') ?? '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('é', '&#xe9;')
    .replaceAll('中', '&#x4e2d;');
  return xml.replace(/⟦[^]*⟧/, () => lead + escaped + tail);
}

function check(message: CwmpMessage, { url: original, outcome, reason }: Case, rewritten: boolean): void {
  assert.deepEqual(
    message.urls,
    original === undefined ? [] : [{ original, rewritten: rewritten ? rewriteUrl(original) : undefined }],
  );
  assert.equal(message.outcome, rewritten ? 'rewritten' : (outcome ?? 'unchanged'));
  assert.equal(message.reason, reason);
}

/** Whole, byte by byte, and split at each place (at each 50th of a long one). */
function checkEachWay(example: Case, bytes: Buffer, expected: string, rewritten: boolean): void {
  const runs = [rewritePieces([bytes], example.contentType), rewritePieces(singleBytes(bytes), example.contentType)];
  for (let at = 1; at < bytes.length; at += bytes.length > 5000 ? 50 : 1) {
    runs.push(rewritePieces([bytes.subarray(0, at), bytes.subarray(at)], example.contentType));
  }
  for (const { body: output, message } of runs) {
    assert.equal(output, expected);
    check(message, example, rewritten);
  }
}

test('rewrites the URL and no other byte', async (t) => {
  for (const example of found) {
    await t.test(example.name, () => {
      const bytes = unmarked(example.xml);
      const expected = expectedBody(example);
      const { body: output, message } = rewriteMessage(bytes, { rewriteUrl, contentType: example.contentType });
      assert.equal(Buffer.from(output).toString('latin1'), expected);
      check(message, example, true);
      checkEachWay(example, bytes, expected, true);
    });
  }
});

test('leaves a message as it came, the very same object', async (t) => {
  for (const example of left) {
    await t.test(example.name, () => {
      const bytes = unmarked(example.xml);
      const { body: output, message } = rewriteMessage(bytes, { rewriteUrl });
      assert.equal(output, bytes);
      check(message, example, false);
      checkEachWay(example, bytes, bytes.toString('latin1'), false);
    });
  }
});

test('rewrites every occurrence', () => {
  const one = struct(urlName, url);
  const bytes = Buffer.from(inform(one + struct('A', url) + one) + body(`<Inform>${one}</Inform>`));
  const { body: output, message } = rewriteMessage(bytes, { rewriteUrl: () => 'X' });
  assert.equal(message.urls.length, 3);
  assert.equal(
    Buffer.from(output).toString(),
    bytes
      .toString()
      .replaceAll(
        `<Name>${urlName}</Name><Value xsi:type="xsd:string">${url}<`,
        `<Name>${urlName}</Name><Value xsi:type="xsd:string">X<`,
      ),
  );
});

test('takes any Uint8Array and hands the same one back', () => {
  const bytes = new Uint8Array(unmarked(withValue('⟦⟧')));
  assert.equal(rewriteMessage(bytes, { rewriteUrl }).body, bytes);
  assert.equal(rewriteMessage(new Uint8Array(), { rewriteUrl }).message.outcome, 'none');
});

test('lets an error of rewriteUrl through to its caller', () => {
  const failing = (): never => {
    throw new Error('not today');
  };
  assert.throws(() => rewriteMessage(unmarked(withValue(url)), { rewriteUrl: failing }), /not today/);
});
