import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ConnectionRequestOptions, WakeResult } from '@cwmp-proxy/core';
import { genieacs, oktopus } from '../../helpers/acs-clients.js';
import { cpeCredentials, type CpeDouble, field, startCpe } from '../../helpers/cpe-doubles/conversation.js';
import { basicOnly, digestHabits } from '../../helpers/cpe-doubles/habits.js';
import { stacks } from '../../helpers/cpe-doubles/stacks.js';
import { resolveBy } from '../../helpers/fake-dns.js';
import { curl, hostBase, send, split, startGate } from '../../helpers/gate.js';
import { listen } from '../../helpers/serve.js';
import { until } from '../../helpers/until.js';

const allow = ['127.0.0.0/8'];
const signingKeys = ['a key of sixteen characters'];

function relaying(form: 'host' | 'path' | 'query'): ConnectionRequestOptions {
  return { allow, urls: { form, hostBase, signingKeys }, access: { modes: ['relay'] } };
}

/** What no ACS that knows MD5 and auth alone could answer. */
function isBeyondAcs({ challenge }: CpeDouble): boolean {
  if (challenge === undefined) return false;
  const { algorithm = 'MD5', qop, userhash } = challenge;
  return algorithm !== 'MD5' || qop === 'auth-int' || userhash === true;
}

/** CPEs that hash the uri of the header, whatever it is, or ask for nothing. */
const takesAnyUri = /^(?:Orange|netcwmp|RDK-B|Fritz|catawampus|easycwmp with no)/;
/** It offers MD5 too and does not take it, in a realm that GenieACS cannot read. */
const notGenie = /^Basic, MD5 and SHA-256 in one/;
/** Paths that a URL parser would change stand in no host form. */
const isNormal = ({ path }: CpeDouble): boolean => new URL(path, 'http://x').href === `http://x${path}`;

for (const double of [...stacks, ...digestHabits].filter(({ name }) => !notGenie.test(name))) {
  for (const form of ['host', 'path'] as const) {
    const works = !isBeyondAcs(double) && (takesAnyUri.test(double.name) || (form === 'host' && isNormal(double)));
    test(`${form} form ${works ? 'wakes' : 'says why it does not wake'}: ${double.name}`, async (t) => {
      const cpe = await startCpe(t, double);
      const gate = await startGate(t, relaying(form));
      const url = await gate.proxied(cpe.url);
      const answer = await genieacs.wake(url, cpeCredentials, gate.port);
      assert.equal(cpe.state.woken, works ? 1 : 0, answer);
      if (works) assert.equal(answer, '');
      else assert.match(answer, isBeyondAcs(double) ? /502$/ : /Incorrect|offline/);
      for (const request of cpe.state.requests) assert.ok(request.startsWith(`GET ${double.path} HTTP/1.1\r\n`));
      const answers = cpe.state.requests.flatMap((request) => field(request, 'Authorization') ?? []);
      for (const one of answers) assert.match(one, /^Digest username="[^"]*", .*, response="[0-9a-f]+"$/);
    });
  }
}

test('Oktopus, with its empty opaque, wakes a CPE that refuses every field it did not ask for', async (t) => {
  const ucwmp = stacks.find(({ name }) => name === 'ucwmp');
  assert.ok(ucwmp !== undefined);
  const cpe = await startCpe(t, { ...ucwmp });
  const gate = await startGate(t, relaying('host'));
  assert.equal(await oktopus.wake(await gate.proxied(cpe.url), cpeCredentials, gate.port), '');
  assert.equal(cpe.state.woken, 1);
  assert.equal(cpe.state.connections, 1, 'both legs on the connection that was held');
});

test('takes the next address of a name where one cannot be reached', async (t) => {
  const { lookup } = resolveBy(() => ['127.0.0.2', '127.0.0.1']);
  const cpe = await startCpe(t, stacks.find(({ name }) => name === 'RDK-B') ?? basicOnly);
  const gate = await startGate(t, relaying('path'), { lookup });
  const wakes: WakeResult[] = [];
  gate.proxy.on('wake', (event) => wakes.push(event));
  const url = await gate.proxied(cpe.url.replace('127.0.0.1', 'cpe.example'));
  assert.equal(await genieacs.wake(url, cpeCredentials, gate.port), '');
  assert.equal(cpe.state.woken, 1);
  assert.deepEqual(
    wakes.map(({ address }) => address),
    ['127.0.0.1'],
  );
});

test('close() ends a relay that waits for its CPE, and dials none', async (t) => {
  const silent: CpeDouble = {
    name: 'silent to an answer',
    path: '/',
    async serve(talk, cpe) {
      for (let head = await talk.head(); head !== undefined; head = await talk.head()) {
        if (cpe.requests.push(head) > 1) continue;
        talk.write('HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\nContent-Length: 0\r\n\r\n');
      }
    },
  };
  const cpe = await startCpe(t, silent);
  const gate = await startGate(t, relaying('path'));
  const wakes: string[] = [];
  gate.proxy.on('wake', ({ outcome }) => wakes.push(outcome));
  const asked = genieacs.wake(await gate.proxied(cpe.url), cpeCredentials, gate.port);
  await until('the answer is under way', () => cpe.state.requests.length === 2);
  await gate.proxy.close();
  await asked;
  assert.deepEqual(wakes, ['aborted']);
  assert.equal(cpe.state.connections, 1);
});

test('a wrong password is refused by the CPE and told as such, with a fresh challenge', async (t) => {
  const cpe = await startCpe(t, stacks.find(({ name }) => name === 'RDK-B') ?? basicOnly);
  const gate = await startGate(t, relaying('host'));
  const wakes: string[] = [];
  gate.proxy.on('wake', ({ outcome }) => wakes.push(outcome));
  const url = await gate.proxied(cpe.url);
  const wrong = { ...cpeCredentials, password: 'wrong' };
  assert.equal(await genieacs.wake(url, wrong, gate.port), 'Incorrect connection request credentials');
  assert.deepEqual(wakes, ['credentials-refused']);
  assert.equal(cpe.state.woken, 0);
});

test('what cannot be relayed is woken with local credentials by those who may ask for that', async (t) => {
  const double = digestHabits.find(({ name }) => name.startsWith('SHA-256 only'));
  assert.ok(double !== undefined);
  const cpe = await startCpe(t, double);
  const gate = await startGate(t, {
    ...relaying('host'),
    access: { modes: ['relay', 'digest', 'basic'] },
    users: { acs: 'lamp' },
    credentials: cpeCredentials,
  });
  const url = await gate.proxied(cpe.url);
  assert.equal(await genieacs.wake(url, { username: 'acs', password: 'lamp' }, gate.port), '');
  assert.equal(cpe.state.woken, 1);
  assert.equal(await curl(gate.port, url, '--digest', '-u', 'acs:wrong'), 401);
  assert.equal(cpe.state.woken, 1);
});

test('an answer that would say more to the CPE than a Digest answer does is not handed on', async (t) => {
  const cpe = await startCpe(t, stacks.find(({ name }) => name === 'RDK-B') ?? basicOnly);
  const gate = await startGate(t, relaying('host'));
  const { target, host } = split(await gate.proxied(cpe.url));
  for (const authorization of [
    'Digest username="a", realm="r", nonce="n", uri="/", response="0", qop="auth, x=y"',
    'Digest username="a", realm="r", nonce="n", uri="/", response="0\\", x=\\"y"',
    'Digest username="a", realm="r", nonce="n", uri="/", response="0", qop=auth, nc=1, cnonce="\\", x=\\"y"',
    'Basic YTpi',
    'Bearer x',
  ]) {
    const answer = await send({ port: gate.port, target, headers: { host, authorization } });
    assert.equal(answer.status, 401);
    assert.equal(field(cpe.state.requests.at(-1) ?? '', 'Authorization'), undefined, authorization);
  }
});

test('a CPE outside the addresses that are allowed gets no packet', async (t) => {
  const gate = await startGate(t, { ...relaying('host'), allow: ['10.0.0.0/8'] });
  const cpe = await startCpe(t, basicOnly);
  const { target, host } = split(await gate.proxied(cpe.url));
  const answer = await send({ port: gate.port, target, headers: { host } });
  assert.equal(answer.status, 403);
  assert.equal(cpe.state.connections, 0);
});

test('no password, nor what stands for it, is ever in the memory of the proxy', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gate-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const cpe = await startCpe(t, stacks.find(({ name }) => name === 'RDK-B') ?? basicOnly);
  const child = fork(fileURLToPath(new URL('../../helpers/relay-process.js', import.meta.url)));
  t.after(() => child.kill('SIGKILL'));
  child.send({ options: relaying('host'), origin: cpe.url });
  const { url = '', port = 0 } = await messageOf(child);
  assert.equal(await genieacs.wake(url, cpeCredentials, port), '');
  assert.equal(cpe.state.woken, 1);
  const { target, host } = split(url);
  assert.equal((await send({ port, target, headers: { host } })).status, 401, 'a challenge is held meanwhile');
  const file = join(folder, 'heap');
  child.send({ file });
  await messageOf(child);
  const heap = readFileSync(file, 'latin1');
  assert.ok(heap.includes('Cisco_CCSP_CWMP_TCPCR'), 'what passed through is found');
  assert.ok(!heap.includes(cpeCredentials.password));
});

/** The next message of the proxy's process. */
function messageOf(child: ChildProcess): Promise<{ url?: string; port?: number }> {
  return new Promise((resolve) => {
    child.once('message', (message) => {
      resolve(typeof message === 'object' && message !== null ? { ...message } : {});
    });
  });
}

test('a user name that spells a line break says nothing to the CPE', async (t) => {
  const seen: string[] = [];
  const cpe = await listen(
    t,
    createServer((socket) => {
      socket.on('data', (bytes) => {
        seen.push(bytes.toString('latin1'));
        socket.end(
          'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\nContent-Length: 0\r\n\r\n',
        );
      });
    }),
  );
  const gate = await startGate(t, { allow, access: { modes: ['relay'] } });
  const name = encodeURIComponent('x"\r\n\r\nPOST /reboot HTTP/1.1\r\nHost: cpe\r\n\r\n');
  const authorization = `Digest username*=UTF-8''${name}, realm="r", nonce="n", uri="/", response="00"`;
  const target = `/client?origin=${cpe.url}`;
  assert.equal((await send({ port: gate.port, target, headers: { authorization } })).status, 401);
  assert.doesNotMatch(seen.join(''), /POST|reboot/);
});

test('a CPE with a control character in its challenge is told as one that cannot be relayed', async (t) => {
  const cpe = await listen(
    t,
    createServer((socket) => {
      socket.on('data', () => {
        socket.end(
          'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="\x01", nonce="n"\r\nContent-Length: 0\r\n\r\n',
        );
      });
    }),
  );
  const gate = await startGate(t, { allow, access: { modes: ['relay'] } });
  assert.equal((await send({ port: gate.port, target: `/client?origin=${cpe.url}` })).status, 502);
});
