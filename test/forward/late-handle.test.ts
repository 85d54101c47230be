import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { createCwmpProxy } from '@cwmp-proxy/core';
import { atEnd } from '../helpers/at-end.js';
import { requiredOptions } from '../helpers/gateway.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { listen, serve } from '../helpers/serve.js';
import { until } from '../helpers/until.js';

// On Node 26 a stream hands out what it has buffered piece by piece; earlier versions handed out all of it at once.
test('a body that came in several pieces before the proxy got the request reaches the backend whole', async (t) => {
  let received = '';
  const acs = await serve(t, (request, response) => {
    request.setEncoding('utf8').on('data', (part: string) => (received += part));
    request.on('end', () => response.end());
  });
  const proxy = createCwmpProxy({ ...requiredOptions, backends: [acs.url] });
  atEnd(t, () => proxy.close());
  const body = ['<Envelope>', '<Body/>', '</Envelope>'];
  const length = body.join('').length;
  const server = createServer((request, response) => {
    void until('the body is there', () => request.readableLength === length).then(() =>
      proxy.handle(request, response),
    );
  });
  const { port } = await listen(t, server);
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.close());
  cpe.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
  for (const piece of body) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    cpe.write(piece);
  }
  assert.equal((await cpe.answer()).status, 200);
  assert.equal(received, body.join(''));
});
