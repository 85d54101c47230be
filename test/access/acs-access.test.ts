import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { ConnectionRequestOptions } from '@cwmp-proxy/core';
import { curl, hostBase, send, split, startDigestCpe, startGate } from '../helpers/gate.js';

const acs = { username: 'acs', password: 'open: sesame' };
const cpe = { username: 'cpe', password: 'secret' };
const allow = ['127.0.0.0/8'];
const users = { [acs.username]: acs.password };
const userArg = ['-u', `${acs.username}:${acs.password}`];
const basicField = `Authorization: Basic ${Buffer.from(`${acs.username}:${acs.password}`).toString('base64')}`;

/** `open: sesame` as htpasswd writes it: bcrypt with cost 5, apr1 and SHA. */
const hashes = {
  bcrypt: '$2y$05$oUqNNuxWbGLRZs28KB4lCexWGXrQ11W/pPJBA0BbOPOxRyEtcebXm',
  apr1: '$apr1$abcdefgh$MbLznTJAdyT56DBhYgoRl.',
  sha: '{SHA}fBtsu5DoVBk1Q9oyOC7018In0LA=',
};

function htpasswd(t: TestContext, hash: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'gate-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'htpasswd');
  writeFileSync(file, `# ACSs\nother:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=\n${acs.username}:${hash}\n`);
  return file;
}

interface Mode {
  name: string;
  options: (t: TestContext) => ConnectionRequestOptions;
  /** Ways of curl that must work. */
  ways: (keyof typeof ways)[];
  user?: string[];
}

const ways = {
  'curl --basic': (user: string[]) => ['--basic', ...user],
  'curl --digest': (user: string[]) => ['--digest', ...user],
  'curl --anyauth': (user: string[]) => ['--anyauth', ...user],
  'pre-emptive Basic': () => ['-H', basicField],
};

const modes: Mode[] = [
  {
    name: 'Digest and Basic of a map',
    options: () => ({ allow, users, credentials: cpe }),
    ways: ['curl --basic', 'curl --digest', 'curl --anyauth', 'pre-emptive Basic'],
  },
  {
    name: 'Digest with SHA-256 and MD5',
    options: () => ({ allow, users, credentials: cpe, access: { modes: ['digest'], algorithms: ['SHA-256', 'MD5'] } }),
    ways: ['curl --digest', 'curl --anyauth'],
  },
  {
    name: 'Basic by a function',
    options: () => ({
      allow,
      users: ({ username, password }) => Promise.resolve(username === acs.username && password === acs.password),
      credentials: cpe,
    }),
    ways: ['curl --basic', 'curl --anyauth', 'pre-emptive Basic'],
  },
  ...Object.entries(hashes).map(([name, hash]): Mode => {
    return {
      name: `Basic by an htpasswd file with ${name}`,
      options: (t) => ({ allow, credentials: cpe, access: { htpasswd: htpasswd(t, hash) } }),
      ways: ['curl --basic', 'curl --anyauth', 'pre-emptive Basic'],
    };
  }),
  {
    name: "forward, with the CPE's own pair",
    options: () => ({ allow, access: { modes: ['forward'] } }),
    ways: ['curl --basic', 'curl --anyauth'],
    user: ['-u', `${cpe.username}:${cpe.password}`],
  },
  {
    name: "relay, with the CPE's own pair",
    options: () => ({
      urls: { signingKeys: ['a key of sixteen characters'], form: 'host', hostBase },
      allow,
      access: { modes: ['relay'] },
    }),
    ways: ['curl --digest', 'curl --anyauth'],
    user: ['-u', `${cpe.username}:${cpe.password}`],
  },
];

for (const { name, options, ways: allowed, user = userArg } of modes) {
  for (const [way, args] of Object.entries(ways)) {
    if (!allowed.some((one) => one === way)) continue;
    test(`${name}: ${way} wakes a CPE`, async (t) => {
      const device = await startDigestCpe(t, cpe);
      const gate = await startGate(t, options(t));
      const url = await gate.proxied(device.url);
      assert.equal(await curl(gate.port, url, ...args(user)), 200);
      assert.equal(device.wakes, 1);
    });
  }

  test(`${name}: who knows no password wakes nobody`, async (t) => {
    const device = await startDigestCpe(t, cpe);
    const gate = await startGate(t, options(t));
    const url = await gate.proxied(device.url);
    assert.equal(await curl(gate.port, url), 401);
    assert.equal(await curl(gate.port, url, '--anyauth', '-u', 'acs:wrong'), 401);
    assert.equal(await curl(gate.port, url, '--anyauth', '-u', 'nobody:open: sesame'), 401);
    assert.equal(device.wakes, 0);
  });
}

test('challenges with Digest over MD5 first and Basic second, each in a field of its own', async (t) => {
  const gate = await startGate(t, { allow, users });
  const { status, challenges } = await send({ port: gate.port, target: '/client' });
  assert.equal(status, 401);
  assert.equal(challenges.length, 2);
  assert.match(challenges[0] ?? '', /^Digest realm="cwmp-proxy", nonce="[\w-]{30}", qop="auth"$/);
  assert.equal(challenges[1], 'Basic realm="cwmp-proxy", charset="UTF-8"');
});

test('asks who asks before it says anything of what is asked for', async (t) => {
  const gate = await startGate(t, { allow, users });
  for (const target of ['/client', '/client?origin=http://127.0.0.1:1', '/client/x', '/client?origin=ftp://x']) {
    assert.equal((await send({ port: gate.port, target })).status, 401, target);
  }
});

test('forward: a pair that the CPE refuses is asked for again, with a challenge of our own', async (t) => {
  const device = await startDigestCpe(t, cpe);
  const gate = await startGate(t, { allow, access: { modes: ['forward'] } });
  const { target } = split(await gate.proxied(device.url));
  const answer = await send({ port: gate.port, target, headers: { authorization: basicField.slice(15) } });
  assert.equal(answer.status, 401);
  assert.deepEqual(answer.challenges, ['Basic realm="cwmp-proxy", charset="UTF-8"']);
  assert.equal(device.wakes, 0);
});

test('forward: a user name with a line break is refused here', async (t) => {
  const device = await startDigestCpe(t, cpe);
  const gate = await startGate(t, { allow, access: { modes: ['forward'] } });
  const { target } = split(await gate.proxied(device.url));
  const pair = Buffer.from('a\r\nX: y:b').toString('base64');
  assert.equal((await send({ port: gate.port, target, headers: { authorization: `Basic ${pair}` } })).status, 401);
  assert.equal(device.requests, 0);
});

test('an address that has guessed too often waits, with the right password too, and is told how long', async (t) => {
  const device = await startDigestCpe(t, cpe);
  const gate = await startGate(t, { allow, users, credentials: cpe, access: { maxFailures: 3 } });
  const { target } = split(await gate.proxied(device.url));
  const ask = (authorization: string) => send({ port: gate.port, target, headers: { authorization } });
  for (const guess of ['Basic YWNzOmE=', 'Digest username="acs"', 'Bearer x']) {
    assert.equal((await ask(guess)).status, 401, guess);
  }
  const limited = await ask(basicField.slice(15));
  assert.equal(limited.status, 429);
  assert.match(limited.headers['retry-after'] ?? '', /^[1-9]\d?$/);
  assert.equal((await send({ port: gate.port, target })).status, 401, 'asking without a guess is free');
  assert.equal(device.requests, 0);
});

test('a request with two Hosts is refused', async (t) => {
  const gate = await startGate(t, { allow, users });
  const { connect } = await import('node:net');
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(gate.port, '127.0.0.1', () => {
      socket.write('GET /client HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n');
    });
    let text = '';
    socket.setEncoding('latin1').on('data', (part: string) => (text += part));
    socket.on('close', () => resolve(text));
  });
  assert.match(answer, /^HTTP\/1\.1 400 /);
});

test('an origin outside the addresses that are allowed is forbidden to those who may ask, signed or not', async (t) => {
  for (const urls of [{}, { signingKeys: ['a key of sixteen characters'] }]) {
    const gate = await startGate(t, { allow: ['10.0.0.0/8'], users, urls });
    const url = await gate.proxied('http://192.0.2.1:7547/');
    assert.equal(await curl(gate.port, url, '--basic', ...userArg), 403);
  }
});

test('a URL without a signature, or with that of another key, is forbidden to those who may ask', async (t) => {
  const device = await startDigestCpe(t, cpe);
  const gate = await startGate(t, {
    users,
    allow,
    credentials: cpe,
    urls: { signingKeys: ['a key of sixteen characters'] },
  });
  const failures: string[] = [];
  gate.proxy.on('failure', ({ error }) => failures.push(error.code));
  const url = await gate.proxied(device.url);
  assert.equal(await curl(gate.port, url, '--basic', ...userArg), 200);
  const unsigned = url.replace(/&sig=.*/, '');
  assert.equal(await curl(gate.port, unsigned, '--basic', ...userArg), 403);
  assert.equal(await curl(gate.port, `${unsigned}&sig=${'A'.repeat(22)}`, '--basic', ...userArg), 403);
  assert.deepEqual(failures, ['ERR_CWMP_BAD_SIGNATURE', 'ERR_CWMP_BAD_SIGNATURE']);
  assert.equal(device.wakes, 1);
});
