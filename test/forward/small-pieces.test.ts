import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { createCwmpProxy } from '@cwmp-proxy/core';
import { atEnd } from '../helpers/at-end.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { requiredOptions } from '../helpers/gateway.js';
import { memoryInUse } from '../helpers/memory-in-use.js';
import { listen } from '../helpers/serve.js';
import { until } from '../helpers/until.js';

// Seen: a body of 65,000 bytes in chunks of one byte took 7.9 MB. Every place that held a body kept a list of the pieces, each a
// Buffer object of more than 100 bytes, and so do Node's streams up to their high-water mark. Promise: what is held takes at
// most twice its bytes, and a constant for each connection.

const cpes = 4;
/** For each connection. */
const constantBytes = 400_000;

const empty = 'POST /cwmp HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n';
const chunked = 'POST /cwmp HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const answer = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const oneByteChunks = (count: number): string => '1\r\nx\r\n'.repeat(count);

const silent = (socket: Socket): void => void socket.resume();
const answering =
  (bytes: string) =>
  (socket: Socket): void =>
    void socket.once('data', () => socket.write(bytes)).resume();

const kinds: readonly {
  name: string;
  request: string;
  heldBytes: number;
  backend: (socket: Socket) => void;
  isDeaf?: boolean;
}[] = [
  { name: 'a held body', request: chunked + oneByteChunks(60_000), heldBytes: 60_000, backend: silent },
  {
    name: 'a body that is streamed to a backend that reads nothing',
    request: chunked + oneByteChunks(400_000),
    heldBytes: 65_536,
    backend: (socket) => void socket.pause(),
  },
  {
    name: 'a body for rewriteInform',
    request: chunked.replace('/cwmp', '/inform') + oneByteChunks(200_000),
    heldBytes: 200_000,
    backend: silent,
  },
  { name: 'a held answer', request: empty, heldBytes: 60_000, backend: answering(answer + oneByteChunks(60_000)) },
];

/** Waits until nothing moves on these connections any more. */
async function untilStill(sockets: readonly Socket[]): Promise<void> {
  let [seen, looks] = [0, 0];
  await until('nothing moves', () => {
    const moved = sockets.reduce((sum, { bytesRead, bytesWritten }) => sum + bytesRead + bytesWritten, 0);
    looks = moved === seen && sockets.length === cpes ? looks + 1 : 0;
    seen = moved;
    return looks > 20;
  });
}

for (const { name, request, heldBytes, backend, isDeaf = false } of kinds) {
  test(`${name} that comes in chunks of one byte takes about its own length`, async (t) => {
    const backends: Socket[] = [];
    const backendServer = createTcpServer({ pauseOnConnect: true }, (socket) => {
      backends.push(socket.on('error', () => socket.destroy()));
      backend(socket);
    });
    const { url } = await listen(t, backendServer);
    atEnd(t, () => backends.forEach((socket) => void socket.destroy()));
    const proxy = createCwmpProxy({ ...requiredOptions, backends: [url] });
    atEnd(t, () => proxy.close());
    const sockets: Socket[] = [];
    const server: Server = createServer((incoming, response) => {
      if (incoming.url === '/inform') proxy.rewriteRequest(incoming).catch(() => response.destroy());
      else void proxy.handle(incoming, response);
    }).on('connection', (socket: Socket) => sockets.push(socket));
    const { port } = await listen(t, server);
    const bytes = Buffer.from(request);
    const before = memoryInUse();
    const open: RawConnection[] = [];
    for (let count = 0; count < cpes; count += 1) {
      const cpe = await RawConnection.open(port);
      atEnd(t, () => cpe.socket.destroy());
      if (isDeaf) cpe.socket.pause();
      cpe.write(bytes);
      open.push(cpe);
    }
    await untilStill(sockets);
    const cost = (memoryInUse() - before) / cpes;
    assert.ok(cost < 2 * heldBytes + constantBytes, `${Math.round(cost)} bytes for each connection`);
  });
}
