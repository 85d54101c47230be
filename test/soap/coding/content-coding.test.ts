import assert from 'node:assert/strict';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import { CwmpProxyError, type CwmpMessage } from '@cwmp-proxy/core';
import type { EncodedRewriteOptions } from '#core/soap/coding/content-coding.js';
import { rewriteEncodedMessage } from '#core/soap/coding/rewrite-body.js';
import { rewriteStages } from '#core/soap/rewrite/rewrite-stages.js';
import { informBody, valuesBody } from '../../bench/rewrite/bodies.js';
import { Random } from '../../helpers/random.js';
import { rewritePieces, rewriteUrl } from '../../helpers/rewriting.js';

interface Coding {
  name: string;
  contentEncoding: string | undefined;
  encode: (bytes: Uint8Array) => Buffer;
  decode: (bytes: Uint8Array) => Buffer;
}

const same = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
const codings: Coding[] = [
  { name: 'none', contentEncoding: undefined, encode: same, decode: same },
  { name: 'identity', contentEncoding: 'identity', encode: same, decode: same },
  { name: 'gzip', contentEncoding: 'gzip', encode: zlib.gzipSync, decode: zlib.gunzipSync },
  {
    name: 'gzip in capitals beside identity',
    contentEncoding: ' GZIP , identity',
    encode: zlib.gzipSync,
    decode: zlib.gunzipSync,
  },
  { name: 'x-gzip', contentEncoding: 'x-gzip', encode: zlib.gzipSync, decode: zlib.gunzipSync },
  { name: 'deflate, as zlib', contentEncoding: 'deflate', encode: zlib.deflateSync, decode: zlib.inflateSync },
  { name: 'deflate, raw', contentEncoding: 'deflate', encode: zlib.deflateRawSync, decode: zlib.inflateRawSync },
  { name: 'br', contentEncoding: 'br', encode: zlib.brotliCompressSync, decode: zlib.brotliDecompressSync },
];

async function stream(
  pieces: Iterable<Buffer>,
  options: EncodedRewriteOptions,
): Promise<{ body: Buffer; message: CwmpMessage }> {
  const { stages, message } = rewriteStages(options);
  const parts: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      parts.push(chunk);
      done();
    },
  });
  await pipeline([Readable.from(pieces, { objectMode: false }), ...stages, sink]);
  return { body: Buffer.concat(parts), message: message() };
}

function hasCode(code: string, statusCode: number): (error: unknown) => boolean {
  return (error) => error instanceof CwmpProxyError && error.code === code && error.statusCode === statusCode;
}

for (const { name, contentEncoding, encode, decode } of codings) {
  test(`rewrites in the coding that came: ${name}`, async () => {
    for (const plain of [informBody(14, 5), informBody(14, undefined), valuesBody(300_000, 0.9)]) {
      const expected = rewritePieces([plain]);
      const coded = encode(plain);
      const held = await rewriteEncodedMessage(coded, { rewriteUrl, contentEncoding });
      assert.equal(decode(held.body).toString('latin1'), expected.body);
      if (expected.message.outcome === 'none') assert.equal(held.body, coded);
      const random = new Random(1);
      const streamed = await stream([coded.subarray(0, 1), ...random.split(coded.subarray(1), 9)], {
        rewriteUrl,
        contentEncoding,
      });
      assert.equal(decode(streamed.body).toString('latin1'), expected.body);
      for (const { message } of [held, streamed]) {
        assert.equal(JSON.stringify(message), JSON.stringify(expected.message));
      }
    }
  });
}

test('answers at once where there is nothing to decode', () => {
  assert.ok(!(rewriteEncodedMessage(informBody(1, 0), { rewriteUrl }) instanceof Promise));
});

test('lets an empty body be empty, whatever coding is named', async () => {
  for (const { contentEncoding } of codings) {
    const held = await rewriteEncodedMessage(Buffer.alloc(0), { rewriteUrl, contentEncoding });
    assert.equal(held.body.length, 0);
    assert.equal(held.message.outcome, 'none');
    const streamed = await stream([], { rewriteUrl, contentEncoding });
    assert.equal(streamed.body.length, 0);
  }
});

test('passes an unknown coding unchanged and says so', async () => {
  for (const contentEncoding of ['zstd', 'compress', 'gzip, br']) {
    const body = informBody(14, 5);
    const held = await rewriteEncodedMessage(body, { rewriteUrl, contentEncoding });
    assert.equal(held.body, body);
    const streamed = await stream([body], { rewriteUrl, contentEncoding });
    assert.ok(streamed.body.equals(body));
    for (const { message } of [held, streamed]) {
      assert.deepEqual([message.outcome, message.reason, message.method], ['unchanged', 'content-coding', undefined]);
    }
  }
});

test('rejects an unknown coding with 415 where it is told to', () => {
  const options = { rewriteUrl, contentEncoding: 'zstd', unknownCoding: 'reject' } as const;
  assert.throws(() => rewriteEncodedMessage(informBody(1, 0), options), hasCode('ERR_CWMP_CONTENT_CODING', 415));
  assert.throws(() => rewriteStages(options), hasCode('ERR_CWMP_CONTENT_CODING', 415));
});

// Held bodies that were not valid in their coding left as they came, with the URL of the CPE in them where an ACS is lenient,
// and streamed ones were refused; bytes behind the end were lost where a URL was replaced or the body streamed, and kept
// elsewhere. A streamed body cannot be taken back, so both are refused.
const encoders: [string, string, (bytes: Uint8Array) => Buffer][] = [
  ['gzip', 'gzip', zlib.gzipSync],
  ['deflate, as zlib', 'deflate', zlib.deflateSync],
  ['deflate, raw', 'deflate', zlib.deflateRawSync],
  ['br', 'br', zlib.brotliCompressSync],
];

const spoilt: [string, (coded: Buffer, plain: Buffer) => Buffer][] = [
  ['that is not coded at all', (_, plain) => plain],
  ['whose first bytes are missing', (coded) => coded.subarray(3)],
  ['that ends in the middle', (coded) => coded.subarray(0, coded.length >> 1)],
  ['that lacks its last byte', (coded) => coded.subarray(0, -1)],
  ['of a single byte', (coded) => coded.subarray(0, 1)],
  ['with zero bytes behind its end', (coded) => Buffer.concat([coded, Buffer.alloc(5)])],
  ['with one byte behind its end', (coded) => Buffer.concat([coded, Buffer.from([0x1f])])],
  ['with text behind its end', (coded) => Buffer.concat([coded, Buffer.from('\r\n')])],
  ['with another message behind zero bytes', (coded) => Buffer.concat([coded, Buffer.alloc(1), coded])],
];

for (const [coding, contentEncoding, encode] of encoders) {
  for (const [name, spoil] of spoilt) {
    test(`refuses a body ${name}, held or streamed in whatever pieces: ${coding}`, async () => {
      const invalid = hasCode('ERR_CWMP_CONTENT_DECODING', 400);
      for (const plain of [informBody(14, 5), informBody(14, undefined)]) {
        const body = spoil(encode(plain), plain);
        await assert.rejects(async () => rewriteEncodedMessage(body, { rewriteUrl, contentEncoding }), invalid);
        const single = Array.from(body, (byte) => Buffer.of(byte));
        for (const pieces of [[body], single, new Random(1).split(body, 9)]) {
          await assert.rejects(stream(pieces, { rewriteUrl, contentEncoding }), invalid);
        }
      }
    });
  }
}

test('reads gzip of several members as one body, held or streamed (RFC 1952 §2.2)', async () => {
  const plain = informBody(14, 5);
  const expected = rewritePieces([plain]).body;
  const body = Buffer.concat([zlib.gzipSync(plain.subarray(0, 100)), zlib.gzipSync(plain.subarray(100))]);
  const options = { rewriteUrl, contentEncoding: 'gzip' };
  const held = await rewriteEncodedMessage(body, options);
  const streamed = await stream(new Random(1).split(body, 9), options);
  for (const one of [held, streamed]) assert.equal(zlib.gunzipSync(one.body).toString('latin1'), expected);
});

const bombs: [string, EncodedRewriteOptions][] = [
  ['by its ratio', { rewriteUrl, contentEncoding: 'gzip' }],
  ['by its size', { rewriteUrl, contentEncoding: 'gzip', maxRatio: 5000, maxDecodedBytes: 2_000_000 }],
  ['as brotli', { rewriteUrl, contentEncoding: 'br' }],
];

for (const [name, options] of bombs) {
  test(`answers a bomb with 413: ${name}`, async () => {
    const plain = Buffer.alloc(20_000_000, '<a>');
    const bomb = options.contentEncoding === 'br' ? zlib.brotliCompressSync(plain) : zlib.gzipSync(plain);
    const tooLarge = hasCode('ERR_CWMP_BODY_TOO_LARGE', 413);
    await assert.rejects(async () => rewriteEncodedMessage(bomb, options), tooLarge);
    await assert.rejects(stream([bomb], options), tooLarge);
  });
}

test('does not take a small body that compresses well for a bomb', async () => {
  const plain = Buffer.concat([informBody(14, 5), Buffer.alloc(900_000, ' ')]);
  const { message } = await rewriteEncodedMessage(zlib.gzipSync(plain), { rewriteUrl, contentEncoding: 'gzip' });
  assert.equal(message.outcome, 'rewritten');
});
