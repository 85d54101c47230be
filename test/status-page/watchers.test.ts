import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { createCwmpProxy, type FailureEvent } from '@cwmp-proxy/core';
import { statusPage, type StatusPage } from '@cwmp-proxy/core/status-page';
import { connectionRequests, publicOrigin } from '../helpers/app.js';
import { atEnd } from '../helpers/at-end.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { serve } from '../helpers/serve.js';
import { until } from '../helpers/until.js';

// A browser that left while a password was checked in front of the page took the place of one who watches for ever, because the
// page waited for a `close` that had been told already: after 16 of them everybody got 503 until the process was restarted.

interface Page {
  status: StatusPage;
  port: number;
  failures: FailureEvent[];
  /** Every response, in the order of their requests. */
  responses: ServerResponse[];
}

/** A page with one place, behind something of the host's. */
async function start(
  t: TestContext,
  before: (response: ServerResponse, count: number) => unknown = () => {},
): Promise<Page> {
  const proxy = createCwmpProxy({ publicUrl: publicOrigin, connectionRequests });
  atEnd(t, () => proxy.close());
  const status = statusPage(proxy, { maxWatchers: 1 });
  atEnd(t, () => status.close());
  const failures: FailureEvent[] = [];
  proxy.on('failure', (failure) => failures.push(failure));
  const responses: ServerResponse[] = [];
  const { port } = await serve(t, (request, response) => {
    const count = responses.push(response);
    void Promise.resolve(before(response, count)).then(() => status(request, response));
  });
  return { status, port, failures, responses };
}

const events = 'GET /?events HTTP/1.1\r\nHost: a\r\n\r\n';

async function open(t: TestContext, port: number): Promise<RawConnection> {
  const browser = await RawConnection.open(port);
  atEnd(t, () => browser.socket.destroy());
  return browser;
}

/** Asks to watch; resolves with the status line. */
async function watch(browser: RawConnection): Promise<string> {
  browser.write(events);
  const [chunk]: unknown[] = await once(browser.socket, 'data');
  return String(chunk).split('\r\n', 1)[0] ?? '';
}

test('a browser that leaves while it is asked for a password takes no place', async (t) => {
  let admit = (): void => {};
  const check = (_response: ServerResponse, count: number): unknown =>
    count > 1 ? undefined : new Promise<void>((resolve) => (admit = resolve));
  const { port, responses } = await start(t, check);
  const gone = await open(t, port);
  gone.write(events);
  await until('it is asked', () => responses.length === 1);
  gone.reset();
  await until('the server knows', () => responses[0]?.closed === true);
  admit();
  assert.equal(await watch(await open(t, port)), 'HTTP/1.1 200 OK');
});

test('a watcher whose response the host ends makes room for the next', async (t) => {
  const { port, responses, failures } = await start(t);
  const browser = await open(t, port);
  assert.equal(await watch(browser), 'HTTP/1.1 200 OK');
  responses[0]?.end();
  await until('it is over', () => responses[0]?.closed === true);
  assert.equal(await watch(await open(t, port)), 'HTTP/1.1 200 OK');
  assert.deepEqual(failures, []);
});

test('what the host has answered is left to it', async (t) => {
  const { port, failures } = await start(t, (response) => response.writeHead(401, { 'Content-Length': 2 }).end('no'));
  const browser = await open(t, port);
  for (const target of ['/', '/?events']) {
    const answer = await browser.exchange(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`, 'GET');
    assert.equal(answer.status, 401);
  }
  assert.deepEqual(failures, []);
});

for (const method of ['writeHead', 'write', 'end', 'on', 'destroy'] as const) {
  test(`${method} of a response may throw`, async (t) => {
    const fault = new Error('the host threw');
    const { port, failures, status } = await start(t, (response, count) => {
      const spoilt = {
        [method]: () => {
          throw fault;
        },
      };
      if (count <= 3) Object.assign(response, spoilt);
    });
    for (const request of ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'POST / HTTP/1.1\r\nHost: a\r\n\r\n', events]) {
      const browser = await open(t, port);
      browser.write(request);
      await until('it is over', () => browser.ended || browser.socket.bytesRead > 0);
      browser.socket.destroy();
    }
    assert.equal(await watch(await open(t, port)), 'HTTP/1.1 200 OK');
    if (method !== 'destroy') assert.ok(failures.some(({ error }) => error.cause === fault));
    assert.ok(failures.every(({ target }) => target === 'page'));
    status.close();
  });
}

test('one who watches and takes nothing is sent no more than fits, and is cut in the end', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { port, responses } = await start(t);
  const browser = await open(t, port);
  await watch(browser);
  browser.socket.pause();
  let longest = 0;
  // Minutes of updates, each larger than a socket takes at once.
  const [response] = responses;
  response?.write('x'.repeat(20_000_000));
  for (let count = 0; count < 200; count += 1) {
    if (response?.destroyed !== false) break;
    t.mock.timers.tick(500);
    await new Promise((resolve) => setImmediate(resolve));
    longest = Math.max(longest, response.writableLength);
  }
  assert.ok(longest <= 20_100_000, `${longest} bytes were waiting`);
  assert.equal(response?.destroyed, true);
});

test('requests of one connection are answered in their order', async (t) => {
  const { port } = await start(t);
  const browser = await open(t, port);
  const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  browser.write(get + get.replace('GET', 'HEAD') + get);
  const lengths: number[] = [];
  for (const method of ['GET', 'HEAD', 'GET']) lengths.push((await browser.answer(method)).body.length);
  assert.equal(lengths[0], lengths[2]);
  assert.equal(lengths[1], 0);
});
