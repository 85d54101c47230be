import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { InformRewriter, rewriteMessage, type CwmpMessage } from '@cwmp-proxy/core';
import { readCorpus } from '../helpers/corpus.js';

const { messages, skip } = readCorpus();
const rewriteUrl = (url: string): string => `http://proxy.example/client?origin=${url}`;

async function stream(chunks: Iterable<Uint8Array>): Promise<{ body: Buffer; message: CwmpMessage | undefined }> {
  const rewriter = new InformRewriter({ rewriteUrl });
  const parts: Buffer[] = [];
  let message: CwmpMessage | undefined;
  rewriter.on('message', (told) => {
    assert.equal(message, undefined);
    message = told;
  });
  await pipeline(Readable.from(chunks), rewriter, async (source: AsyncIterable<Buffer>) => {
    for await (const part of source) parts.push(part);
  });
  assert.equal(rewriter.message, message);
  return { body: Buffer.concat(parts), message };
}

test('streams each real message, byte by byte, to the same bytes and facts as in memory', { skip }, async () => {
  for (const { name, bytes } of messages) {
    const whole = rewriteMessage(bytes, { rewriteUrl });
    const streamed = await stream(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)));
    assert.equal(streamed.body.toString('latin1'), Buffer.from(whole.body).toString('latin1'), name);
    assert.equal(JSON.stringify(streamed.message), JSON.stringify(whole.message), name);
  }
});
