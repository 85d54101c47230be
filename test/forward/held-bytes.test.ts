import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { CwmpProxyOptions, WarningEvent } from '@cwmp-proxy/core';
import { atEnd } from '../helpers/at-end.js';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { valuesOf } from '../helpers/cpe-clients/raw-answer.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { type Gateway, startGateway } from '../helpers/gateway.js';
import { watchForLeaks } from '../helpers/leaks.js';
import { answerOf, type RawBackend, rawBackend } from '../helpers/raw-backend.js';
import { postOf, recordingAcs } from '../helpers/recording-acs.js';
import { until } from '../helpers/until.js';

// Seen: nothing bounded what bodies hold together before they have a session. 100 CPEs with bodies in chunks of one byte took
// 790 MB, 150 with 61 KB of gzip 1.9 GB. Promise: `limits.maxHeldTotalBytes` bounds it, and one address keeps no others out.

const chunked = 'POST /acs HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const kilobyte = 1_024;
/** What a body whose length is not known takes. */
const unknownBytes = 64 * kilobyte;

async function open(t: TestContext, port: number, localAddress = '127.0.0.1'): Promise<RawConnection> {
  const cpe = await RawConnection.open(port, { localAddress });
  atEnd(t, () => cpe.socket.destroy());
  return cpe;
}

/** A message that is streamed in gzip too: what is in it hardly compresses. */
function longGzip(): Buffer {
  const text = randomBytes(100_000).toString('base64');
  return gzipSync(inform('1').replace('<ParameterList>', `<ParameterList><!--${text}-->`));
}

function gzipHead(length: number, ...fields: string[]): string {
  const own = ['Content-Encoding: gzip', `Content-Length: ${length}`, ...fields];
  return ['POST /acs HTTP/1.1', 'Host: a', ...own, '', ''].join('\r\n');
}

/** A backend that answers each request when it is told to. */
async function patientBackend(t: TestContext): Promise<RawBackend & { asked: Socket[]; answerAll: () => void }> {
  const asked: Socket[] = [];
  const backend = await rawBackend(t, (socket) => asked.push(socket));
  const answerAll = (): void => {
    for (const socket of asked.splice(0)) socket.write(answerOf('done'));
  };
  return { ...backend, asked, answerAll };
}

function warningsOf({ proxy }: Gateway): string[] {
  const codes: string[] = [];
  proxy.on('warning', ({ code }: WarningEvent) => codes.push(code));
  return codes;
}

test('a body over the maximum waits until there is room, and is not read meanwhile', async (t) => {
  watchForLeaks(t);
  const backend = await patientBackend(t);
  const gateway = await startGateway(t, { backends: [backend.url], limits: { maxHeldTotalBytes: 64 * kilobyte } });
  const held = await open(t, gateway.port);
  held.write(postOf('x'.repeat(40 * kilobyte)));
  await until('one is held', () => backend.asked.length === 1);
  const sockets: Socket[] = [];
  gateway.server.on('connection', (socket) => sockets.push(socket));
  const waiting = await open(t, gateway.port, '127.0.0.2');
  const bytes = 5_000_000;
  waiting.write(`PUT /file HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n${'y'.repeat(bytes)}`);
  await until('its beginning was read', () => (sockets[0]?.bytesRead ?? 0) > 0);
  // A small one behind it waits too, as it would keep the long one waiting for ever.
  const small = await open(t, gateway.port, '127.0.0.3');
  small.write(postOf('small'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok((sockets[0]?.bytesRead ?? Infinity) < 4 * 65_536, `${sockets[0]?.bytesRead}`);
  assert.equal(backend.asked.length, 1);
  backend.answerAll();
  assert.equal((await held.answer()).status, 200);
  await until('the file came', () => backend.asked.length > 0);
  for (const cpe of [waiting, small]) {
    await until('the next one is there', () => {
      backend.answerAll();
      return cpe.socket.bytesRead > 0;
    });
    assert.equal((await cpe.answer()).status, 200);
  }
  assert.deepEqual(gateway.failures, []);
});

test('a body that finds no room in time gets 503 with Retry-After, and a warning names the option', async (t) => {
  watchForLeaks(t);
  const backend = await patientBackend(t);
  const gateway = await startGateway(t, {
    backends: [backend.url],
    limits: { maxHeldTotalBytes: 64 * kilobyte },
    timeouts: { requestMs: 50 },
  });
  const warnings = warningsOf(gateway);
  const held = await open(t, gateway.port);
  held.write(postOf('x'.repeat(60 * kilobyte)));
  await until('one is held', () => backend.asked.length === 1);
  for (let count = 2; count < 5; count += 1) {
    const cpe = await open(t, gateway.port, `127.0.0.${count}`);
    const answer = await cpe.exchange(postOf('y'.repeat(10 * kilobyte)));
    assert.equal(answer.status, 503);
    assert.equal(answer.body.toString(), 'ERR_CWMP_BUSY\n');
    assert.ok(Number(valuesOf(answer, 'retry-after')[0]) >= 30);
  }
  assert.deepEqual(warnings, ['HELD_BYTES_LIMIT']);
  assert.equal(gateway.failures.length, 3);
  assert.match(gateway.failures[0]?.error.message ?? '', /limits\.maxHeldTotalBytes/);
  backend.answerAll();
  assert.equal((await held.answer()).status, 200);
  const next = await open(t, gateway.port);
  next.write(postOf('y'.repeat(10 * kilobyte)));
  await until('there is room again', () => backend.asked.length === 1);
  backend.answerAll();
  assert.equal((await next.answer()).status, 200);
});

test('above half, the slowest body gets 408, and the others go on', async (t) => {
  watchForLeaks(t);
  const acs = await recordingAcs(t);
  const gateway = await startGateway(t, { backends: [acs.url], limits: { maxHeldTotalBytes: 4 * unknownBytes } });
  const cpes: RawConnection[] = [];
  for (const [index, bytes] of [60_000, 1, 50_000].entries()) {
    const cpe = await open(t, gateway.port, `127.0.0.${index + 2}`);
    cpe.write(`${chunked}${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`);
    cpes.push(cpe);
  }
  const slow = await cpes[1]?.answer();
  assert.equal(slow?.status, 408);
  assert.equal(slow?.body.toString(), 'ERR_CWMP_REQUEST_TIMEOUT\n');
  for (const index of [0, 2]) {
    cpes[index]?.write('0\r\n\r\n');
    assert.equal((await cpes[index]?.answer())?.status, 200);
  }
});

test('a stream that comes slowly gives way too; one whose backend takes nothing does not', async (t) => {
  const backend = await rawBackend(t, () => {});
  // Each reads as it likes: the first request nothing, the second all.
  let connections = 0;
  backend.server.prependListener('connection', (socket) => {
    connections += 1;
    if (connections > 1) return;
    process.nextTick(() => socket.pause());
    atEnd(t, () => socket.destroy());
  });
  const gateway = await startGateway(t, {
    backends: [backend.url],
    limits: { maxHeldTotalBytes: 3 * unknownBytes, maxHeldBytes: 1_024 },
  });
  const put = 'PUT /file HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n';
  const stuck = await open(t, gateway.port, '127.0.0.2');
  stuck.write(put);
  stuck.write(Buffer.alloc(49_000_000));
  await until('the backend is full', () => connections === 1);
  const slow = await open(t, gateway.port, '127.0.0.3');
  slow.write(put);
  slow.write(Buffer.alloc(1_100));
  assert.equal((await slow.answer()).status, 408);
  assert.deepEqual(
    gateway.failures.map(({ error }) => error.code),
    ['ERR_CWMP_REQUEST_TIMEOUT'],
  );
  assert.equal(stuck.ended, false);
});

test('a compressed message that streams takes what its coders take, and waits for room for them', async (t) => {
  watchForLeaks(t);
  const backend = await rawBackend(t, answers);
  const { proxy, port } = await startGateway(t, {
    backends: [backend.url],
    // An eighth is for the coders of streams: one of gzip.
    limits: { maxHeldTotalBytes: 4 * 1_024 * kilobyte },
  });
  const body = longGzip();
  const first = await open(t, port, '127.0.0.2');
  first.write(Buffer.concat([Buffer.from(gzipHead(body.length)), body.subarray(0, 70_000)]));
  await until('it streams', () => backend.open.size === 1);
  const held = proxy.stats().heldBytes;
  assert.ok(held > 600 * kilobyte && held < 1_024 * kilobyte, `${held}`);
  const second = await open(t, port, '127.0.0.3');
  second.write(Buffer.concat([Buffer.from(gzipHead(body.length)), body]));
  await until('it is read', () => proxy.stats().heldBytes > held);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(backend.open.size, 1);
  // One that is whole waits for neither of them.
  const whole = await open(t, port, '127.0.0.4');
  assert.equal((await whole.exchange(gzipped(gzipSync(inform('1'))))).status, 200);
  first.socket.destroy();
  assert.equal((await second.answer()).status, 200);
  await until('all is given back', () => proxy.stats().heldBytes === 0);
});

test('compressed messages that do not come whole take no coders', async (t) => {
  watchForLeaks(t);
  const acs = await recordingAcs(t);
  const { proxy, port } = await startGateway(t, {
    backends: [acs.url],
    limits: { maxHeldTotalBytes: 4 * 1_024 * kilobyte },
  });
  const body = gzipSync(inform('1'));
  const cpes: RawConnection[] = [];
  for (let count = 0; count < 20; count += 1) {
    const cpe = await open(t, port, `127.0.0.${count + 2}`);
    cpe.write(Buffer.concat([Buffer.from(gzipHead(body.length)), body.subarray(0, -1)]));
    cpes.push(cpe);
  }
  await until('all have come', () => proxy.stats().heldBytes === cpes.length * body.length);
  const other = await open(t, port, '127.0.1.1');
  assert.equal((await other.exchange(Buffer.concat([Buffer.from(gzipHead(body.length)), body]))).status, 200);
  for (const cpe of cpes) cpe.write(body.subarray(-1));
  for (const cpe of cpes) assert.equal((await cpe.answer()).status, 200);
});

function connectionsOf({ server }: Gateway): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
}

test('answers are held as long as there is room, and streamed above that', async (t) => {
  // More than what is allocated for the first.
  const second = 's'.repeat(1_000);
  const backend = await rawBackend(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
    setTimeout(() => socket.write(`3e8\r\n${second}\r\n0\r\n\r\n`), 20);
  });
  const gateway = await startGateway(t, { backends: [backend.url], limits: { maxHeldTotalBytes: unknownBytes } });
  const cpe = await open(t, gateway.port, '127.0.0.2');
  const held = await cpe.exchange(postOf(''));
  assert.equal(held.body.toString(), `first${second}`);
  assert.deepEqual(valuesOf(held, 'content-length'), ['1005']);
  const filling = await open(t, gateway.port, '127.0.0.3');
  filling.write(`${chunked}8000\r\n${'x'.repeat(0x8000)}\r\n`);
  const another = await open(t, gateway.port, '127.0.0.4');
  await until('the budget is full', async () => {
    const answer = await another.exchange(postOf(''));
    assert.equal(answer.status, 200);
    assert.equal(answer.body.toString(), `first${second}`);
    return valuesOf(answer, 'transfer-encoding')[0] === 'chunked';
  });
});

test('bodies of rewriteInform count as well', async (t) => {
  const backend = await patientBackend(t);
  const gateway = await startGateway(t, {
    backends: [backend.url],
    limits: { maxHeldTotalBytes: 64 * kilobyte },
    timeouts: { requestMs: 50 },
  });
  const codes: unknown[] = [];
  gateway.server.removeAllListeners('request');
  gateway.server.on('request', (request, response) => {
    if (request.method === 'PUT') void gateway.proxy.handle(request, response);
    else {
      gateway.proxy.rewriteRequest(request, response).then(
        () => request.resume().on('end', () => response.end('read')),
        (error: unknown) => {
          codes.push(error instanceof Error && 'code' in error && error.code);
          response.writeHead(503, { Connection: 'close' }).end();
        },
      );
    }
  });
  const held = await open(t, gateway.port);
  held.write(`PUT /file HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(60_000)}`);
  await until('one is held', () => backend.asked.length === 1);
  const refused = await open(t, gateway.port, '127.0.0.2');
  assert.equal((await refused.exchange(postOf('y'.repeat(10_000)))).status, 503);
  assert.deepEqual(codes, ['ERR_CWMP_BUSY']);
  backend.answerAll();
  assert.equal((await held.answer('PUT')).status, 200);
  for (let count = 0; count < 20; count += 1) {
    // Nothing is left of those before.
    const next = await open(t, gateway.port, '127.0.0.3');
    assert.equal((await next.exchange(postOf('y'.repeat(50_000)))).body.toString(), 'read');
    next.socket.destroy();
  }
});

test('a CPE that leaves gives back what it held, and close() lets nobody wait', async (t) => {
  watchForLeaks(t);
  const backend = await patientBackend(t);
  const gateway = await startGateway(t, { backends: [backend.url], limits: { maxHeldTotalBytes: unknownBytes } });
  for (let count = 0; count < 5; count += 1) {
    const leaving = await open(t, gateway.port, '127.0.0.2');
    leaving.write(`${chunked}8000\r\n${'x'.repeat(0x8000)}\r\n`);
    await until('it has begun', () => leaving.socket.bytesWritten > 0x8000);
    leaving.socket.destroy();
  }
  const held = await open(t, gateway.port, '127.0.0.3');
  held.write(postOf('x'.repeat(60 * kilobyte)));
  await until('there is room again', () => backend.asked.length === 1);
  const waiting = await open(t, gateway.port, '127.0.0.4');
  waiting.write(postOf('y'.repeat(60 * kilobyte)));
  await until('it waits', async () => (await connectionsOf(gateway)) === 2);
  await gateway.proxy.close();
  assert.equal((await waiting.answer()).status, 503);
  await gateway.idle();
  assert.deepEqual(
    gateway.failures
      .map(({ error }) => error.code)
      .filter((code) => code !== 'ERR_CWMP_CPE_GONE')
      .at(-1),
    'ERR_CWMP_CLOSED',
  );
});

interface Ending {
  name: string;
  /** What the backend does with a whole request. */
  backend?: (socket: Socket) => void;
  options?: Partial<CwmpProxyOptions>;
  /** What the host does first; whether it has answered. */
  host?: (response: ServerResponse) => void;
  /** What the CPE sends first. */
  sends: string | Buffer;
  /** What it does then. */
  next?: (cpe: RawConnection, gateway: Gateway) => unknown;
}

const half = `${chunked}8000\r\n${'x'.repeat(0x8000)}\r\n`;
const put = `PUT /file HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n${'x'.repeat(200_000)}`;
const answers = (socket: Socket): unknown => socket.write(answerOf('done'));
const leave = (cpe: RawConnection): unknown => cpe.socket.destroy();
const shutDown = async (_cpe: RawConnection, { proxy }: Gateway): Promise<void> => proxy.close();
const shortTimes = { timeouts: { requestMs: 50, headersMs: 50, bodyMs: 50, connectMs: 50 } };

const endings: readonly Ending[] = [
  { name: 'the CPE leaves in the middle of its body', sends: half, next: leave },
  { name: 'the CPE closes in the middle of its body', sends: half, next: (cpe) => cpe.socket.end() },
  { name: 'the CPE stalls', sends: half, options: shortTimes },
  {
    name: 'a body is too long',
    sends: half,
    options: { limits: { maxBodyBytes: 40_000 } },
    next: (cpe) => cpe.write(`8000\r\n${'x'.repeat(0x8000)}\r\n`),
  },
  { name: 'the proxy is closed while a body comes', sends: half, options: shortTimes, next: shutDown },
  { name: 'the CPE leaves while its message is with the backend', sends: postOf('x'.repeat(10_000)), next: leave },
  { name: 'the backend is silent', sends: postOf('x'.repeat(10_000)), options: shortTimes },
  { name: 'the backend resets', sends: postOf('x'.repeat(10_000)), backend: (socket) => socket.resetAndDestroy() },
  { name: 'the proxy is closed while the backend is asked', sends: postOf('x'.repeat(10_000)), next: shutDown },
  { name: 'no backend is there', sends: postOf('x'.repeat(10_000)), options: { backends: ['http://127.0.0.1:9'] } },
  { name: 'the backend answers', sends: postOf('x'.repeat(10_000)), backend: answers },
  {
    name: 'the backend breaks off its answer',
    sends: postOf('x'.repeat(10_000)),
    backend: (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf'),
  },
  {
    name: 'the backend stalls in the middle of its answer',
    sends: postOf('x'.repeat(10_000)),
    options: shortTimes,
    backend: (socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'),
  },
  {
    name: 'the CPE leaves in the middle of a held answer',
    sends: postOf('x'.repeat(10_000)),
    backend: (socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'),
    next: leave,
  },
  {
    name: 'the host answers in the place of the proxy',
    sends: postOf('x'.repeat(10_000)),
    host: (response) => setTimeout(() => response.writeHead(504).end(), 20),
  },
  { name: 'a file streams and its CPE leaves', sends: put, next: leave },
  { name: 'a file streams and the backend breaks', sends: put, next: (_cpe, { proxy }) => proxy.close() },
  {
    name: 'a compressed message is none',
    sends: `${gzipHead(10)}0123456789`,
  },
  {
    name: 'a compressed message goes on behind its end',
    sends: Buffer.concat([Buffer.from(gzipHead(gzipSync('x').length + 1)), gzipSync('x'), Buffer.of(0)]),
  },
  { name: 'a compressed message is answered', sends: gzipped(gzipSync(inform('1'))), backend: answers },
  { name: 'a compressed message streams and is answered', sends: gzipped(longGzip()), backend: answers },
  {
    name: 'a compressed message streams and its CPE leaves',
    sends: gzipped(longGzip()).subarray(0, 100_000),
    next: leave,
  },
  { name: 'a compressed message streams and stalls', sends: gzipped(longGzip()).subarray(0, -5), options: shortTimes },
  {
    name: 'a compressed message streams and is no longer one',
    sends: gzipped(Buffer.concat([longGzip().subarray(0, 80_000), Buffer.alloc(50_000)])),
  },
  {
    name: 'the session finds no place',
    sends: postOf(inform('1')),
    options: { limits: { maxSessions: 1, maxSessionsPerAddress: 1 }, timeouts: { headersMs: 1_000 } },
    next: async (_cpe, { port }) => {
      const second = await RawConnection.open(port);
      second.write(postOf(inform('2')));
      await second.answer();
      second.socket.destroy();
    },
  },
];

function gzipped(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(gzipHead(body.length)), body]);
}

for (const { name, backend: answer = () => {}, options = {}, host, sends, next } of endings) {
  test(`nothing stays held when ${name}`, async (t) => {
    const backend = await rawBackend(t, answer);
    const gateway = await startGateway(t, { backends: [backend.url], ...options });
    let most = 0;
    gateway.server.prependListener('request', (_request, response) => {
      host?.(response);
      const look = (): void => {
        most = Math.max(most, gateway.proxy.stats().heldBytes);
        if (!response.closed) setImmediate(look);
      };
      look();
    });
    const cpe = await open(t, gateway.port);
    cpe.write(sends);
    await until('something is held', () => most > 0);
    await next?.(cpe, gateway);
    const isOver = (): boolean => gateway.failures.length > 0 || cpe.ended || cpe.socket.bytesRead > 0;
    await until('it is over', isOver);
    await gateway.idle();
    await until('nothing is held', () => gateway.proxy.stats().heldBytes === 0);
    cpe.socket.destroy();
  });
}

test('a host that never reads what rewriteInform has rewritten keeps no room', async (t) => {
  const gateway = await startGateway(t, { backends: ['http://127.0.0.1:9'] });
  gateway.server.removeAllListeners('request');
  gateway.server.on('request', (request, response) => {
    void gateway.proxy.rewriteRequest(request, response).then(() => {
      assert.ok(gateway.proxy.stats().heldBytes > 0);
      response.end('not read');
    });
  });
  const cpe = await open(t, gateway.port);
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await cpe.exchange(postOf(inform(String(count))))).status, 200);
    await until('nothing is held', () => gateway.proxy.stats().heldBytes === 0);
  }
});

/** As many connections as there are descriptors for, both ends being here, with some left for the others. */
function trickling(): number {
  const report: unknown = process.report.getReport();
  const limits =
    typeof report === 'object' && report !== null && 'userLimits' in report ? report.userLimits : undefined;
  const files: unknown =
    typeof limits === 'object' && limits !== null && 'open_files' in limits ? limits.open_files : undefined;
  const soft: unknown = typeof files === 'object' && files !== null && 'soft' in files ? files.soft : undefined;
  return typeof soft === 'number' ? Math.floor((soft - 1_500) / 2) : Infinity;
}

const trickles: readonly { name: string; address: string; most: number; head: string }[] = [
  { name: 'in chunks', address: '127.0.0.2', most: 5_000, head: chunked },
  {
    name: 'with a length',
    address: '127.0.0.3',
    most: 1_000,
    head: 'POST /acs HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n',
  },
  {
    name: 'of gzip',
    address: '127.0.0.4',
    most: 1_000,
    head: chunked.replace('\r\n\r\n', '\r\nContent-Encoding: gzip\r\n\r\n'),
  },
];

for (const { name, address, most, head } of trickles) {
  test(`an address with thousands of bodies ${name} that trickle keeps nobody else from being served`, async (t) => {
    const acs = await recordingAcs(t);
    const gateway = await startGateway(t, {
      backends: [acs.url],
      limits: { maxHeldTotalBytes: 8 * 1_024 * kilobyte, maxConnectionsPerAddress: 10_000 },
    });
    const slow: RawConnection[] = [];
    const drip = head.includes('chunked') ? '1\r\nx\r\n' : 'x';
    const count = Math.min(most, trickling());
    while (slow.length < count) {
      const more = await Promise.all(Array.from({ length: 50 }, () => open(t, gateway.port, address)));
      for (const cpe of more) cpe.write(head + drip);
      slow.push(...more);
    }
    let next = 0;
    const trickle = setInterval(() => {
      for (const { socket } of slow.slice(next, next + 500)) if (socket.writable) socket.write(drip);
      next = (next + 500) % count;
    }, 50);
    atEnd(t, () => clearInterval(trickle));
    const others = Array.from({ length: 100 }, async (_, index) => {
      const cpe = await open(t, gateway.port, `127.0.1.${index + 1}`);
      const body = inform(String(index));
      const message = postOf(body);
      const statuses = [(await cpe.exchange(message)).status];
      cpe.write(message.slice(0, -50));
      await new Promise((resolve) => setTimeout(resolve, 5));
      statuses.push((await cpe.exchange(message.slice(-50))).status);
      statuses.push((await cpe.exchange(`${chunked}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`)).status);
      statuses.push((await cpe.exchange(gzipped(gzipSync(body)))).status);
      return statuses;
    });
    for (const statuses of await Promise.all(others)) assert.deepEqual(statuses, [200, 200, 200, 200]);
    assert.equal(acs.requests.length, 400);
    for (const { socket } of slow) socket.destroy();
  });
}
