import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { atEnd } from '../helpers/at-end.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { leniencies, lenientParse } from '../helpers/lenient-parser.js';
import { rawBackend } from '../helpers/raw-backend.js';

const long = 'y'.repeat(100_000);

const answers: {
  name: string;
  sent: string;
  version?: '1.0';
  method?: string;
  framing: string;
  closes?: boolean;
  size: number;
}[] = [
  { name: 'a length', sent: 'Content-Length: 5\r\n\r\nwhole', framing: 'length', size: 5 },
  {
    name: 'a long body of known length',
    sent: `Content-Length: ${long.length}\r\n\r\n${long}`,
    framing: 'length',
    size: 1e5,
  },
  {
    name: 'short chunks, as a length (netcwmp reads no chunks)',
    sent: 'Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n',
    framing: 'length',
    size: 5,
  },
  {
    name: 'a short body that ends with its connection, as a length',
    sent: '\r\nwhole',
    framing: 'length',
    closes: true,
    size: 5,
  },
  {
    name: 'long chunks, as chunks',
    sent: `Transfer-Encoding: chunked\r\n\r\n${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`,
    framing: 'chunked',
    size: 1e5,
  },
  {
    name: 'long chunks to HTTP/1.0, closed at the end',
    sent: `Transfer-Encoding: chunked\r\n\r\n${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`,
    version: '1.0',
    framing: 'close',
    closes: true,
    size: 1e5,
  },
  {
    name: 'short chunks to HTTP/1.0, as a length',
    sent: 'Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n',
    version: '1.0',
    framing: 'length',
    closes: true,
    size: 5,
  },
  {
    name: 'the length of a HEAD without a body',
    sent: 'Content-Length: 5\r\n\r\n',
    method: 'HEAD',
    framing: 'none',
    size: 0,
  },
  { name: 'a HEAD without a length', sent: '\r\n', method: 'HEAD', framing: 'none', size: 0 },
  {
    name: 'a closed connection',
    sent: 'Connection: close\r\nContent-Length: 5\r\n\r\nwhole',
    framing: 'length',
    closes: true,
    size: 5,
  },
];

for (const { name, sent, version = '1.1', method = 'POST', framing, closes = false, size } of answers) {
  test(`hands back ${name}`, async (t) => {
    const backend = await rawBackend(t, (socket) => {
      const text = `HTTP/1.1 200 OK\r\n${sent}`;
      if (text.includes('Content-Length') || text.includes('chunked') || method === 'HEAD') socket.write(text);
      else socket.end(text);
    });
    const { port } = await startGateway(t, { backends: [backend.url] });
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    const answer = await cpe.exchange(`${method} / HTTP/${version}\r\nHost: a\r\nContent-Length: 0\r\n\r\n`, method);
    assert.equal(answer.framing, framing);
    assert.equal(answer.body.length, size);
    assert.equal(answer.closes, closes);
    if (method === 'HEAD') assert.equal(answer.fields.includes('5'), sent.includes('5'));
    if (closes) await cpe.closed();
  });
}

const body = inform('1');
const chunkedBody = `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const huge = inform('1').replace('<ParameterList>', `<ParameterList><!--${long}-->`);

const added = 'http://gateway.example:8080/client?origin='.length;

const uploads: { name: string; sent: string; framing: 'length' | 'chunked'; answered?: string }[] = [
  { name: 'a length', sent: `Content-Length: ${body.length}\r\n\r\n${body}`, framing: 'length' },
  { name: 'short chunks, as a length', sent: `Transfer-Encoding: chunked\r\n\r\n${chunkedBody}`, framing: 'length' },
  {
    name: 'a long message, whose new length nobody knows',
    sent: `Content-Length: ${huge.length}\r\n\r\n${huge}`,
    framing: 'chunked',
  },
  {
    name: 'an Expect',
    sent: `Expect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    framing: 'length',
  },
];

for (const { name, sent, framing } of uploads) {
  test(`hands on a message that comes with ${name}, its URL rewritten`, async (t) => {
    const backend = await rawBackend(t, (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    const { port } = await startGateway(t, { backends: [backend.url] });
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    assert.equal((await cpe.exchange(`POST / HTTP/1.1\r\nHost: a\r\n${sent}`)).status, 200);
    const [received = ''] = backend.received;
    const [head = ''] = received.split('\r\n\r\n', 1);
    const [parsed] = leniencies.slice(-1).flatMap((leniency) => lenientParse(received, leniency));
    const arrived = parsed?.body ?? '';
    assert.ok(arrived.includes('<Value>http://gateway.example:8080/client?origin=http://192.0.2.1:7547/1</Value>'));
    assert.equal(arrived.length, sent.includes(long) ? huge.length + added : body.length + added);
    assert.doesNotMatch(head, /expect/i);
    const length = /content-length: (\d+)/i.exec(head)?.[1];
    if (framing === 'length') assert.equal(Number(length), arrived.length);
    else assert.match(head, /transfer-encoding: chunked/);
    assert.equal(length === undefined, framing === 'chunked');
  });
}

test('hands back a 304 with the length of what it leaves away', async (t) => {
  const backend = await rawBackend(t, (socket) => {
    socket.write('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 1234\r\n\r\n');
  });
  const { port, failures } = await startGateway(t, { backends: [backend.url] });
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.close());
  const answer = await cpe.exchange('GET /file HTTP/1.1\r\nHost: a\r\nIf-None-Match: "x"\r\n\r\n', 'GET');
  assert.equal(answer.status, 304);
  assert.ok(answer.fields.includes('1234'));
  assert.equal(answer.closes, false);
  assert.equal((await cpe.exchange('GET /file HTTP/1.1\r\nHost: a\r\n\r\n', 'GET')).status, 304);
  assert.equal(backend.received.length, 1, 'one backend connection');
  assert.deepEqual(failures, []);
});

test('answers an Expect with 100 before the body, and not the HTTP/1.0 one', async (t) => {
  const backend = await rawBackend(t, (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  const { port } = await startGateway(t, { backends: [backend.url] });
  for (const version of ['1.1', '1.0']) {
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    let first = '';
    cpe.socket.once('data', (chunk: Buffer) => (first = chunk.toString()));
    cpe.write(`POST / HTTP/${version}\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
    if (version === '1.0') cpe.write('hi');
    else {
      while (!first.startsWith('HTTP/1.1 100 Continue')) await new Promise((resolve) => setTimeout(resolve, 2));
      cpe.write('hi');
    }
    assert.equal((await cpe.answer()).status, 200);
    assert.equal(first.includes('100'), version === '1.1');
  }
});
