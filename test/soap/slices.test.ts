import assert from 'node:assert/strict';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import { InformRewriter } from '@cwmp-proxy/core';
import type { EncodedRewriteOptions } from '#core/soap/coding/content-coding.js';
import { rewriteEncodedMessage } from '#core/soap/coding/rewrite-body.js';
import { informBody, valuesBody } from '../bench/rewrite/bodies.js';
import { collectGarbage } from '../helpers/memory-run.js';
import { rewritePieces, rewriteUrl } from '../helpers/rewriting.js';

// 64.5 KB of gzip that become 5.9 MB of Names full of "é&lt;" held the event loop for 22 to 54 s: all that was decoded was read in
// one turn, and each piece of a text that was not valid in its charset cost an error. Long work is done in slices: other callbacks
// of the loop run between them.

/** Names, of 16 KB each, full of what has to be decoded. */
function hostileBody(bytes: number): Buffer {
  const name = `<Name>${'\u00e9&lt;'.repeat(3_200)}</Name><Value>x</Value>`;
  const struct = `<ParameterValueStruct>${name}</ParameterValueStruct>`;
  const structs = struct.repeat(Math.ceil(bytes / struct.length));
  const text = `<Envelope><Body><Inform>${structs}</Inform></Body></Envelope><!--ConnectionRequestURL-->`;
  return Buffer.from(text, 'latin1');
}

/** How often the event loop went round while some work was under way. */
async function turnsOf(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const tick = (): void => {
    turns += 1;
    if (!isOver) setImmediate(tick);
  };
  setImmediate(tick);
  try {
    await work();
  } finally {
    isOver = true;
  }
  return turns;
}

const long = hostileBody(6_000_000);
const held: [string, Buffer, EncodedRewriteOptions][] = [
  ['in identity coding', long, { rewriteUrl }],
  ['in gzip', zlib.gzipSync(long), { rewriteUrl, contentEncoding: 'gzip', maxRatio: 5_000 }],
  ['in brotli', zlib.brotliCompressSync(long), { rewriteUrl, contentEncoding: 'br', maxRatio: 50_000 }],
];

for (const [name, body, options] of held) {
  test(`lets the event loop go on while a long body is read: ${name}`, async () => {
    const turns = await turnsOf(async () => {
      const rewritten = await rewriteEncodedMessage(body, options);
      assert.equal(rewritten.body, body);
    });
    assert.ok(turns > 10, `${turns} turns`);
  });
}

test('lets the event loop go on while a long chunk of a stream is read', async () => {
  const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
  const turns = await turnsOf(() => pipeline(Readable.from([long]), new InformRewriter({ rewriteUrl }), sink));
  assert.ok(turns > 10, `${turns} turns`);
});

test('a short body does not wait for the long ones that came before it', async () => {
  const order: string[] = [];
  const read = async (name: string, body: Buffer): Promise<void> => {
    await rewriteEncodedMessage(body, { rewriteUrl });
    order.push(name);
  };
  const works = Array.from({ length: 8 }, () => read('long', long));
  await Promise.all([...works, read('short', informBody(14, 5))]);
  assert.equal(order[0], 'short');
});

test('gives the same for a long body, whatever slices it is read in', async () => {
  for (const plain of [valuesBody(400_000, 0.5), valuesBody(400_000, 1), valuesBody(400_000), hostileBody(300_000)]) {
    const expected = rewritePieces([plain]);
    const identity = await rewriteEncodedMessage(plain, { rewriteUrl });
    assert.equal(Buffer.from(identity.body).toString('latin1'), expected.body);
    const coded = await rewriteEncodedMessage(zlib.gzipSync(plain), { rewriteUrl, contentEncoding: 'gzip' });
    assert.equal(zlib.gunzipSync(coded.body).toString('latin1'), expected.body);
    for (const { message } of [identity, coded]) {
      assert.equal(JSON.stringify(message), JSON.stringify(expected.message));
    }
  }
});

test('ends a long body with what rewriteUrl throws', async () => {
  const plain = valuesBody(400_000, 0.9);
  const fault = new Error('from rewriteUrl');
  const options = {
    rewriteUrl: () => {
      throw fault;
    },
  };
  await assert.rejects(async () => rewriteEncodedMessage(plain, options), fault);
  const gzip = { ...options, contentEncoding: 'gzip' };
  await assert.rejects(async () => rewriteEncodedMessage(zlib.gzipSync(plain), gzip), fault);
});

// A body of 61 KB of gzip was decoded to all its 16 MB before any of it was read, and those of many CPEs at the same time.
test('holds no more of a coded body than is being read, however far it expands', async () => {
  for (const position of [undefined, 0.9]) {
    const body = zlib.gzipSync(valuesBody(24_000_000, position));
    const options = { rewriteUrl, contentEncoding: 'gzip', maxRatio: 5_000, maxDecodedBytes: 100_000_000 };
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    let turns = 0;
    let isOver = false;
    const watch = (): void => {
      turns += 1;
      if (turns % 200 === 0) {
        // Memory of Buffers is let go of in the collection behind the one that finds them unused.
        collectGarbage();
        collectGarbage();
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      }
      if (!isOver) setImmediate(watch);
    };
    setImmediate(watch);
    const rewritten = await rewriteEncodedMessage(body, options);
    isOver = true;
    assert.equal(rewritten.body === body, position === undefined);
    assert.ok(turns > 100, `${turns} turns`);
    assert.ok(most < 4_000_000, `${most} bytes`);
  }
});
