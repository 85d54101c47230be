import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { keepUnread } from '#core/http/unread-request.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { serve } from '../helpers/serve.js';
import { until } from '../helpers/until.js';

const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const counted = (length: number): string => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
const text = (length: number): string => Array.from({ length }, (_, index) => index % 10).join('');
const inOneByteChunks = (body: string): string => `${body.replace(/./g, '1\r\n$&\r\n')}0\r\n\r\n`;

const bodies: readonly { name: string; bytes: string; body: string }[] = [
  { name: 'a long one in chunks of one byte', bytes: chunked + inOneByteChunks(text(300_000)), body: text(300_000) },
  { name: 'a short one in chunks of one byte', bytes: chunked + inOneByteChunks(text(1_000)), body: text(1_000) },
  { name: 'one with a length', bytes: counted(200_000) + text(200_000), body: text(200_000) },
  { name: 'a short one with a length', bytes: counted(5) + text(5), body: text(5) },
  { name: 'an empty one in chunks', bytes: `${chunked}0\r\n\r\n`, body: '' },
];

const readers: Record<string, (request: IncomingMessage) => Promise<string>> = {
  'by data and end': (request) =>
    new Promise((resolve) => {
      let got = '';
      request.setEncoding('latin1').on('data', (part: string) => (got += part));
      request.on('end', () => resolve(got));
    }),
  'by iteration': async (request) => {
    let got = '';
    for await (const part of request.setEncoding('latin1')) got += String(part);
    return got;
  },
  'by resume': (request) => new Promise((resolve) => request.resume().on('end', () => resolve(''))),
};

for (const [way, read] of Object.entries(readers)) {
  test(`a request that was kept for a while is read ${way} as if nothing had been, and so is the next`, async (t) => {
    const got: string[] = [];
    const { port } = await serve(t, (request, response) => {
      const goOn = keepUnread(request);
      // Several turns, until what its connection may bring is there.
      let seen = -1;
      const look = (): void => {
        if (request.socket.bytesRead === seen) {
          goOn();
          void read(request).then((body) => {
            got.push(body);
            response.end();
          });
        } else {
          seen = request.socket.bytesRead;
          setTimeout(look, 20);
        }
      };
      look();
    });
    const cpe = await RawConnection.open(port);
    for (const { bytes } of bodies) cpe.write(bytes);
    await until('all were read', () => got.length === bodies.length);
    for (const [index, { name, body }] of bodies.entries()) {
      if (way !== 'by resume') assert.ok(got[index] === body, name);
      assert.equal((await cpe.answer()).status, 200);
    }
    await cpe.close();
  });
}

test('of a request that nobody reads little is taken from the connection', async (t) => {
  let taken = 0;
  const { port } = await serve(t, (request, response) => {
    const goOn = keepUnread(request);
    const timer = setInterval(() => {
      taken = request.socket.bytesRead;
    }, 5);
    setTimeout(() => {
      clearInterval(timer);
      goOn();
      request.resume().on('end', () => response.end());
    }, 50);
  });
  const cpe = await RawConnection.open(port);
  cpe.write(counted(20_000_000) + 'x'.repeat(20_000_000));
  assert.equal((await cpe.answer()).status, 200);
  assert.ok(taken <= 4 * 65_536, `${taken}`);
  await cpe.close();
});
