import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { CwmpProxyError, type InformNotice, wakeCpe, type WakeEvent } from '@cwmp-proxy/core';
import { WakePipeline } from '#core/connection-request/wake-pipeline.js';
import { createWakePolicy } from '#core/url/wake-policy.js';
import type { WakePipelineOptions } from '#core/connection-request/wake-options.js';
import {
  type Conversation,
  cpeCredentials as credentials,
  type CpeDouble,
  listenRaw,
  startCpe,
} from '../helpers/cpe-doubles/conversation.js';
import { refuser } from '../helpers/cpe-doubles/droppers.js';
import { stacks } from '../helpers/cpe-doubles/stacks.js';

const rdkB = stacks.find(({ name }) => name === 'RDK-B') ?? refuser;
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
const busy = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n';

function open(t: TestContext, options: WakePipelineOptions = {}): WakePipeline {
  const pipeline = new WakePipeline({ credentials, spacingMs: 0, ...options });
  t.after(() => pipeline.close());
  return pipeline;
}

/** A CPE that answers each request when it is told to. */
function held(): CpeDouble & { release(answer: string): void; readonly asked: Promise<void> } {
  let release: (text: string) => void = () => undefined;
  let ask = (): void => undefined;
  const answer = new Promise<string>((resolve) => {
    release = resolve;
  });
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  return {
    name: 'held',
    path: '/held',
    release: (text) => release(text),
    asked,
    async serve(talk, cpe) {
      for (let head = await talk.head(); head !== undefined; head = await talk.head()) {
        cpe.requests.push(head);
        ask();
        talk.write(await answer);
      }
    },
  };
}

/** A CPE with these answers in turn, the last one for ever. */
const script = (...answers: readonly string[]): CpeDouble => ({
  name: 'script',
  path: '/',
  async serve(talk, cpe) {
    for (let head = await talk.head(); head !== undefined; head = await talk.head()) {
      talk.write(answers[Math.min(cpe.requests.push(head), answers.length) - 1] ?? ok);
    }
  },
});

test('calls for one CPE at the same time share one request, each with its own time and signal', async (t) => {
  const double = held();
  const cpe = await startCpe(t, double);
  const events: WakeEvent[] = [];
  const pipeline = open(t, { onWake: (event) => events.push(event) });
  const leaving = new AbortController();
  const first = pipeline.wake(cpe.url);
  const aborted = pipeline.wake(cpe.url, { signal: leaving.signal });
  // The same place in another dress.
  const last = pipeline.wake(cpe.url.replace('http:', 'HTTP:'));
  await double.asked;
  leaving.abort();
  assert.equal((await aborted).outcome, 'aborted');
  const late = await pipeline.wake(cpe.url, { timeoutMs: 5 });
  assert.equal(late.outcome, 'timeout');
  assert.equal(late.legs.at(-1)?.error, 'timeout');
  double.release(ok);
  assert.equal((await first).outcome, 'accepted');
  assert.equal((await last).outcome, 'accepted');
  assert.equal(cpe.state.requests.length, 1);
  assert.equal(new Set(events.map(({ id }) => id)).size, 1);
  assert.deepEqual(events.map(({ outcome }) => outcome).sort(), ['aborted', 'accepted', 'accepted', 'timeout']);
  assert.equal(events[0]?.origin, cpe.url);
});

test('a call with other credentials does not share, and waits for the one before it', async (t) => {
  const cpe = await startCpe(t, rdkB);
  const pipeline = open(t);
  const [right, wrong] = await Promise.all([
    pipeline.wake(cpe.url),
    pipeline.wake(cpe.url, { credentials: { username: 'acs-7', password: 'no' } }),
  ]);
  assert.equal(right.outcome, 'accepted');
  assert.equal(wrong.outcome, 'credentials-refused');
  assert.equal(cpe.state.requests.length, 4);
});

test('a call that leaves while another runs before it takes nothing with it', async (t) => {
  const double = held();
  const cpe = await startCpe(t, double);
  const pipeline = open(t);
  const first = pipeline.wake(cpe.url);
  const second = pipeline.wake(cpe.url, { credentials: { username: 'b', password: 'b' }, timeoutMs: 10 });
  assert.equal((await second).outcome, 'timeout');
  double.release(ok);
  assert.equal((await first).outcome, 'accepted');
  assert.equal((await pipeline.wake(cpe.url)).outcome, 'accepted');
});

test('the last caller to leave ends the request', async (t) => {
  let gone = (): void => undefined;
  const left = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const port = await listenRaw(t, async (talk) => {
    await talk.head();
    await talk.gone();
    gone();
  });
  const result = await open(t).wake(`http://127.0.0.1:${port}/`, { timeoutMs: 30 });
  assert.equal(result.outcome, 'timeout');
  await left;
});

test('tries credentials in their order, and asks a function only once challenged, with what is known of the CPE', async (t) => {
  const cpe = await startCpe(t, rdkB);
  const old = { username: 'acs-7', password: 'last month' };
  const rotated = await open(t).wake(cpe.url, { credentials: [old, credentials] });
  assert.equal(rotated.outcome, 'accepted');
  assert.deepEqual(
    rotated.legs.map(({ status }) => status),
    [undefined, 401, 401, 200],
  );

  let informed: ((inform: InformNotice) => void) | undefined;
  const asked: unknown[] = [];
  const pipeline = open(t, {
    credentials: (request) => {
      asked.push(request);
      return Promise.resolve(credentials);
    },
    onInform: (listener) => {
      informed = listener;
      return () => undefined;
    },
  });
  informed?.({ url: cpe.url, events: ['2 PERIODIC'], device: { oui: '0090A9', serialNumber: '7' } });
  const result = await pipeline.wake(cpe.url);
  assert.equal(result.outcome, 'accepted');
  assert.deepEqual(asked, [{ origin: cpe.url, device: { oui: '0090A9', serialNumber: '7' } }]);
});

for (const [name, source] of [
  [
    'throws',
    () => {
      throw new Error('secret trouble');
    },
  ],
  ['gives none', () => undefined],
  ['gives a user name that would break the header', () => ({ username: 'a\r\nX: y', password: '' })],
] as const) {
  test(`a credentials function that ${name} means no credentials`, async (t) => {
    const cpe = await startCpe(t, rdkB);
    const result = await open(t).wake(cpe.url, { credentials: source });
    assert.equal(result.outcome, 'no-credentials');
    assert.equal(cpe.state.requests.length, 1);
  });
}

test('a credentials function that never answers ends with the time', async (t) => {
  const cpe = await startCpe(t, rdkB);
  const result = await open(t).wake(cpe.url, { credentials: () => new Promise(() => undefined), timeoutMs: 30 });
  assert.equal(result.outcome, 'timeout');
  assert.deepEqual(result.legs.at(-1)?.what, 'credentials');
});

test('tries again where that helps: a busy CPE', async (t) => {
  const cpe = await startCpe(t, script(busy, ok));
  const result = await open(t).wake(cpe.url, { retries: 1 });
  assert.equal(result.outcome, 'accepted');
  assert.deepEqual(
    result.legs.map(({ what, status }) => [what, status]),
    [
      ['connect', undefined],
      ['request', 503],
      ['pause', undefined],
      ['connect', undefined],
      ['request', 200],
    ],
  );
});

test('does not try again when it was refused, nor when the time would not do', async (t) => {
  const cpe = await startCpe(t, script('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n'));
  const refused = await open(t).wake(cpe.url, { retries: 5 });
  assert.equal(refused.outcome, 'refused');
  assert.equal(cpe.state.requests.length, 1);
  const other = await startCpe(t, script(busy));
  const late = await open(t).wake(other.url, { retries: 5, timeoutMs: 100 });
  assert.equal(late.outcome, 'busy');
  assert.equal(other.state.requests.length, 1);
});

test('keeps a least time between two wakes of a CPE, and none between two CPEs', async (t) => {
  const cpe = await startCpe(t, script(ok));
  const other = await startCpe(t, script(ok));
  const pipeline = open(t, { spacingMs: 40 });
  const results = [await pipeline.wake(cpe.url), await pipeline.wake(cpe.url), await pipeline.wake(other.url)];
  assert.deepEqual(
    results.map(({ legs }) => legs[0]?.what),
    ['connect', 'turn', 'connect'],
  );
  const impatient = await pipeline.wake(cpe.url, { timeoutMs: 5 });
  assert.equal(impatient.outcome, 'timeout');
  assert.equal(impatient.legs.at(-1)?.what, 'turn');
});

test('limits what is under way at once, and lets hosts take turns', async (t) => {
  const order: string[] = [];
  let open_ = 0;
  let most = 0;
  const serve = (name: string) => async (talk: Conversation) => {
    open_ += 1;
    most = Math.max(most, open_);
    const head = await talk.head();
    order.push(`${name}${/^GET (\S+)/.exec(head ?? '')?.[1] ?? ''}`);
    await new Promise(setImmediate);
    open_ -= 1;
    talk.write(ok);
  };
  const [many, few] = [await listenRaw(t, serve('many')), await listenRaw(t, serve('few'))];
  const pipeline = open(t, { maxConcurrent: 1 });
  const paths = ['/1', '/2', '/3', '/4'];
  const calls = paths.map((path) => pipeline.wake(`http://127.0.0.1:${many}${path}`));
  calls.push(pipeline.wake(`http://127.0.0.1:${few}/`));
  for (const { outcome } of await Promise.all(calls)) assert.equal(outcome, 'accepted');
  assert.equal(most, 1);
  assert.ok(order.indexOf('few/') <= 2, order.join(' '));
});

test('more calls than may wait end as overloaded at once', async (t) => {
  const double = held();
  const cpe = await startCpe(t, double);
  const pipeline = open(t, { maxPending: 2 });
  const calls = [1, 2, 3].map(() => pipeline.wake(cpe.url));
  assert.equal((await calls[2])?.outcome, 'overloaded');
  double.release(ok);
  await Promise.all(calls);
});

test('waits for the Inform with 6 CONNECTION REQUEST of this CPE, subscribed before the request is sent', async (t) => {
  const listeners = new Set<(inform: InformNotice) => void>();
  const emit = (url: string, events: readonly string[]): void => {
    for (const listener of listeners) listener({ url, events, device: { serialNumber: '7' } });
  };
  const cpe = await startCpe(t, {
    ...script(ok),
    path: '',
    async serve(talk) {
      await talk.head();
      assert.equal(listeners.size, 1);
      emit(`${cpe.url}/`, ['2 PERIODIC']);
      emit('http://127.0.0.1:1/', ['6 CONNECTION REQUEST']);
      // Some CPEs inform before they answer.
      emit(`${cpe.url}/`, ['6 CONNECTION REQUEST']);
      talk.write(ok);
    },
  });
  const onInform = (listener: (inform: InformNotice) => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const pipeline = open(t, { onInform });
  const early = await pipeline.wake(cpe.url, { waitForInformMs: 1000 });
  assert.equal(early.outcome, 'informed');
  assert.deepEqual(early.inform, {
    url: `${cpe.url}/`,
    events: ['6 CONNECTION REQUEST'],
    device: { serialNumber: '7' },
  });
  assert.equal(listeners.size, 0);

  const quiet = await startCpe(t, script(ok));
  const none = await pipeline.wake(quiet.url, { waitForInformMs: 10 });
  assert.equal(none.outcome, 'no-inform');
  assert.equal(none.status, 200);
  assert.deepEqual(none.legs.at(-1)?.error, 'timeout');

  const waiting = pipeline.wake(quiet.url, { waitForInformMs: 5000 });
  while (!(await pipeline.wake(quiet.url)).outcome.startsWith('accepted'));
  setImmediate(() => emit(quiet.url, ['6 CONNECTION REQUEST']));
  assert.equal((await waiting).outcome, 'informed');
});

test('closing ends every wake, and leaves nothing open', async (t) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const pipeline = new WakePipeline({ credentials, maxConcurrent: 2, onInform: () => () => undefined });
  const calls = ['/a', '/b', '/c'].map((path) =>
    pipeline.wake(`http://127.0.0.1:${port}${path}`, { waitForInformMs: 60_000 }),
  );
  await once(server, 'connection');
  pipeline.close();
  for (const { outcome } of await Promise.all(calls)) assert.equal(outcome, 'aborted');
  assert.equal((await pipeline.wake(`http://127.0.0.1:${port}/`)).outcome, 'aborted');
  while (sockets.size > 0) await new Promise(setImmediate);
});

test('a policy is asked with the very address that is dialled, and nothing leaves when it says no', async (t) => {
  const cpe = await startCpe(t, script(ok));
  const policy = createWakePolicy({ allow: ['10.0.0.0/8'] });
  for (const host of ['127.0.0.1', 'localhost', '127.1', '0x7f000001', '2130706433']) {
    const result = await wakeCpe(cpe.url.replace('127.0.0.1', host), { policy });
    assert.ok(['forbidden', 'bad-origin'].includes(result.outcome), `${host}: ${result.outcome}`);
  }
  assert.equal(cpe.state.connections, 0);
  const asked: string[] = [];
  const named = cpe.url.replace('127.0.0.1', 'localhost');
  const watched = { allows: (address: string) => asked.push(address) > 0 && address === '127.0.0.1' };
  assert.equal((await wakeCpe(named, { policy: watched })).outcome, 'accepted');
  assert.equal(asked.at(-1), '127.0.0.1');
});

test('what is not a usable URL is an outcome; a wrong option is an error with its path', async () => {
  const bad = [
    '',
    'ftp://x/',
    'http://',
    'http://u:p@h/',
    'http://h:0/',
    'http://h:99999/',
    'http://h/a b',
    'http://h/\r\nX:',
    'http://[::1%25lo]/',
    'http://h\\@x/',
    '//h/',
  ];
  for (const origin of bad) assert.equal((await wakeCpe(origin)).outcome, 'bad-origin', origin);
  const refused = await wakeCpe('http://127.0.0.1:1/');
  assert.equal(refused.outcome, 'unreachable');
  assert.equal(refused.legs.at(-1)?.error, 'ECONNREFUSED');
  const nameless = await wakeCpe('http://cpe.invalid/');
  assert.equal(nameless.outcome, 'unreachable');
  assert.equal(nameless.legs.at(-1)?.what, 'resolve');
  for (const [options, path] of [
    [{ timeoutMs: 0 }, /^timeoutMs: /],
    [{ retries: 11 }, /^retries: /],
    [{ waitForInformMs: 5 }, /^onInform: /],
    [{ credentials: { username: 'a\nb', password: 'hush' } }, /^credentials: /],
  ] as const) {
    await assert.rejects(wakeCpe('http://h/', options), (error) => {
      assert.ok(error instanceof CwmpProxyError && error.code === 'ERR_CWMP_OPTION');
      assert.match(error.message, path);
      assert.doesNotMatch(error.message, /hush/);
      return true;
    });
  }
});

test('no secret, nonce or text of the CPE stands in any result', async (t) => {
  const doubles = [...stacks, refuser];
  const secrets = [credentials.password, 'Digest ', 'response=', 'HTTP/1.1', 'realm'];
  for (const double of doubles) {
    const cpe = await startCpe(t, double);
    const events: WakeEvent[] = [];
    const result = await open(t, { onWake: (event) => events.push(event) }).wake(cpe.url);
    const text = JSON.stringify([result, events]);
    for (const secret of [...secrets, ...(cpe.state.nonce === '' ? [] : [cpe.state.nonce])]) {
      assert.ok(!text.includes(secret), `${double.name}: ${secret}`);
    }
  }
});
