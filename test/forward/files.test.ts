import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { atEnd } from '../helpers/at-end.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { serve } from '../helpers/serve.js';
import { until } from '../helpers/until.js';

// A CPE gets and puts files on the connection of its session (TR-069 A6 §3.4.3): of any size, and
// nothing changes them.

const size = 64 * 1024 * 1024;
const chunk = Buffer.alloc(65_536, 'firmware <Value>http://a</Value> ');

function* chunks(): Generator<Buffer> {
  for (let sent = 0; sent < size; sent += chunk.length) yield chunk;
}

async function digestOf(stream: Readable | AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of stream) hash.update(part);
  return hash.digest('hex');
}

for (const announced of [true, false]) {
  test(`a file goes up by PUT ${announced ? 'with' : 'without'} a length and comes down by GET`, async (t) => {
    const expected = await digestOf(Readable.from(chunks()));
    let put = '';
    let length: string | undefined;
    const acs = await serve(t, (request, response) => {
      if (request.method === 'PUT') {
        length = request.headers['content-length'];
        void digestOf(request).then((digest) => {
          put = digest;
          response.end();
        });
        return;
      }
      response.writeHead(200, announced ? { 'Content-Length': size } : {});
      pipeline(Readable.from(chunks()), response).catch(() => {});
    });
    const { port } = await startGateway(t, { backends: [acs.url] });
    const ask = (method: string): ReturnType<typeof httpRequest> =>
      httpRequest({
        port,
        method,
        path: '/file',
        agent: false,
        headers: announced && method === 'PUT' ? { 'Content-Length': size } : {},
      });
    const up = ask('PUT');
    const answered = new Promise<Readable>((resolve) => up.on('response', resolve));
    await pipeline(Readable.from(chunks()), up);
    await digestOf(await answered);
    assert.equal(put, expected);
    assert.equal(length, announced ? String(size) : undefined);

    const down = ask('GET').end();
    const file = await new Promise<Readable>((resolve) => down.on('response', resolve));
    assert.equal(await digestOf(file), expected);
  });
}

test('a CPE that takes its file slowly has the backend wait', async (t) => {
  let sent = 0;
  const acs = await serve(t, (_request, response) => {
    const source = Readable.from(chunks());
    source.on('data', (part: Buffer) => (sent += part.length));
    pipeline(source, response).catch(() => {});
  });
  const { port } = await startGateway(t, { backends: [acs.url] });
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.socket.destroy());
  cpe.socket.pause();
  cpe.write('GET /file HTTP/1.1\r\nHost: a\r\n\r\n');
  await stands(() => sent);
  // What the kernel holds for four ends of two connections, and the high-water marks between them.
  assert.ok(sent > 0 && sent < size / 2, `${sent} bytes were sent`);
});

test('a backend that takes a file slowly has the CPE wait, and fails when it takes nothing more', async (t) => {
  const acs = await serve(t, (request) => {
    request.pause();
    atEnd(t, () => request.destroy());
  });
  const { port, failures } = await startGateway(t, { backends: [acs.url], timeouts: { headersMs: 1_000 } });
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.socket.destroy());
  cpe.write(`PUT /file HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
  let sent = 0;
  const source = Readable.from(chunks());
  source.on('data', (part: Buffer) => (sent += part.length));
  source.pipe(cpe.socket);
  await stands(() => sent);
  assert.ok(sent > 0 && sent < size / 2, `${sent} bytes were taken`);
  // The CPE's own end could not be seen: nothing is read of it while the backend takes nothing.
  await until('it fails', () => failures.length > 0);
  assert.equal(failures[0]?.error.code, 'ERR_CWMP_BACKEND_TIMEOUT');
});

/** Waits until a figure is over 0 and has not moved for a while. */
async function stands(figure: () => number): Promise<void> {
  let last = -1;
  let still = 0;
  await until('nothing moves', async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    still = figure() === last ? still + 1 : 0;
    last = figure();
    return last > 0 && still > 5;
  });
}
