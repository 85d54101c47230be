import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import type { WarningEvent } from '@cwmp-proxy/core';
import { type ClientsSettings, Clients, clientGroupOf, clientOf } from '#core/http/client-address.js';
import { readIpBlock } from '#core/policy/ip-address.js';
import { atEnd } from '../helpers/at-end.js';
import { valuesOf } from '../helpers/cpe-clients/raw-answer.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { basic, send, startGate } from '../helpers/gate.js';
import { startGateway } from '../helpers/gateway.js';
import { answerOf, rawBackend } from '../helpers/raw-backend.js';

/** A request as it came in from an address, with these fields. */
function requestFrom(peer: string, headers: Record<string, string>): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: peer });
  const request = new IncomingMessage(socket);
  request.headers = headers;
  return request;
}

function clients(trusted: readonly string[], more: Partial<ClientsSettings> = {}): Clients {
  const blocks = trusted.map((text) => readIpBlock(text)).filter((block) => block !== undefined);
  const nothing = (): void => {};
  return new Clients({ trusted: blocks, lookup: undefined, onIgnored: nothing, onLookupFault: nothing, ...more });
}

const trusted = ['198.51.100.0/24', '2001:db8:ff::/48'];

for (const { name, peer = '198.51.100.1', headers, address, group = address } of [
  {
    name: 'a stranger is who its connection says',
    peer: '192.0.2.9',
    headers: { 'x-forwarded-for': '203.0.113.1' },
    address: '192.0.2.9',
  },
  {
    name: 'behind a trusted proxy the client is who it says',
    headers: { 'x-forwarded-for': '203.0.113.1' },
    address: '203.0.113.1',
  },
  {
    name: 'the rightmost that is not trusted counts, not what a client wrote in front',
    headers: { 'x-forwarded-for': '10.9.9.9, 203.0.113.1, 198.51.100.7' },
    address: '203.0.113.1',
  },
  {
    name: 'where all are trusted the leftmost is the client',
    headers: { 'x-forwarded-for': '198.51.100.9, 198.51.100.7' },
    address: '198.51.100.9',
  },
  { name: 'a trusted proxy that says nothing is the client itself', headers: {}, address: '198.51.100.1' },
  {
    name: 'what is no address ends the chain',
    headers: { 'x-forwarded-for': '203.0.113.1, unknown' },
    address: '198.51.100.1',
  },
  { name: 'an empty field names nobody', headers: { 'x-forwarded-for': '' }, address: '198.51.100.1' },
  {
    name: 'a port is no part of the address',
    headers: { 'x-forwarded-for': '203.0.113.1:4711' },
    address: '203.0.113.1',
  },
  {
    name: 'an IPv6 client counts with its /64',
    headers: { 'x-forwarded-for': '[2001:db8:1:2:3::4]:80' },
    address: '2001:db8:1:2:3::4',
    group: '2001:db8:1:2',
  },
  {
    name: 'an IPv4-mapped address is an IPv4 one, at both ends',
    peer: '::ffff:198.51.100.1',
    headers: { 'x-forwarded-for': '::ffff:203.0.113.1' },
    address: '203.0.113.1',
  },
  {
    name: 'a zone is no part of the address',
    headers: { 'x-forwarded-for': 'fe80::1%eth0' },
    address: 'fe80::1',
    group: 'fe80:0:0:0',
  },
  {
    name: 'Forwarded is read where there is no X-Forwarded-For',
    headers: { forwarded: 'for=10.9.9.9;by="a,b", For="203.0.113.1:80" ;proto=https, for="[2001:db8:ff::1]"' },
    address: '203.0.113.1',
  },
  {
    name: 'X-Forwarded-For goes first',
    headers: { forwarded: 'for=10.9.9.9', 'x-forwarded-for': '203.0.113.1' },
    address: '203.0.113.1',
  },
  {
    name: 'an IPv6 address has one form, however a proxy writes it',
    headers: { 'x-forwarded-for': '2001:DB8:1:2:3:0:0:4, 2001:0DB8:00FF:0:0:0:0:1' },
    address: '2001:db8:1:2:3::4',
    group: '2001:db8:1:2',
  },
  {
    name: 'an IPv4-mapped address is an IPv4 one, in hexadecimal too',
    headers: { 'x-forwarded-for': '0:0:0:0:0:FFFF:CB00:7101, ::ffff:c633:6407' },
    address: '203.0.113.1',
  },
  // Seen: a client that sent `for=10.9.9.9;x="` was counted as 10.9.9.9. Cause: its quote took in what the trusted proxy wrote behind
  // it. Promise: what a trusted proxy wrote is read first, from the right.
  {
    name: 'a quote that a client opens takes in nothing of a trusted proxy',
    headers: { forwarded: 'for=10.9.9.9;x=", for=203.0.113.1' },
    address: '203.0.113.1',
  },
  {
    name: 'a quote that a client opens hides no quoted address of a trusted proxy',
    headers: { forwarded: 'for="10.9.9.9\\, for="[2001:db8:1:2::4]:80";proto=https, for="[2001:db8:ff::1]"' },
    address: '2001:db8:1:2::4',
    group: '2001:db8:1:2',
  },
  { name: 'an obfuscated identifier names nobody', headers: { forwarded: 'for=_hidden' }, address: '198.51.100.1' },
]) {
  test(`client address: ${name}`, () => {
    const request = requestFrom(peer, headers);
    clients(trusted).identify(request);
    assert.equal(clientOf(request).address, address);
    assert.equal(clientGroupOf(request), group);
  });
}

for (const { name, headers, told } of [
  {
    name: 'X-Forwarded-Proto, -Host and -Prefix',
    headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'acs.example:8443', 'x-forwarded-prefix': '/cwmp/' },
    told: { scheme: 'https', host: 'acs.example:8443', prefix: '/cwmp' },
  },
  {
    name: 'the last of a list, which the trusted proxy wrote',
    headers: { 'x-forwarded-proto': 'http, https', 'x-forwarded-host': 'evil.example, acs.example' },
    told: { scheme: 'https', host: 'acs.example', prefix: '' },
  },
  {
    name: 'Forwarded of the hop that met the client',
    headers: { forwarded: 'for=203.0.113.1;proto=https;host=acs.example, for=198.51.100.7;proto=http;host=inner' },
    told: { scheme: 'https', host: 'acs.example', prefix: '' },
  },
  {
    name: 'nothing that is no scheme, host or path',
    headers: { host: 'gw', 'x-forwarded-proto': 'gopher', 'x-forwarded-host': 'a/b', 'x-forwarded-prefix': '/../x"' },
    told: { scheme: 'http', host: 'gw', prefix: '' },
  },
]) {
  test(`scheme, host and prefix are those of a trusted proxy: ${name}`, () => {
    const request = requestFrom('198.51.100.1', headers);
    clients(trusted).identify(request);
    const { scheme, host, prefix } = clientOf(request);
    assert.deepEqual({ scheme, host, prefix }, told);
  });
}

test('clientAddress gives the address that a PROXY protocol header told, and trustedProxies go by it', () => {
  const request = requestFrom('127.0.0.1', { 'x-forwarded-for': '203.0.113.1' });
  clients(trusted, { lookup: () => '192.0.2.5' }).identify(request);
  assert.equal(clientOf(request).address, '192.0.2.5');
  clients(trusted, { lookup: () => '198.51.100.1' }).identify(request);
  assert.equal(clientOf(request).address, '203.0.113.1');
});

for (const [name, lookup] of [
  [
    'throws',
    (): string => {
      throw new Error('no header');
    },
  ],
  ['gives no address', (): string => 'localhost'],
] as const) {
  test(`a clientAddress that ${name} is told of, and the connection's address is taken`, () => {
    const faults: unknown[] = [];
    const request = requestFrom('192.0.2.9', {});
    clients([], { lookup, onLookupFault: (fault) => faults.push(fault) }).identify(request);
    assert.equal(clientOf(request).address, '192.0.2.9');
    assert.equal(faults.length, 1);
  });
}

test('the first field of a proxy that is not trusted is a warning that names the option, and only the first', async (t) => {
  const backend = await rawBackend(t, (socket) => socket.write(answerOf('')));
  const { proxy, port } = await startGateway(t, { backends: [backend.url] });
  const warnings: WarningEvent[] = [];
  proxy.on('warning', (warning) => warnings.push(warning));
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.close());
  for (let count = 0; count < 2; count += 1) {
    await cpe.exchange('POST / HTTP/1.1\r\nHost: gw\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Length: 0\r\n\r\n');
  }
  const [warning, ...others] = warnings.filter(({ code }) => code === 'FORWARDED_IGNORED');
  assert.match(warning?.message ?? '', /X-Forwarded-For .* 127\.0\.0\.1 .* trustedProxies/);
  assert.deepEqual(others, []);
});

/*
 * Seen: twenty wrong answers of one stranger locked out every ACS and every CPE behind the same load balancer. The cause: guesses
 * were counted by the address of the connection, which is the balancer's. Promise: behind a trusted proxy each client has a
 * count of its own.
 */
test("a stranger's guesses behind a load balancer lock out nobody else behind it", async (t) => {
  const connectionRequests = { allow: ['127.0.0.0/8'], users: { acs: 'secret' } };
  const gate = await startGate(t, connectionRequests, { trustedProxies: ['127.0.0.1'] });
  const ask = (from: string, pair: string): Promise<{ status: number }> => {
    const headers = { ...basic(pair), 'X-Forwarded-For': from };
    return send({ port: gate.port, target: '/client?origin=http://10.0.0.1:7547/', headers });
  };
  for (let count = 0; count < 21; count += 1) await ask('203.0.113.66', 'acs:wrong');
  assert.equal((await ask('203.0.113.66', 'acs:secret')).status, 429);
  assert.equal((await ask('203.0.113.7', 'acs:secret')).status, 403, 'let in, and the target is outside of allow');
});

const asserted = [
  'X-Forwarded-User: root',
  'X_Forwarded_Groups: admin',
  'X.Forwarded.Client.Cert: x',
  'X-SSL-Client-DN: x',
  'SSL-Client-Verify: SUCCESS',
  'X-Client-Cert: x',
  'Client-Cert-Chain: x',
  'X-Remote-User: root',
  'Remote-User: root',
  'True-Client-IP: 1.2.3.4',
  'CF-Connecting-IP: 1.2.3.4',
  'X-Original-URL: /admin',
  'X-Real-IP: 1.2.3.4',
  'X-Forwarded: for=1.2.3.4',
  'Forwarded-For: 1.2.3.4',
  'SSL-Cert: x',
  'X-ARR-ClientCert: x',
  'X-MS-Client-Principal-Name: root',
  'X-Goog-Authenticated-User-Email: root',
  'OIDC_CLAIM_sub: root',
  'SM_USER: root',
  'X-Rewrite-URL: /admin',
  'Proxy: http://1.2.3.4',
];

for (const { name, trustedProxies, passes } of [
  { name: 'no field by which proxies assert who a client is goes on from a CPE', trustedProxies: [], passes: [] },
  {
    name: 'of a trusted proxy those go on that are named',
    trustedProxies: ['127.0.0.1'],
    passes: ['X-Forwarded-User: root', 'X-SSL-Client-DN: x'],
  },
]) {
  test(name, async (t) => {
    const backend = await rawBackend(t, (socket) => socket.write(answerOf('')));
    const forwarding = { forwarded: 'none', via: false, fromTrusted: ['X-Forwarded-User', 'x-ssl-client-dn'] } as const;
    const { port } = await startGateway(t, { backends: [backend.url], trustedProxies, forwarding });
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    await cpe.exchange(
      ['POST / HTTP/1.1', 'Host: gw', ...asserted, 'X-Own: kept', 'Content-Length: 0', '', ''].join('\r\n'),
    );
    const lines = backend.received[0]?.split('\r\n') ?? [];
    assert.deepEqual(
      lines.filter((line) => /^[\w.-]+: /.test(line) && !/^(?:host|content-length|connection):/i.test(line)),
      [...passes, 'X-Own: kept'],
    );
  });
}

test('a Location and a cookie Path have the prefix again that a trusted proxy took off', async (t) => {
  const backend = await rawBackend(t, (socket) =>
    socket.write(answerOf('', `Location: /next`, 'Set-Cookie: a=b; Path=/')),
  );
  const { port } = await startGateway(t, { backends: [backend.url], trustedProxies: ['127.0.0.1'] });
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.close());
  const answer = await cpe.exchange(
    'POST /acs HTTP/1.1\r\nHost: gw\r\nX-Forwarded-Prefix: /cwmp\r\nContent-Length: 0\r\n\r\n',
  );
  assert.deepEqual(valuesOf(answer, 'location'), ['/cwmp/next']);
  assert.deepEqual(valuesOf(answer, 'set-cookie'), ['a=b; Path=/cwmp']);
});
