import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rewriteMessage } from '@cwmp-proxy/core';
import { readCorpus } from '../helpers/corpus.js';

const { messages, skip } = readCorpus();
const rewriteUrl = (url: string): string => `http://proxy.example/client?origin=${url}`;

test('rewrites the URL of each real message and no other byte', { skip }, async (t) => {
  for (const { name, bytes, raw, url } of messages) {
    await t.test(name, () => {
      const { body, message } = rewriteMessage(bytes, { rewriteUrl });
      if (raw === undefined || url === undefined) {
        assert.equal(body, bytes);
        assert.deepEqual(
          message.urls.filter((found) => found.rewritten !== undefined),
          [],
        );
        return;
      }
      assert.equal(message.outcome, 'rewritten');
      for (const found of message.urls) assert.deepEqual(found, { original: url, rewritten: rewriteUrl(url) });
      const pieces = Buffer.from(body).toString('latin1').split(rewriteUrl(raw).replaceAll('&', '&amp;'));
      assert.equal(pieces.length, message.urls.length + 1);
      assert.equal(pieces.join(raw), bytes.toString('latin1'));
    });
  }
});

test('says which method each real message is of', { skip }, () => {
  for (const { name, bytes, method, malformed } of messages) {
    if (malformed) continue;
    const { message } = rewriteMessage(bytes, { rewriteUrl });
    assert.equal(message.method, method, name);
    assert.equal(message.isInform, method === 'Inform', name);
  }
});
