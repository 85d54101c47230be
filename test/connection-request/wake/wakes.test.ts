import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CwmpProxyError, type InformNotice, wakeCpe, type WakeEvent } from '@cwmp-proxy/core';
import { createWakePolicy } from '#core/policy/target-policy.js';
import { cpeCredentials as credentials, ok, startCpe } from '../../helpers/cpe-doubles/conversation.js';
import { refuser } from '../../helpers/cpe-doubles/droppers.js';
import { script } from '../../helpers/cpe-doubles/scripted.js';
import { stacks } from '../../helpers/cpe-doubles/stacks.js';
import { resolveBy } from '../../helpers/fake-dns.js';
import { openWakes } from '../../helpers/open-wakes.js';

const rdkB = stacks.find(({ name }) => name === 'RDK-B') ?? refuser;
const busy = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n';

test('tries credentials in their order, and asks a function only once challenged, with what is known of the CPE', async (t) => {
  const cpe = await startCpe(t, rdkB);
  const old = { username: 'acs-7', password: 'last month' };
  const rotated = await openWakes(t).wake(cpe.url, { credentials: [old, credentials] });
  assert.equal(rotated.outcome, 'accepted');
  assert.deepEqual(
    rotated.legs.map(({ status }) => status),
    [undefined, 401, 401, 200],
  );

  let informed: ((inform: InformNotice) => void) | undefined;
  const asked: unknown[] = [];
  const wakes = openWakes(t, {
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
  const result = await wakes.wake(cpe.url);
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
    const result = await openWakes(t).wake(cpe.url, { credentials: source });
    assert.equal(result.outcome, 'no-credentials');
    assert.equal(cpe.state.requests.length, 1);
  });
}

test('a credentials function that never answers ends with the time', async (t) => {
  const cpe = await startCpe(t, rdkB);
  const result = await openWakes(t).wake(cpe.url, {
    credentials: () => new Promise(() => undefined),
    timeoutMs: 30,
  });
  assert.equal(result.outcome, 'timeout');
  assert.deepEqual(result.legs.at(-1)?.what, 'credentials');
});

test('tries again where that helps: a busy CPE', async (t) => {
  const cpe = await startCpe(t, script(busy, ok));
  const result = await openWakes(t).wake(cpe.url, { retries: 1 });
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
  const refused = await openWakes(t).wake(cpe.url, { retries: 5 });
  assert.equal(refused.outcome, 'refused');
  assert.equal(cpe.state.requests.length, 1);
  const other = await startCpe(t, script(busy));
  const late = await openWakes(t).wake(other.url, { retries: 1, timeoutMs: 240 });
  assert.equal(late.outcome, 'busy');
  assert.equal(other.state.requests.length, 1);
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
  const wakes = openWakes(t, { onInform });
  const early = await wakes.wake(cpe.url, { waitForInformMs: 1000 });
  assert.equal(early.outcome, 'informed');
  assert.deepEqual(early.inform, {
    url: `${cpe.url}/`,
    events: ['6 CONNECTION REQUEST'],
    device: { serialNumber: '7' },
  });
  // It stays subscribed: the next wait knows CPEs by their DeviceId.
  assert.equal(listeners.size, 1);

  const quiet = await startCpe(t, script(ok));
  const none = await wakes.wake(quiet.url, { waitForInformMs: 10 });
  assert.equal(none.outcome, 'no-inform');
  assert.equal(none.status, 200);
  assert.deepEqual(none.legs.at(-1)?.error, 'timeout');

  const waiting = wakes.wake(quiet.url, { waitForInformMs: 5000 });
  while (!(await wakes.wake(quiet.url)).outcome.startsWith('accepted'));
  setImmediate(() => emit(quiet.url, ['6 CONNECTION REQUEST']));
  assert.equal((await waiting).outcome, 'informed');
  wakes.close();
  assert.equal(listeners.size, 0);
});

test('an Inform that comes before the CPE was asked is not the one that is waited for', async (t) => {
  const listeners = new Set<(inform: InformNotice) => void>();
  const cpe = await startCpe(t, script(ok));
  const wakes = openWakes(t, {
    spacingMs: 50,
    onInform: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  await wakes.wake(cpe.url);
  const next = wakes.wake(cpe.url, { waitForInformMs: 10 });
  for (const listener of listeners) listener({ url: cpe.url, events: ['6 CONNECTION REQUEST'] });
  assert.equal((await next).outcome, 'no-inform');
});

test('counts the uses of a nonce that the CPE keeps, and names the scheme that was answered with', async (t) => {
  const cpe = await startCpe(t, {
    name: 'keeps its nonce, asks for Basic in the end',
    path: '/',
    async serve(talk, { requests }) {
      for (let head = await talk.head(); head !== undefined; head = await talk.head()) {
        const challenge = requests.push(head) < 3 ? 'Digest realm="r", nonce="n", qop="auth"' : 'Basic realm="r"';
        talk.write(`HTTP/1.1 401 x\r\nWWW-Authenticate: ${challenge}\r\nContent-Length: 0\r\n\r\n`);
      }
    },
  });
  const result = await wakeCpe(cpe.url, { credentials: [credentials, { username: 'b', password: 'b' }] });
  assert.equal(result.outcome, 'credentials-refused');
  assert.equal(result.scheme, 'digest');
  assert.equal(result.algorithm, 'MD5');
  const counts = cpe.state.requests.map((head) => /nc=(\d+)/.exec(head)?.[1]);
  assert.deepEqual(counts, [undefined, '00000001', '00000002']);
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
  const { lookup } = resolveBy(() => ({ code: 'ENOTFOUND' }));
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
  const nameless = await wakeCpe('http://cpe.invalid/', { lookup });
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
    const result = await openWakes(t, { onWake: (event) => events.push(event) }).wake(cpe.url);
    const text = JSON.stringify([result, events]);
    for (const secret of [...secrets, ...(cpe.state.nonce === '' ? [] : [cpe.state.nonce])]) {
      assert.ok(!text.includes(secret), `${double.name}: ${secret}`);
    }
  }
});
