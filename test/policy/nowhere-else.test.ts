import assert from 'node:assert/strict';
import { connect, createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { writeHostForm } from '#core/url/host-form.js';
import { writePathToken } from '#core/url/path-form.js';
import { resolveBy } from '../helpers/fake-dns.js';
import { type Gate, hostBase, startGate } from '../helpers/gate.js';
import { addressOf } from '../helpers/serve.js';

// The ancestor calls whatever stands behind "origin=": an open relay into the management network. Here the policy names one
// private block, and whoever may ask tries to get anywhere else.

const users = { acs: 'secret' };
const authorization = `Authorization: Basic ${Buffer.from('acs:secret').toString('base64')}\r\n`;

/** Listens on the same port of every loopback address that the tries aim at. */
async function listenEverywhere(t: TestContext): Promise<{ port: number; seen: () => number }> {
  let seen = 0;
  let port = 0;
  for (const host of ['127.0.0.1', '127.0.0.2', '127.1.2.3', '127.255.255.254', '::1']) {
    const server: Server = createServer((socket) => {
      seen += 1;
      socket.destroy();
    });
    server.listen(port, host);
    await once(server, 'listening');
    t.after(() => server.close());
    ({ port } = addressOf(server));
  }
  return { port, seen: () => seen };
}

/** Sends a request byte for byte and gives the status of the answer. */
function ask(gate: Gate, target: string, host = 'acs'): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(gate.port, '127.0.0.1', () => {
      socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${authorization}Connection: close\r\n\r\n`, 'latin1');
    });
    socket.setEncoding('latin1').on('data', (part: string) => (text += part));
    socket.on('error', reject).on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1])));
  });
}

/** Origins that name, or disguise, what is not in the block. `P` is the port that listens. */
const origins = [
  // plainly elsewhere
  'http://127.0.0.1:P/',
  'http://127.0.0.2:P/',
  'http://127.1.2.3:P/',
  'http://127.255.255.254:P/',
  'http://[::1]:P/',
  'http://[0:0:0:0:0:0:0:1]:P/',
  'http://0.0.0.0:P/',
  'http://[::]:P/',
  'http://192.168.0.1:P/',
  'http://172.16.0.1:P/',
  'http://11.0.0.1:P/',
  'http://9.255.255.255:P/',
  'http://169.254.169.254/latest/meta-data/',
  'http://100.100.100.200/',
  'http://192.0.0.192/',
  'http://224.0.0.1:P/',
  'http://255.255.255.255:P/',
  'http://240.0.0.1:P/',
  'http://[fe80::1]:P/',
  'http://[ff02::1]:P/',
  'http://[fd00:ec2::254]/',
  'http://[2001:db8::1]:P/',
  // an address in disguise
  'http://2130706433:P/',
  'http://0x7f000001:P/',
  'http://0x7f.0x0.0x0.0x1:P/',
  'http://0x7f.1:P/',
  'http://017700000001:P/',
  'http://0177.0.0.1:P/',
  'http://127.1:P/',
  'http://127.0.1:P/',
  'http://0:P/',
  'http://127.0.0.01:P/',
  'http://10.0.0.1.127.0.0.1:P/',
  'http://167772161:P/',
  'http://012.0.0.1:P/',
  'http://10.1:P/',
  'http://①②⑦.0.0.1:P/',
  'http://127。0。0。1:P/',
  'http://%31%32%37.0.0.1:P/',
  // one address inside another
  'http://[::ffff:127.0.0.1]:P/',
  'http://[::ffff:7f00:1]:P/',
  'http://[::ffff:10.0.0.1]:P/',
  'http://[::127.0.0.1]:P/',
  'http://[::ffff:0:127.0.0.1]:P/',
  'http://[64:ff9b::127.0.0.1]:P/',
  'http://[64:ff9b::10.0.0.1]:P/',
  'http://[64:ff9b:1::7f00:1]:P/',
  'http://[2002:7f00:1::]:P/',
  'http://[2002:a00:1::]:P/',
  'http://[2001:0:0:0:0:0:80ff:fffe]:P/',
  'http://[fe80::5efe:127.0.0.1]:P/',
  // one host read for another
  'http://10.0.0.1@127.0.0.1:P/',
  'http://10.0.0.1:80@127.0.0.1:P/',
  'http://@127.0.0.1:P/',
  'http://127.0.0.1:P\\@10.0.0.1/',
  'http://10.0.0.1\\@127.0.0.1:P/',
  'http:\\\\127.0.0.1:P\\',
  'http://127.0.0.1:P#@10.0.0.1/',
  'http://127.0.0.1:P?@10.0.0.1/',
  'http://127.0.0.1:P/@10.0.0.1/',
  'http://[::1%25lo]:P/',
  'http://[fe80::1%eth0]:P/',
  'http://127.0.0.1.:P/',
  'http://localhost.:P/',
  'http://10.0.0.1.:P/',
  'http://127.0.0.1%00.example:P/',
  'http://127.0.0.1%2f.example:P/',
  'http://127.0.0.1\t:P/',
  'http://127.0.0\t.1:P/',
  'http://127.0.0.1\n:P/',
  ' http://127.0.0.1:P/',
  'ht\ttp://127.0.0.1:P/',
  'http:///127.0.0.1:P/',
  'http:127.0.0.1:P/',
  '//127.0.0.1:P/',
  // other schemes
  'HTTPS://127.0.0.1:P/',
  'ftp://127.0.0.1:P/',
  'gopher://127.0.0.1:P/_GET',
  'file:///etc/passwd',
  'unix:/run/docker.sock',
  'ws://127.0.0.1:P/',
  // more than one request
  'http://127.0.0.1:P/\r\nX: y',
  'http://10.0.0.1:P/ HTTP/1.1\r\nHost: x\r\n\r\nGET /',
  'http://10.0.0.1:P/?a\r\nb',
  'http://10.0.0.1:P/\u0000',
  'http://10.0.0.1:0/',
  'http://10.0.0.1:65536/',
  'http://10.0.0.1:/',
];

/** Request targets that are wrong in themselves. */
const targets = [
  '/client?origin=http%253A%252F%252F127.0.0.1:P',
  '/client?origin=http://10.0.0.1&origin=http://127.0.0.1:P',
  '/client?origin=http://10.0.0.1%26origin=http://127.0.0.1:P/&x',
  '/client?origin=http://127.0.0.1:P&sig=AAAAAAAAAAAAAAAAAAAAAA&sig=x',
  '/client?ORIGIN=http://127.0.0.1:P',
  '/client?x&origin=http://127.0.0.1:P',
  '/client?origin=http://10.0.0.1%0d%0aHost:127.0.0.1:P',
  '/client?origin=http://10.0.0.1/%0d%0aGET%20http://127.0.0.1:P/',
  '/client?origin=%ff',
  '/client/http:%2F%2F127.0.0.1:P',
  '/client/..%2Fclient?origin=http://127.0.0.1:P',
  'http://127.0.0.1:P/client?origin=http://127.0.0.1:P',
  '/client/AQ==',
  '/client/BQAA',
];

test(`${origins.length + targets.length} ways to get out of one private block are refused before a packet leaves`, async (t) => {
  const { port, seen } = await listenEverywhere(t);
  const { lookup, lookups } = resolveBy(() => ['127.0.0.1']);
  const access = { maxFailures: 1_000_000 };
  const gate = await startGate(t, { allow: ['10.0.0.0/8'], users, access, urls: { hostBase } }, { lookup });
  const refused = async (what: string, target: string, host?: string): Promise<void> => {
    const status = await ask(gate, target, host);
    assert.ok(status === 400 || status === 403, `${JSON.stringify(what)}: ${status}`);
  };
  for (const text of origins) {
    const origin = text.replaceAll('P', String(port));
    await refused(origin, `/client?origin=${encodeURIComponent(origin)}`);
    await refused(origin, `/client/${writePathToken(origin, undefined, 4_096)}`);
    const host = writeHostForm(origin, undefined, 'cr.isp.test');
    if (host !== undefined) await refused(origin, host.target, `${host.labels}.${hostBase}`);
    const { outcome } = await gate.proxy.wakeCpe(origin);
    assert.ok(outcome === 'forbidden' || outcome === 'bad-origin', `${JSON.stringify(origin)}: ${outcome}`);
  }
  for (const target of targets) await refused(target, target.replaceAll('P', String(port)));
  assert.deepEqual(lookups, [], 'nothing was looked up');
  assert.equal(seen(), 0, 'nobody was called');
  const open = await startGate(t, { allow: 'any', users });
  await ask(open, `/client?origin=http://127.0.0.1:${port}/`);
  assert.ok(seen() > 0, 'the listeners do listen');
});

test('a name whose addresses lie outside is refused, however many it has', async (t) => {
  const { port, seen } = await listenEverywhere(t);
  const { lookup, lookups } = resolveBy(() => ['127.0.0.1', '::1', '::ffff:127.0.0.1', '169.254.169.254', '0.0.0.0']);
  const gate = await startGate(t, { allow: ['10.0.0.0/8', '*.cpe.example'], users }, { lookup });
  for (const name of ['localhost', 'LOCALHOST', 'x.localhost', 'a.cpe.example', 'metadata.google.internal']) {
    assert.equal(await ask(gate, `/client?origin=http://${name}:${port}/`), 403, name);
  }
  assert.equal(lookups.length, 5);
  assert.equal(seen(), 0);
});

/** A CPE on an address of the one block, which hands each connection to the test. */
async function cpeAt(
  t: TestContext,
  host: string,
  serve: (times: number) => string,
): Promise<{ port: number; times: () => number }> {
  let times = 0;
  const server = createServer((socket) => {
    times += 1;
    const answer = serve(times);
    socket.on('error', () => undefined).once('data', () => socket.end(answer));
  }).listen(0, host);
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: addressOf(server).port, times: () => times };
}

const challenge =
  'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="x", nonce="y"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

test('a name is looked up once, and both legs go to the address that was checked, though it changes meanwhile', async (t) => {
  const cpe = await cpeAt(t, '127.9.0.1', (times) => (times === 1 ? challenge : 'HTTP/1.1 200 OK\r\n\r\n'));
  const { lookup, lookups } = resolveBy((_name, times) => (times === 1 ? ['127.0.0.1', '127.9.0.1'] : ['127.0.0.1']));
  let seen = 0;
  const elsewhere = createServer(() => (seen += 1)).listen(cpe.port, '127.0.0.1');
  await once(elsewhere, 'listening');
  t.after(() => elsewhere.close());
  const credentials = { username: 'a', password: 'b' };
  const gate = await startGate(t, { allow: ['127.9.0.0/16'], users, credentials }, { lookup });
  assert.equal(await ask(gate, `/client?origin=http://cpe.example:${cpe.port}/`), 200);
  assert.equal(cpe.times(), 2);
  assert.deepEqual(lookups, ['cpe.example']);
  assert.equal(seen, 0);
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`a redirect of the CPE with ${status} is not followed`, async (t) => {
    const { port, seen } = await listenEverywhere(t);
    const answer = `HTTP/1.1 ${status} Elsewhere\r\nLocation: http://127.0.0.1:${port}/\r\nContent-Length: 0\r\n\r\n`;
    const cpe = await cpeAt(t, '127.9.0.1', () => answer);
    const gate = await startGate(t, { allow: ['127.9.0.0/16'], users });
    assert.equal(await ask(gate, `/client?origin=http://127.9.0.1:${cpe.port}/`), 502);
    assert.equal(cpe.times(), 1);
    assert.equal(seen(), 0);
  });
}

test('the backends are refused, by address and by name', async (t) => {
  const { lookup } = resolveBy(() => ['127.9.0.1']);
  let seen = 0;
  const backend = createServer(() => (seen += 1)).listen(0, '127.9.0.1');
  await once(backend, 'listening');
  t.after(() => backend.close());
  const { port } = addressOf(backend);
  for (const url of [`http://127.9.0.1:${port}`, `http://acs.example:${port}`]) {
    const gate = await startGate(t, { allow: ['127.9.0.0/16', '*.example'], users }, { backends: [url], lookup });
    await new Promise((resolve) => setTimeout(resolve, 10));
    for (const host of ['127.9.0.1', 'acs.example']) {
      assert.equal(await ask(gate, `/client?origin=http://${host}:${port}/`), 403, `${host} with ${url}`);
    }
  }
  assert.equal(seen, 0);
});
