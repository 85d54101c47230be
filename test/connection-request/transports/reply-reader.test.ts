import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReplyReader } from '#core/connection-request/transports/reply-reader.js';

interface Case {
  readonly name: string;
  readonly text: string;
  readonly status: number;
  readonly challenges?: readonly string[];
  /** What it says before the peer has closed. */
  readonly reusable: boolean;
}

const cases: readonly Case[] = [
  { name: 'by the book', text: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', status: 200, reusable: true },
  { name: 'bare LF', text: 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', status: 200, reusable: true },
  { name: 'HTTP/1.0', text: 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n', status: 200, reusable: false },
  {
    name: 'HTTP/1.0 that keeps the connection',
    text: 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n',
    status: 200,
    reusable: true,
  },
  {
    name: 'Connection: close',
    text: 'HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n',
    status: 200,
    reusable: false,
  },
  { name: 'a counted body', text: 'HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\nbody', status: 404, reusable: true },
  {
    name: 'something behind a counted body',
    text: 'HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\nbodyX',
    status: 404,
    reusable: false,
  },
  {
    name: 'two lengths that differ',
    text: 'HTTP/1.1 404 No\r\nContent-Length: 4\r\nContent-Length: 0\r\n\r\nbody',
    status: 404,
    reusable: false,
  },
  { name: 'a 204 with a length', text: 'HTTP/1.1 204\r\nContent-Length: 9\r\n\r\n\r\n', status: 204, reusable: true },
  {
    name: 'chunks in bare LF',
    text: 'HTTP/1.1 401 No\nTransfer-Encoding: gzip, Chunked\n\n3\nabc\n0\n\n',
    status: 401,
    reusable: true,
  },
  {
    name: 'folded fields, two challenges, a name with a space and odd case',
    text: 'HTTP/1.1 401\r\nwww-AUTHENTICATE : Digest a="1",\r\n\t b="2"\r\nX\r\nWWW-Authenticate: Basic\r\nContent-Length:0\r\n\r\n',
    status: 401,
    challenges: ['Digest a="1", b="2"', 'Basic'],
    reusable: true,
  },
];

for (const { name, text, status, challenges = [], reusable } of cases) {
  test(`reads the same whole, byte by byte and split at every point: ${name}`, () => {
    const bytes = Buffer.from(text, 'latin1');
    const splits = bytes.map((_, index) => index).values();
    const ways: number[][] = [[], [...bytes.keys()], ...[...splits].map((index) => [index])];
    for (const cuts of ways) {
      const reader = new ReplyReader();
      let from = 0;
      for (const cut of [...cuts, bytes.length]) {
        reader.push(bytes.subarray(from, cut));
        from = cut;
      }
      assert.equal(reader.error, undefined);
      assert.equal(reader.reply?.status, status);
      assert.deepEqual(reader.reply?.challenges, challenges);
      assert.equal(reader.complete && reader.reusable, reusable, `cut at ${cuts.join(' ')}`);
    }
  });
}

test('an answer that ends with the connection counts, whatever it lacks', () => {
  for (const text of ['HTTP/1.1 200', 'HTTP/1.1 200 OK\n', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab']) {
    const reader = new ReplyReader();
    reader.push(Buffer.from(text));
    assert.equal(reader.complete, false);
    reader.end();
    assert.equal(reader.reply?.status, 200);
    assert.equal(reader.complete, true);
  }
});

test('random bytes never throw', () => {
  const pieces = fc.constantFrom(
    'HTTP/1.1 ',
    '401',
    '200 ',
    '\r\n',
    '\n',
    ' ',
    'Content-Length: 3',
    'Transfer-Encoding: chunked',
    '0',
    'x:',
    'ff',
  );
  const soup = fc.array(fc.oneof(pieces, fc.string({ unit: 'binary', maxLength: 5 })), { maxLength: 25 });
  fc.assert(
    fc.property(fc.array(soup, { maxLength: 4 }), (chunks) => {
      const reader = new ReplyReader();
      for (const chunk of chunks) reader.push(Buffer.from(chunk.join(''), 'latin1'));
      reader.end();
      reader.reset();
    }),
    { numRuns: 500 },
  );
});
