import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { atEnd } from '../helpers/at-end.js';
import { startGateway } from '../helpers/gateway.js';
import { watchForLeaks } from '../helpers/leaks.js';
import { answerOf, rawBackend } from '../helpers/raw-backend.js';
import { until } from '../helpers/until.js';

// The half of the fault matrix in which the CPE is at fault: the backend connection is closed or goes on as it was, no socket
// and no timer stays, and the code is right.

/** More than the kernel buffers for both ends. */
const big = 40_000_000;

/** A CPE's connection that can be reset once the proxy has got the head of its request. */
type FaultyCpe = RawConnection & { resetWhenSeen: () => Promise<void> };

interface Fault {
  name: string;
  /** What the CPE does on its connection. */
  act: (cpe: FaultyCpe) => unknown;
  /** Status it is told, when it is told one. */
  expect?: number;
  code?: string;
  /** Requests that the backend gets, whole or in part. */
  arrivals?: number;
}

function post(length: number | string, body = '', ...fields: string[]): string {
  return ['POST /acs HTTP/1.1', 'Host: a', ...fields, `Content-Length: ${length}`, '', body].join('\r\n');
}

function chunked(...chunks: string[]): string {
  return `POST /acs HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join('')}`;
}

const gone = { code: 'ERR_CWMP_CPE_GONE' } as const;
const half = 'x'.repeat(100_000);

async function inAnswer(cpe: RawConnection): Promise<void> {
  cpe.write(post(0, '', 'X-Answer: big'));
  await until('the answer begins', () => cpe.socket.bytesRead > 0);
}

const faults: Fault[] = [
  { name: 'a connection without a request', act: (cpe) => cpe.close() },
  { name: 'a reset in the headers', act: (cpe) => (cpe.write('POST /acs HTTP/1.1\r\nHo'), cpe.reset()) },
  { name: 'a half-close in the headers', act: (cpe) => cpe.socket.end('POST /acs HTTP/1.1\r\nHo'), expect: 400 },
  { name: 'a reset in a short body', act: (cpe) => (cpe.write(post(9, 'half')), cpe.resetWhenSeen()), ...gone },
  { name: 'a half-close in a short body', act: (cpe) => cpe.socket.end(post(9, 'half')), ...gone },
  {
    name: 'a reset in a long body',
    act: (cpe) => (cpe.write(post(300_000, half)), cpe.resetWhenSeen()),
    ...gone,
    arrivals: 1,
  },
  { name: 'a half-close in a long body', act: (cpe) => cpe.socket.end(post(300_000, half)), ...gone, arrivals: 1 },
  {
    name: 'a reset while it is to be answered',
    act: (cpe) => (cpe.write(post(0, '', 'X-Answer: none')), cpe.resetWhenSeen()),
    ...gone,
    arrivals: 1,
  },
  {
    name: 'a half-close while it is to be answered',
    act: (cpe) => cpe.socket.end(post(0, '', 'X-Answer: none')),
    ...gone,
    arrivals: 1,
  },
  { name: 'a reset in a long answer', act: async (cpe) => (await inAnswer(cpe), cpe.reset()), ...gone, arrivals: 1 },
  {
    name: 'a stall in a long answer',
    act: async (cpe) => (cpe.socket.pause(), cpe.write(post(0, '', 'X-Answer: big'))),
    ...gone,
    arrivals: 1,
  },
  {
    name: 'a stall in a short body',
    act: (cpe) => cpe.write(post(9, 'half')),
    expect: 408,
    code: 'ERR_CWMP_REQUEST_TIMEOUT',
  },
  {
    name: 'a stall in a long body',
    act: (cpe) => cpe.write(post(300_000, half)),
    expect: 408,
    code: 'ERR_CWMP_REQUEST_TIMEOUT',
    arrivals: 1,
  },
  { name: 'garbage for headers', act: (cpe) => cpe.write('\x16\x03\x01\x02\r\n\r\n'), expect: 400 },
  {
    name: 'garbage in a short chunked body',
    act: (cpe) => cpe.write(chunked('4\r\nhalf\r\n', 'zz\r\n')),
    expect: 400,
    ...gone,
  },
  {
    name: 'garbage in a long chunked body',
    act: (cpe) => cpe.write(chunked(`${half.length.toString(16)}\r\n${half}\r\n`, 'zz\r\n')),
    expect: 400,
    ...gone,
    arrivals: 1,
  },
  { name: 'oversized headers', act: (cpe) => cpe.write(post(0, '', `X-A: ${'a'.repeat(20_000)}`)), expect: 431 },
  {
    name: 'a body that says it is too large',
    act: (cpe) => cpe.write(post(2_000_000, half)),
    expect: 413,
    code: 'ERR_CWMP_BODY_TOO_LARGE',
  },
  {
    name: 'a body that turns out too large',
    act: (cpe) => cpe.write(chunked(`f4240\r\n${'x'.repeat(1_000_000)}\r\n`, `1\r\nx\r\n`, `1\r\n`)),
    expect: 413,
    code: 'ERR_CWMP_BODY_TOO_LARGE',
    arrivals: 1,
  },
  {
    name: 'a compressed body that expands too far',
    act: (cpe) => {
      const bomb = gzipSync(Buffer.alloc(3_000_000));
      cpe.write(post(bomb.length, bomb.toString('latin1'), 'Content-Encoding: gzip'));
    },
    expect: 413,
    code: 'ERR_CWMP_BODY_TOO_LARGE',
  },
  {
    name: 'an unknown content coding',
    act: (cpe) => cpe.write(post(4, 'half', 'Content-Encoding: compress')),
    expect: 415,
    code: 'ERR_CWMP_CONTENT_CODING',
  },
  {
    name: 'an unknown content coding of a long body',
    act: (cpe) => cpe.write(post(half.length, half, 'Content-Encoding: compress')),
    expect: 415,
    code: 'ERR_CWMP_CONTENT_CODING',
  },
];

for (const { name, act, expect, code, arrivals = 0 } of faults) {
  test(`a CPE's fault: ${name}`, async (t) => {
    watchForLeaks(t);
    let seen = 0;
    const backend = await rawBackend(t, (socket, request) => {
      seen += 1;
      const [, kind] = /x-answer: (\w+)/i.exec(request) ?? [];
      if (kind === 'none') return;
      const length = kind === 'big' ? big : 5;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
      socket.write(Buffer.alloc(length));
    });
    const { port, proxy, server, failures, idle } = await startGateway(t, {
      backends: [backend.url],
      timeouts: { requestMs: 100 },
      limits: { maxBodyBytes: 1_000_000, maxDecodedBytes: 1_000_000 },
      forwarding: { unknownCoding: 'reject' },
    });
    const cpe = await RawConnection.open(port, { allowHalfOpen: true });
    atEnd(t, () => cpe.socket.destroy());
    const requested = once(server, 'request');
    const resetWhenSeen = async (): Promise<void> => {
      await requested;
      cpe.reset();
    };
    await act(Object.assign(cpe, { resetWhenSeen }));
    if (expect === undefined) await until('the exchange is over', () => code === undefined || failures.length > 0);
    else assert.equal((await cpe.answer()).status, expect);
    if (name.includes('stall')) cpe.socket.resume();
    if (!cpe.socket.destroyed) cpe.socket.end();
    await cpe.closed();
    await idle();
    assert.deepEqual(
      failures.map(({ error }) => error.code),
      code === undefined ? [] : [code],
    );
    await until('the session is over', () => proxy.backends.list()[0]?.sessions === 0);
    assert.equal(proxy.backends.list()[0]?.inFlight, 0);
    await until('no backend connection is open', () => backend.open.size === 0);
    assert.ok(backend.received.length <= Math.min(1, arrivals), 'the backend was told of it');
    assert.ok(seen <= arrivals);

    const next = await RawConnection.open(port);
    assert.equal((await next.exchange(post(5, 'hello'))).status, 200);
    await next.close();
  });
}

test('a body that somebody has read already is refused, not waited for', async (t) => {
  watchForLeaks(t);
  const backend = await rawBackend(t, (socket) => socket.write(answerOf('whole')));
  const { port, server, proxy, failures } = await startGateway(t, { backends: [backend.url] });
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    request.resume().on('end', () => void proxy.handle(request, response));
  });
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.close());
  assert.equal((await cpe.exchange(post(5, 'hello'))).status, 500);
  assert.equal(failures[0]?.error.code, 'ERR_CWMP_BODY_CONSUMED');
});

test('a CPE that takes nothing of an answer that was held is cut', async (t) => {
  watchForLeaks(t);
  const backend = await rawBackend(t, (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${big}\r\n\r\n`);
    socket.write(Buffer.alloc(big));
  });
  const { port, idle, server } = await startGateway(t, {
    backends: [backend.url],
    timeouts: { requestMs: 50 },
    limits: { maxHeldBytes: big },
  });
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.socket.destroy());
  cpe.socket.pause();
  cpe.write(post(0));
  await until('the backend was asked', () => backend.received.length > 0);
  await idle();
  const connections = (): Promise<number> =>
    new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
  await until('the CPE is cut', async () => (await connections()) === 0);
  await until('the backend connection is closed', () => backend.open.size === 0);
});
