import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test, type TestContext } from 'node:test';
import {
  answerDigest,
  chooseDigestChallenge,
  type ConnectionRequestOptions,
  type CwmpProxyOptions,
  type WakeResult,
} from '@cwmp-proxy/core';
import { cpeCredentials, type CpeDouble, field, listenRaw, ok, startCpe } from '../helpers/cpe-doubles/conversation.js';
import { resolveBy } from '../helpers/fake-dns.js';
import { basic, type Gate, send, startGate } from '../helpers/gate.js';
import { listen } from '../helpers/listen.js';
import { MemoryStores } from '../helpers/memory-stores.js';
import { openWakes } from '../helpers/open-wakes.js';
import { until } from '../helpers/until.js';
import { certificate, key } from '../helpers/test-certificate.js';
import { createServer as createTlsServer } from 'node:tls';

/*
 * Seen: guesses were counted by the host of the CPE's URL, and 200 of 200 reached a CPE by another name each time. Cause: whoever asks
 * chooses the name. Promise: what is counted, shared and spaced goes by the address that is dialled.
 */

const hasIpv6 = Object.values(networkInterfaces()).some(
  (list) => list?.some(({ address }) => address === '::1') === true,
);
const challenge = 'HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\nContent-Length: 0\r\n\r\n';

/** A CPE that takes the user `right` only, and counts the answers to its challenge. */
function oneUser(): CpeDouble & { answers: number } {
  return {
    name: 'takes one user',
    path: '/',
    answers: 0,
    async serve(talk, cpe) {
      for (let head = await talk.head(); head !== undefined; head = await talk.head()) {
        cpe.requests.push(head);
        const answer = field(head, 'Authorization');
        if (answer !== undefined) this.answers += 1;
        talk.write(answer?.includes('username="right"') === true ? ok : challenge);
      }
    },
  };
}

/** Every name is the CPE on loopback. */
const everyName = resolveBy(() => ['127.0.0.1']).lookup;
const at = (name: string, url: string): string => url.replace('127.0.0.1', name);
const allow = ['127.0.0.0/8', '::1/128'];

function start(t: TestContext, mode: 'forward' | 'relay', lookup: CwmpProxyOptions['lookup']): Promise<Gate> {
  return startGate(t, { allow, access: { modes: [mode], maxFailures: 5 }, timeoutMs: 20_000 }, { lookup });
}

/** Asks for a wake with a pair, or an answer to a challenge that is made up. */
async function guess(gate: Gate, mode: 'forward' | 'relay', url: string, user: string): Promise<number> {
  const target = `/client?origin=${encodeURIComponent(url)}`;
  const made = `Digest username="${user}", realm="r", nonce="n-${user}", uri="/", response="${'0'.repeat(32)}"`;
  const headers = mode === 'forward' ? basic(`${user}:x`) : { authorization: made };
  return (await send({ port: gate.port, target, headers })).status;
}

for (const mode of ['forward', 'relay'] as const) {
  test(`${mode}: 200 guesses by 200 names of one CPE reach it as often as by one name`, async (t) => {
    const double = oneUser();
    const cpe = await startCpe(t, double);
    const gate = await start(t, mode, everyName);
    const statuses: number[] = [];
    for (let index = 0; index < 200; index += 1) {
      statuses.push(await guess(gate, mode, at(`cpe-${index}.test`, cpe.url), `wrong-${index}`));
    }
    assert.equal(double.answers, 5);
    assert.deepEqual(statuses.slice(0, 6), [401, 401, 401, 401, 401, 429]);
  });

  test(`${mode}: guesses count at the address that was dialled, whatever other addresses a name has before it`, async (t) => {
    const double = oneUser();
    const cpe = await startCpe(t, double);
    const gate = await start(t, mode, resolveBy((_name, times) => [`127.0.1.${times}`, '127.0.0.1']).lookup);
    const all = Array.from({ length: 20 }, (_, index) =>
      guess(gate, mode, at(`cpe-${index}.test`, cpe.url), `wrong-${index}`),
    );
    const statuses = await Promise.all(all);
    assert.equal(double.answers, 5);
    assert.equal(statuses.filter((status) => status === 401).length, 5);
  });

  test(`${mode}: guesses at CPEs behind one address count for each, and for all of them together`, async (t) => {
    const doubles = Array.from({ length: 6 }, () => oneUser());
    const gate = await start(t, mode, everyName);
    const statuses: number[] = [];
    for (const double of doubles) {
      const cpe = await startCpe(t, double);
      for (let index = 0; index < 6; index += 1) statuses.push(await guess(gate, mode, cpe.url, `wrong-${index}`));
    }
    const answers = doubles.map((double) => double.answers);
    assert.deepEqual(answers.slice(0, 4), [5, 5, 5, 5]);
    // One is forgiven every three seconds.
    assert.ok((answers[5] ?? 0) <= 2, String(answers));
    assert.ok(statuses.filter((status) => status === 429).length >= 12);
  });

  test(`${mode}: an IPv6 address is one however it is written`, { skip: !hasIpv6 }, async (t) => {
    const double = oneUser();
    const cpe = await startCpe(t, double);
    const port = Number(new URL(cpe.url).port);
    const serving = createServer((socket) => {
      socket
        .on('error', () => undefined)
        .on('data', (data) => {
          if (data.toString().includes('Authorization')) double.answers += 1;
          socket.write(challenge);
        });
    });
    serving.listen(port, '::1');
    t.after(() => serving.close());
    const gate = await start(t, mode, everyName);
    const forms = ['::1', '0:0:0:0:0:0:0:1', '::0001', '0::1', '0000::1', '::0:1', '0:0::1', '::0.0.0.1'];
    for (const form of forms) await guess(gate, mode, `http://[${form}]:${port}/`, form.replaceAll(':', '-'));
    assert.equal(double.answers, 5);
  });

  test(`${mode}: names that cannot be looked up are nobody's guess, and push out no counts`, async (t) => {
    const double = oneUser();
    const cpe = await startCpe(t, double);
    const lookup = resolveBy((name) => (name === 'cpe.test' ? ['127.0.0.1'] : { code: 'ENOTFOUND' })).lookup;
    const gate = await start(t, mode, lookup);
    const url = at('cpe.test', cpe.url);
    for (let index = 0; index < 5; index += 1) assert.equal(await guess(gate, mode, url, `wrong-${index}`), 401);
    for (let index = 0; index < 300; index += 1) {
      assert.equal(await guess(gate, mode, `http://no-${index}.test:7547/`, 'wrong'), 503);
    }
    assert.equal(await guess(gate, mode, url, 'wrong-again'), 429);
    assert.equal(double.answers, 5);
  });
}

test('wakes by several names of one CPE share one request', async (t) => {
  const double = oneUser();
  const cpe = await startCpe(t, double);
  const wakes = openWakes(t, { credentials: { username: 'right', password: 'x' }, lookup: everyName });
  const urls = [cpe.url, ...['a.test', 'b.test', 'c.test'].map((name) => at(name, cpe.url))];
  const results = await Promise.all([...urls, ...urls].map((url) => wakes.wake(url)));
  assert.deepEqual(new Set(results.map(({ outcome }) => outcome)), new Set(['accepted']));
  assert.equal(cpe.state.requests.length, 2, 'one wake: two legs');
});

test('names that lead elsewhere when the first address is dead share nothing', async (t) => {
  const mine = await startCpe(t, oneUser());
  const lookup = resolveBy((name) => ['127.0.0.9', name === 'a.test' ? '127.0.0.1' : '127.0.0.8']).lookup;
  const wakes = openWakes(t, { credentials: { username: 'right', password: 'x' }, lookup });
  const results = await Promise.all(['a.test', 'b.test', 'a.test'].map((name) => wakes.wake(at(name, mine.url))));
  assert.deepEqual(
    results.map(({ outcome, address }) => [outcome, address]),
    [
      ['accepted', '127.0.0.1'],
      ['unreachable', '127.0.0.8'],
      ['accepted', '127.0.0.1'],
    ],
  );
  assert.equal(mine.state.requests.length, 2);
});

test('a credentials function is asked for each name of a CPE', async (t) => {
  const double = oneUser();
  const cpe = await startCpe(t, double);
  const asked: string[] = [];
  const wakes = openWakes(t, {
    lookup: everyName,
    credentials: ({ origin }) => {
      asked.push(new URL(origin).hostname);
      return { username: origin.includes('a.test') ? 'right' : 'wrong', password: 'x' };
    },
  });
  const results = await Promise.all(['a.test', 'b.test'].map((name) => wakes.wake(at(name, cpe.url))));
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ['accepted', 'credentials-refused'],
  );
  assert.deepEqual(asked.sort(), ['a.test', 'b.test']);
});

/** A CPE that counts how many requests are with it at once. */
function counting(): CpeDouble & { most: number } {
  let open = 0;
  return {
    name: 'counts',
    path: '/',
    most: 0,
    async serve(talk) {
      if ((await talk.head()) === undefined) return;
      open += 1;
      this.most = Math.max(this.most, open);
      await new Promise((resolve) => setTimeout(resolve, 20));
      open -= 1;
      talk.write(ok);
    },
  };
}

test('one CPE has one request at a time, by whatever name, scheme and credentials it is asked', async (t) => {
  const double = counting();
  const cpe = await startCpe(t, double);
  const wakes = openWakes(t, { lookup: everyName, tls: { rejectUnauthorized: false } });
  const urls = ['a.test', 'b.test', '127.0.0.1'].map((name) => at(name, cpe.url));
  const all = urls.flatMap((url) => [
    wakes.wake(url),
    wakes.wake(url, { credentials: { username: url, password: 'x' } }),
    wakes.wake(url.replace('http:', 'https:'), { timeoutMs: 1_000 }),
  ]);
  await Promise.all(all);
  assert.equal(double.most, 1);
});

test('the time between two wakes of a CPE is kept, by whatever name it is woken; another port is another CPE', async (t) => {
  const [one, other] = [await startCpe(t, counting()), await startCpe(t, counting())];
  const wakes = openWakes(t, { lookup: everyName, spacingMs: 60_000 });
  const steps = ({ outcome, legs }: WakeResult): unknown[] => [outcome, legs.at(-1)?.what];
  assert.equal((await wakes.wake(at('a.test', one.url))).outcome, 'accepted');
  assert.deepEqual(steps(await wakes.wake(at('b.test', one.url), { timeoutMs: 300 })), ['timeout', 'turn']);
  assert.deepEqual(steps(await wakes.wake(one.url, { timeoutMs: 300 })), ['timeout', 'turn']);
  const secure = at('c.test', one.url).replace('http:', 'https:');
  assert.deepEqual(steps(await wakes.wake(secure, { timeoutMs: 300 })), ['timeout', 'turn']);
  assert.equal((await wakes.wake(at('b.test', other.url))).outcome, 'accepted');
});

test('the next address of a name is another CPE: it is waited for, and kept from others', async (t) => {
  const double = counting();
  const cpe = await startCpe(t, double);
  const lookup = resolveBy((name) => (name === 'two.test' ? ['127.0.0.9', '127.0.0.1'] : ['127.0.0.1'])).lookup;
  const wakes = openWakes(t, { lookup, spacingMs: 60_000 });
  const two = await wakes.wake(at('two.test', cpe.url));
  assert.deepEqual([two.outcome, two.address], ['accepted', '127.0.0.1']);
  const after = await wakes.wake(at('one.test', cpe.url), { timeoutMs: 300 });
  assert.deepEqual([after.outcome, after.legs.at(-1)?.what], ['timeout', 'turn']);
  const again = await wakes.wake(at('two.test', cpe.url).replace(/\/$/, '/x'));
  assert.equal(again.outcome, 'accepted', 'another path is another CPE');
  assert.equal(double.most, 1);
});

test('forward: strangers wait for one another at a CPE, whatever name and path they choose', async (t) => {
  const double = counting();
  const cpe = await startCpe(t, double);
  const gate = await start(t, 'forward', everyName);
  const urls = Array.from({ length: 4 }, (_, index) => at(`cpe-${index}.test`, cpe.url) + index);
  await Promise.all(urls.map((url, index) => guess(gate, 'forward', url, `user-${index}`)));
  assert.equal(double.most, 1);
});

test('instances take the lease of a CPE by its address, one address after the other', async (t) => {
  const cpe = await startCpe(t, counting());
  const stores = new MemoryStores();
  const lookup = resolveBy((name) => (name === 'two.test' ? ['127.0.0.9', '127.0.0.1'] : ['127.0.0.1'])).lookup;
  const users = { acs: 'secret' };
  const gate = await startGate(t, { allow, users, store: stores.store('a') }, { lookup });
  for (const name of ['one.test', 'two.test', '127.0.0.1']) {
    assert.equal((await gate.proxy.wakeCpe(at(name, cpe.url))).outcome, 'accepted');
  }
  const { port } = new URL(cpe.url);
  assert.deepEqual([...stores.leases.keys()].sort(), [`http 127.0.0.1 ${port} /`, `http 127.0.0.9 ${port} /`]);
});

const relaying: ConnectionRequestOptions = { allow, access: { modes: ['relay'] }, timeoutMs: 20_000 };
const ask = async (gate: Gate, url: string, authorization?: string) => {
  const target = `/client?origin=${encodeURIComponent(url)}`;
  return send({ port: gate.port, target, headers: authorization === undefined ? {} : { authorization } });
};
const answerTo = (asked: string): string =>
  answerDigest(chooseDigestChallenge(asked) ?? assert.fail(asked), {
    ...cpeCredentials,
    username: 'right',
    method: 'GET',
    uri: '/client',
  });

test('relay: the challenge that is held for a CPE serves those who ask by another name, and their answers', async (t) => {
  const cpe = await startCpe(t, oneUser());
  const gate = await startGate(t, relaying, { lookup: everyName });
  const first = await ask(gate, at('a.test', cpe.url));
  const second = await ask(gate, at('b.test', cpe.url));
  assert.deepEqual([first.status, second.status], [401, 401]);
  assert.deepEqual(second.challenges, first.challenges);
  assert.equal(cpe.state.requests.length, 1);
  assert.equal((await ask(gate, cpe.url, answerTo(second.challenges[0] ?? ''))).status, 200);
  assert.equal(cpe.state.connections, 1);
});

test('relay: the challenge that is held is handed to nobody whom the policy does not let go there', async (t) => {
  const lookup = resolveBy((name) => (name === 'b.test' ? ['127.0.0.1', '127.0.0.7'] : ['127.0.0.1'])).lookup;
  const cpe = await startCpe(t, oneUser());
  const other = new URL(cpe.url).port;
  const policy = [{ host: '127.0.0.0/8', ports: [Number(other)] }];
  const gate = await startGate(t, { ...relaying, allow: policy }, { lookup });
  assert.equal((await ask(gate, at('a.test', cpe.url))).status, 401);
  assert.equal((await ask(gate, cpe.url.replace(other, '1'))).status, 403);
  assert.equal(cpe.state.requests.length, 1);
});

test('relay: a connection whose certificate was verified for one name serves no other', async (t) => {
  let connections = 0;
  const port = await listenRaw(
    t,
    async (talk) => {
      connections += 1;
      while ((await talk.head()) !== undefined) talk.write(challenge);
    },
    createTlsServer({ key, cert: certificate }),
  );
  const lookup = resolveBy(() => ['127.0.0.1']).lookup;
  const gate = await startGate(t, { ...relaying, tls: { ca: certificate } }, { lookup });
  assert.equal((await ask(gate, `https://localhost:${port}/`)).status, 401);
  assert.equal((await ask(gate, `https://localhost:${port}/`)).status, 401);
  assert.equal(connections, 1);
  assert.equal((await ask(gate, `https://other.test:${port}/`)).status, 503);
  assert.equal(connections, 1, 'it was refused in the handshake');
});

test('relay: strangers wait for one another at a CPE that is the second address of their names', async (t) => {
  let asked = 0;
  const cpe = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .on('data', () => {
        asked += 1;
        socket.write(challenge);
      });
  });
  const port = await listen(t, cpe);
  const lookup = resolveBy((_name, times) => [`127.0.1.${times}`, '127.0.0.1']).lookup;
  const gate = await startGate(t, { ...relaying, timeoutMs: 400 }, { lookup });
  const all = Array.from({ length: 8 }, (_, index) => ask(gate, `http://cpe-${index}.test:${port}/${index}`));
  const statuses = (await Promise.all(all)).map(({ status }) => status);
  assert.ok(asked <= 2, String(asked));
  assert.ok(statuses.filter((status) => status === 503).length >= 6, String(statuses));
  await gate.proxy.close();
});

test('forward: a CPE that is free is not waited for', async (t) => {
  const cpe = await startCpe(t, oneUser());
  const gate = await start(t, 'forward', everyName);
  const legs: string[][] = [];
  gate.proxy.on('wake', (event) => legs.push(event.legs.map(({ what }) => what)));
  assert.equal(await guess(gate, 'forward', at('cpe.test', cpe.url), 'right'), 200);
  assert.deepEqual(legs, [['resolve', 'connect', 'request', 'answer']]);
});

/*
 * Seen: an asker that hung up while the CPE looked at its pair had 15 of 15 guesses made, of 5 that it may. Cause: the wake goes on, or is
 * given up, and what comes of it was told to nobody. Promise: who does not wait for the CPE's word on a guess has guessed.
 */
test('forward: guesses count whose asker hangs up before the CPE has answered', async (t) => {
  const asked: (() => void)[] = [];
  let answers = 0;
  let left = 0;
  const ended: string[] = [];
  const port = await listenRaw(t, async (talk) => {
    for (let head = await talk.head(); head !== undefined; head = await talk.head()) {
      if (field(head, 'Authorization') !== undefined) {
        answers += 1;
        asked.pop()?.();
        await until('the proxy knows that the asker has left', () => left === answers);
      }
      talk.write(challenge);
    }
  });
  const gate = await start(t, 'forward', everyName);
  const target = `/client?origin=http://127.0.0.1:${port}/`;
  gate.proxy.on('wake', ({ outcome, late = false }) => {
    if (late) ended.push(outcome);
    else left += 1;
  });
  for (let count = 0; count < 5; count += 1) {
    const asker = connect(gate.port, '127.0.0.1').on('error', () => {});
    t.after(() => asker.destroy());
    asked.push(() => asker.destroy());
    const { authorization } = basic(`u${count}:x`);
    asker.write(`GET ${target} HTTP/1.1\r\nHost: gw\r\nAuthorization: ${authorization}\r\n\r\n`);
    await until('the late wake has ended', () => ended.length > count);
  }
  assert.deepEqual(new Set(ended), new Set(['credentials-refused']));
  assert.equal((await send({ port: gate.port, target, headers: basic('u9:x') })).status, 429);
  assert.equal(answers, 5);
});
