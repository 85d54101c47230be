import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { InformRewriter, rewriteMessage, type CwmpMessage } from '@cwmp-proxy/core';
import { readCorpus } from '../../helpers/corpus.js';

const { messages, skip } = readCorpus();
const rewriteUrl = (url: string): string => `http://proxy.example/client?origin=${url}`;

async function stream(chunks: Iterable<Uint8Array>): Promise<{ body: Buffer; message: CwmpMessage | undefined }> {
  const rewriter = new InformRewriter({ rewriteUrl });
  const parts: Buffer[] = [];
  let message: CwmpMessage | undefined;
  rewriter.on('message', (told: CwmpMessage) => {
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

const value = 'http://192.0.2.1/';
const before = '<Inform><ParameterValueStruct><Name>Device.ManagementServer.ConnectionRequestURL</Name><Value>';
const after = '</Value></ParameterValueStruct>';

/** Resolves when the piece was read, and what leaves with it has left. */
async function write(rewriter: InformRewriter, piece: string): Promise<void> {
  await new Promise((resolve) => {
    rewriter.write(piece, resolve);
  });
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** What has left after each of the pieces. */
async function leaving(...pieces: string[]): Promise<string[]> {
  const rewriter = new InformRewriter({ rewriteUrl });
  let left = '';
  rewriter.on('data', (part: Buffer) => {
    left += part.toString();
  });
  const lefts: string[] = [];
  for (const piece of pieces) {
    await write(rewriter, piece);
    lefts.push(left);
    left = '';
  }
  return lefts;
}

test('lets everything leave at once but a value that may be replaced', async () => {
  assert.deepEqual(await leaving('<Envelope><Bo', 'dy>', `${before}htt`, 'p://h/', after), [
    '<Envelope><Bo',
    'dy>',
    before,
    '',
    `${rewriteUrl('http://h/')}${after}`,
  ]);
  const other = before.replace('URL', 'URI');
  assert.deepEqual(await leaving(`${other}htt`, 'p://h/'), [`${other}htt`, 'p://h/']);
});

test('holds a value back that stands before its name until that has ended', async () => {
  const struct = '<Inform><ParameterValueStruct><Value>';
  const name = '</Value><Name>Device.ManagementServer.ConnectionRequestURL';
  const left = await leaving(`${struct}${value}`, name, '</Name>', '!');
  assert.deepEqual(left, [struct, '', `${rewriteUrl(value)}${name}</Name>`, '!']);
  assert.deepEqual(await leaving(`${struct}${value}`, '</Value><Name>A', '</Name>'), [
    struct,
    '',
    `${value}</Value><Name>A</Name>`,
  ]);
});

test('lets go of a value that is too long', async () => {
  const long = 'x'.repeat(50_000);
  assert.deepEqual(await leaving(`${before}http://`, long, 'y', after), [before, `http://${long}`, 'y', after]);
});

test('ends with what rewriteUrl throws', async () => {
  const rewriter = new InformRewriter({
    rewriteUrl: () => {
      throw new Error('not today');
    },
  });
  await assert.rejects(pipeline(Readable.from([Buffer.from(before + value + after)]), rewriter.resume()), /not today/);
});

test('knows what a message was while it still streams', async () => {
  const rewriter = new InformRewriter({ rewriteUrl });
  rewriter.resume();
  await write(rewriter, `<Envelope><Body>${before}${value}${after}`);
  assert.equal(rewriter.message.method, 'Inform');
  assert.equal(rewriter.message.outcome, 'rewritten');
});
