import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import type { CwmpMessage } from '@cwmp-proxy/core';
import { atEnd } from '../helpers/at-end.js';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { serve } from '../helpers/serve.js';

const short = inform('1');
const long = inform('1').replace('<ParameterList>', `<ParameterList><!--${randomText(150_000)}-->`);
const rewritten = (text: string): string =>
  text.replace('<Value>http://', '<Value>http://gateway.example:8080/client?origin=http://');

/** Text that hardly compresses. */
function randomText(length: number): string {
  return randomBytes(length).toString('base64').replaceAll('-', '_');
}

for (const { coding, encode, decode } of [
  { coding: 'gzip', encode: gzipSync, decode: gunzipSync },
  { coding: 'deflate', encode: deflateSync, decode: inflateSync },
  { coding: 'br', encode: brotliCompressSync, decode: brotliDecompressSync },
]) {
  for (const { size, text } of [
    { size: 'short', text: short },
    { size: 'long', text: long },
  ]) {
    test(`rewrites a ${size} message in ${coding} and sends it on in ${coding}`, async (t) => {
      let received: Buffer = Buffer.alloc(0);
      let named: string | undefined;
      const acs = await serve(t, (request, response) => {
        named = request.headers['content-encoding'];
        void buffer(request).then((bytes) => {
          received = bytes;
          response.end();
        });
      });
      const { port, proxy } = await startGateway(t, { backends: [acs.url] });
      const messages: CwmpMessage[] = [];
      proxy.on('message', ({ message }) => messages.push(message));
      const body = encode(text);
      assert.equal(body.length > 65_536, size === 'long');
      const cpe = await RawConnection.open(port);
      atEnd(t, () => cpe.close());
      const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`;
      assert.equal((await cpe.exchange(Buffer.concat([Buffer.from(head), body]))).status, 200);
      assert.equal(named, coding);
      assert.equal(decode(received).toString(), rewritten(text));
      assert.deepEqual(
        messages.map(({ method }) => method),
        ['Inform'],
      );
    });
  }
}

test('an empty POST that names a coding stays empty (icwmp)', async (t) => {
  let length: string | undefined;
  const acs = await serve(t, (request, response) => {
    length = request.headers['content-length'];
    response.end();
  });
  const { port } = await startGateway(t, { backends: [acs.url] });
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.close());
  await cpe.exchange('POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n');
  assert.equal(length, '0');
});

for (const size of ['short', 'long']) {
  test(`hands a ${size} message in a coding that is not known on as it came, and says so`, async (t) => {
    let received: Buffer = Buffer.alloc(0);
    const acs = await serve(t, (request, response) => {
      void buffer(request).then((bytes) => {
        received = bytes;
        response.end();
      });
    });
    const { port, proxy } = await startGateway(t, { backends: [acs.url] });
    const reasons: unknown[] = [];
    proxy.on('message', ({ message }) => reasons.push(message.reason));
    const body = Buffer.alloc(size === 'short' ? 5_000 : 200_000, 'ConnectionRequestURL ');
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: compress\r\nContent-Length: ${body.length}\r\n\r\n`;
    assert.equal((await cpe.exchange(Buffer.concat([Buffer.from(head), body]))).status, 200);
    assert.ok(received.equals(body));
    assert.deepEqual(reasons, ['content-coding']);
  });
}

for (const { size, text } of [
  { size: 'short', text: short },
  { size: 'long', text: long },
]) {
  for (const { name, body } of [
    { name: 'is not coded at all', body: Buffer.from(text) },
    { name: 'ends in the middle', body: gzipSync(text).subarray(0, -20) },
    { name: 'goes on behind its end', body: Buffer.concat([gzipSync(text), Buffer.alloc(3)]) },
  ]) {
    test(`answers 400 to a ${size} message that is said to be gzip and ${name}, and no backend gets it whole`, async (t) => {
      let whole = 0;
      const acs = await serve(t, (request, response) => {
        request.on('error', () => {});
        request.resume().on('end', () => {
          whole += 1;
          response.end();
        });
      });
      const { port, proxy } = await startGateway(t, { backends: [acs.url] });
      const told: unknown[] = [];
      proxy.on('message', () => told.push('message'));
      proxy.on('failure', ({ error }) => told.push(error.code));
      const cpe = await RawConnection.open(port);
      atEnd(t, () => cpe.close());
      const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`;
      const answer = await cpe.exchange(Buffer.concat([Buffer.from(head), body]));
      assert.deepEqual([answer.status, answer.body.toString()], [400, 'ERR_CWMP_CONTENT_DECODING\n']);
      assert.deepEqual(told, ['ERR_CWMP_CONTENT_DECODING']);
      assert.equal(whole, 0);
    });
  }
}
