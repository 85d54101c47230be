import assert from 'node:assert/strict';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { ResponseError, ResponseParser } from '#core/http/response-parser.js';
import { Random } from '../helpers/random.js';
import { listen } from '../helpers/serve.js';

// Bytes in, one answer out, however they are cut; and nothing that could be read in two ways.

interface Answer {
  status: number;
  reason: string;
  fields: string[];
  body: string;
  ended: boolean;
}

/** Reads an answer whose bytes come in these pieces; then the connection ends. */
function read(pieces: readonly Buffer[], method = 'POST'): { answer: Answer | undefined; isReusable: boolean } {
  const parser = new ResponseParser();
  let answer: Answer | undefined;
  const listener = {
    onHead: (status: number, reason: string, fields: string[]) =>
      (answer = { status, reason, fields, body: '', ended: false }),
    onBody: (bytes: Buffer) => {
      assert.ok(answer !== undefined && bytes.length > 0);
      answer.body += bytes.toString('latin1');
    },
    onEnd: () => {
      assert.ok(answer !== undefined && !answer.ended);
      answer.ended = true;
    },
  };
  parser.begin(method);
  for (const piece of pieces) parser.push(piece, listener);
  const { isReusable } = parser;
  parser.end(listener);
  return { answer, isReusable };
}

/** The same bytes whole, byte by byte, and cut in two at each place. */
function* cuts(bytes: Buffer): Generator<Buffer[], void, undefined> {
  yield [bytes];
  yield Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1));
  for (let at = 1; at < bytes.length; at += 1) yield [bytes.subarray(0, at), bytes.subarray(at)];
}

const ok = 'HTTP/1.1 200 OK\r\n';

const good: { name: string; sent: string; method?: string; body?: string; status?: number; reusable?: boolean }[] = [
  { name: 'a body of known length', sent: `${ok}Content-Length: 4\r\n\r\nbody`, body: 'body' },
  { name: 'a length of none', sent: `${ok}Content-Length: 0\r\n\r\n` },
  { name: 'one length several times', sent: `${ok}Content-Length: 4\r\ncontent-length:4\r\n\r\nbody`, body: 'body' },
  { name: 'chunks', sent: `${ok}Transfer-Encoding: chunked\r\n\r\n3\r\nbod\r\n1\r\ny\r\n0\r\n\r\n`, body: 'body' },
  {
    name: 'chunks with extensions, padded sizes and trailers',
    sent: `${ok}Transfer-Encoding: Chunked\r\n\r\n3;a="b"\r\nbod\r\n01  \r\ny\r\n0;x\r\nX-A: b\r\nX-C: d\r\n\r\n`,
    body: 'body',
  },
  { name: 'an end that is that of its connection', sent: `${ok}\r\nbody`, body: 'body', reusable: false },
  { name: 'HTTP/1.0', sent: 'HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody', body: 'body', reusable: false },
  {
    name: 'HTTP/1.0 that stays open',
    sent: 'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 4\r\n\r\nbody',
    body: 'body',
  },
  {
    name: 'chunks in HTTP/1.0',
    sent: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
    body: 'body',
    reusable: false,
  },
  { name: 'a close', sent: `${ok}Connection: foo, close\r\nContent-Length: 0\r\n\r\n`, reusable: false },
  { name: 'a 204 with a length', sent: 'HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n', status: 204 },
  {
    name: 'a 204 with a length and its body',
    sent: 'HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody',
    status: 204,
    reusable: false,
  },
  {
    name: 'a 304 with a length and a coding',
    sent: 'HTTP/1.1 304 x\r\nContent-Length: 4\r\nTransfer-Encoding: gzip\r\n\r\n',
    status: 304,
  },
  { name: 'a HEAD', method: 'HEAD', sent: `${ok}Content-Length: 4\r\n\r\n` },
  { name: 'a HEAD with chunks', method: 'HEAD', sent: `${ok}Transfer-Encoding: chunked\r\n\r\n` },
  {
    name: 'interim answers in front',
    sent: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${ok}Content-Length: 0\r\n\r\n`,
  },
  { name: 'an empty line in front', sent: `\r\n${ok}Content-Length: 0\r\n\r\n` },
  { name: 'bytes behind its end', sent: `${ok}Content-Length: 4\r\n\r\nbodymore`, body: 'body', reusable: false },
  { name: 'no reason', sent: 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n' },
  { name: 'blanks around values, and an empty one', sent: `${ok}X-A: \t b \t\r\nX-B:\r\nContent-Length:  0 \r\n\r\n` },
  { name: 'bytes over 127', sent: `${ok}X-A: \u00e9\u00a0\r\nContent-Length: 0\r\n\r\n` },
];

for (const { name, sent, method, body = '', status = 200, reusable = true } of good) {
  test(`an answer is read: ${name}`, () => {
    for (const pieces of cuts(Buffer.from(sent, 'latin1'))) {
      const { answer, isReusable } = read(pieces, method);
      assert.ok(answer !== undefined);
      assert.deepEqual([answer.status, answer.body, answer.ended], [status, body, true]);
      assert.equal(isReusable, reusable);
    }
  });
}

test('fields keep their order and spelling, without the blanks around their values', () => {
  const { answer } = read([Buffer.from(`${ok}X-B: \t b c \r\nx-a:\u00a01\u00a0\r\nX-B:\r\n\r\n`, 'latin1')]);
  assert.deepEqual(answer?.fields, ['X-B', 'b c', 'x-a', '\u00a01\u00a0', 'X-B', '']);
});

const refused: Record<string, string> = {
  'another protocol': 'ICY 200 OK\r\n\r\n',
  'another version': 'HTTP/2.0 200 OK\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
  'a status line that is folded': 'HTTP/1.1 200\r\n OK\r\n\r\n',
  TLS: '\x16\x03\x01\x02\r\n\r\n',
  'lines that end with LF alone': 'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
  'one line that ends with LF alone': `${ok}X-A: b\nContent-Length: 0\r\n\r\n`,
  'a CR in a value': `${ok}X-A: b\rContent-Length: 9\r\n\r\n`,
  'a NUL in a value': `${ok}X-A: b\0c\r\n\r\n`,
  'a NUL in a name': `${ok}X\0A: b\r\n\r\n`,
  'a blank before the colon': `${ok}Content-Length : 4\r\n\r\nbody`,
  'a blank in front of a name': `${ok} X-A: b\r\n\r\n`,
  'a field that is folded': `${ok}X-A: b\r\n c\r\n\r\n`,
  'a line without a colon': `${ok}Content-Length\r\nX: y\r\n\r\n`,
  'a field without a name': `${ok}: b\r\n\r\n`,
  'two lengths': `${ok}Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody`,
  'a list of lengths': `${ok}Content-Length: 4, 4\r\n\r\nbody`,
  'a length with a sign': `${ok}Content-Length: +4\r\n\r\nbody`,
  'a length in hex': `${ok}Content-Length: 0x4\r\n\r\nbody`,
  'an empty length': `${ok}Content-Length:\r\n\r\nbody`,
  'a length that no number holds': `${ok}Content-Length: 99999999999999999999\r\n\r\nbody`,
  'a length beside chunks': `${ok}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`,
  'a coding that is not known': `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`,
  'identity as a coding': `${ok}Transfer-Encoding: identity\r\n\r\n`,
  'chunked twice': `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'a size that is none': `${ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
  'an empty size': `${ok}Transfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n`,
  'a size with a sign': `${ok}Transfer-Encoding: chunked\r\n\r\n-1\r\n`,
  'a size that no number holds': `${ok}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n`,
  'a size line that ends with LF alone': `${ok}Transfer-Encoding: chunked\r\n\r\n4\nbody\r\n0\r\n\r\n`,
  'a chunk longer than its size': `${ok}Transfer-Encoding: chunked\r\n\r\n3\r\nbody\r\n0\r\n\r\n`,
  'an extension without an end': `${ok}Transfer-Encoding: chunked\r\n\r\n4;${'x'.repeat(2_000)}`,
  'trailers without an end': `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\n${'X-A: b\r\n'.repeat(8_000)}`,
  'a head without an end': `${ok}${'X-A: b\r\n'.repeat(8_000)}`,
  'empty lines without an end': '\r\n'.repeat(40_000),
  'interim answers without an end': 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(2_000),
  'a switch of protocols': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n',
};

for (const [name, sent] of Object.entries(refused)) {
  test(`an answer is refused: ${name}`, () => {
    const bytes = Buffer.from(sent, 'latin1');
    assert.throws(() => read([bytes]), ResponseError);
    assert.throws(() => read(Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1))), ResponseError);
  });
}

const unfinished = [
  '',
  'HTTP/1.1 200 OK\r\nContent-',
  `${ok}Content-Length: 5\r\n\r\nbody`,
  `${ok}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n`,
];

test('an answer whose connection ends in its middle has no end', () => {
  for (const sent of unfinished) assert.notEqual(read([Buffer.from(sent)]).answer?.ended, true, sent);
});

/** An answer as an ACS may write it, one in three with a fault at one place. */
function anyAnswer(random: Random): Buffer {
  const interim = random.pick(['', '', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 x\r\nL: a\r\n\r\n']);
  const status = random.pick(['200 OK', '200 ', '204 No Content', '304 x', '401 Unauthorized', '500 a b']);
  const fields = ['X-A: b', 'x-b:c', 'Set-Cookie: a=b; Path=/', 'X-C:  d  ', 'Connection: close', 'X-E:'] as const;
  let text = `${interim}HTTP/1.${random.pick([1, 1, 0])} ${status}\r\n`;
  for (let count = random.int(4); count > 0; count -= 1) {
    text += `${random.pick(['X-A: b', ...fields])}\r\n`;
  }
  const body = 'y'.repeat(random.int(50));
  text += random.pick([
    `Content-Length: ${body.length}\r\n\r\n${body}`,
    `\r\n${body}`,
    `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)};a=b\r\n${body}\r\n0\r\nT: v\r\n\r\n`,
  ]);
  const at = random.int(text.length);
  const wrong = random.pick(['\r', '\n', ' ', ':', '0', 'g', '\0', '\t', ';', '\r\n', '\u00e9', '']);
  return Buffer.from(random.once(3) ? text.slice(0, at) + wrong + text.slice(at + random.int(2)) : text, 'latin1');
}

test('what the parser of Node reads too is read alike', async (t) => {
  let bytes: Buffer = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.end(bytes));
  });
  const { port } = await listen(t, server);
  const byNode = (): Promise<string | undefined> =>
    new Promise((resolve) => {
      const request = get({ port, host: '127.0.0.1', agent: false }, (response) => {
        let body = '';
        response.setEncoding('latin1').on('data', (part: string) => (body += part));
        response.on('error', () => undefined);
        response.on('close', () => resolve(response.complete ? `${response.statusCode} ${body}` : undefined));
      });
      request.on('error', () => resolve(undefined)).on('upgrade', () => resolve(undefined));
    });
  const random = new Random(1);
  let alike = 0;
  for (let count = 0; count < 1_000; count += 1) {
    bytes = anyAnswer(random);
    const theirs = await byNode();
    let ours: Answer | undefined;
    try {
      ours = read(
        random.split(bytes, 4).filter(({ length }) => length > 0),
        'GET',
      ).answer;
    } catch (error) {
      assert.ok(error instanceof ResponseError);
    }
    if (theirs === undefined || ours?.ended !== true) continue;
    assert.equal(`${ours.status} ${ours.body}`, theirs, JSON.stringify(bytes.toString('latin1')));
    alike += 1;
  }
  assert.ok(alike > 500, String(alike));
});
