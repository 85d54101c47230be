import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { test } from 'node:test';
import { connect } from 'node:tls';
import type { ForwardingOptions } from '@cwmp-proxy/core';
import { atEnd } from '../helpers/at-end.js';
import { selfSigned } from '../helpers/certificate.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { answerOf, rawBackend } from '../helpers/raw-backend.js';

const told = /^(via|forwarded|x[-_.]forwarded[-_][a-z]+|x-real-ip|client-cert[a-z-]*): /i;

function toldOf(request: string | undefined): string[] {
  return (request ?? '').split('\r\n').filter((line) => told.test(line));
}

const cases: {
  name: string;
  trustedProxies?: string[];
  forwarding: ForwardingOptions;
  sent?: string[];
  version?: string;
  told: string[];
}[] = [
  {
    name: 'by default says Via and X-Forwarded-*',
    forwarding: {},
    told: [
      'Via: 1.1 cwmp-proxy',
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Proto: http',
      'X-Forwarded-Host: gw.example:80',
    ],
  },
  {
    name: "by default believes none of a CPE's own",
    forwarding: {},
    sent: [
      'Via: 1.0 a',
      'X-Forwarded-For: 1.2.3.4',
      'X-Forwarded-Port: 1',
      'Forwarded: for=b',
      'X-Real-IP: c',
      'Client-Cert: :d:',
    ],
    told: [
      'Via: 1.0 a',
      'Via: 1.1 cwmp-proxy',
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Proto: http',
      'X-Forwarded-Host: gw.example:80',
    ],
  },
  {
    name: 'extends what a trusted proxy says',
    trustedProxies: ['127.0.0.1'],
    forwarding: {},
    sent: ['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-For: 5.6.7.8', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: h'],
    told: [
      'Via: 1.1 cwmp-proxy',
      'X-Forwarded-For: 1.2.3.4, 5.6.7.8, 127.0.0.1',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: h',
    ],
  },
  {
    name: 'hands on no Client-Cert of a trusted proxy (RFC 9440 §2.4)',
    trustedProxies: ['127.0.0.1'],
    forwarding: { forwarded: 'none', via: false },
    sent: ['Client-Cert: :YQ==:', 'Client-Cert-Chain: :YQ==:'],
    told: [],
  },
  {
    name: 'says Forwarded instead',
    forwarding: { forwarded: 'forwarded', via: 'edge' },
    told: ['Via: 1.1 edge', 'Forwarded: for=127.0.0.1;proto=http;host="gw.example:80"'],
  },
  {
    name: 'extends the Forwarded of a trusted proxy',
    trustedProxies: ['127.0.0.0/8'],
    forwarding: { forwarded: 'forwarded', via: false },
    sent: ['Forwarded: for="[2001:db8::1]"'],
    told: ['Forwarded: for="[2001:db8::1]", for=127.0.0.1;proto=http;host="gw.example:80"'],
  },
  {
    name: 'says Forwarded of what a trusted proxy says in X-Forwarded-*',
    trustedProxies: ['127.0.0.0/8'],
    forwarding: { forwarded: 'forwarded', via: false },
    sent: ['X-Forwarded-For: 192.0.2.1', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: acs.example'],
    told: ['Forwarded: for=192.0.2.1;proto=https;host="acs.example", for=127.0.0.1;proto=http;host="gw.example:80"'],
  },
  // Seen: a client's own Forwarded was extended, though its address had been read from X-Forwarded-For, which its proxy writes.
  // Promise: only the field that the address was read from is extended, and only where the backend can read no other out of it.
  {
    name: 'extends no Forwarded of a client whose proxy says X-Forwarded-For',
    trustedProxies: ['127.0.0.0/8'],
    forwarding: { forwarded: 'forwarded', via: false },
    sent: ['Forwarded: for=6.6.6.6', 'X-Forwarded-For: 192.0.2.1'],
    told: ['Forwarded: for=192.0.2.1;proto=http;host="gw.example:80", for=127.0.0.1;proto=http;host="gw.example:80"'],
  },
  {
    name: 'extends no Forwarded with an open quote',
    trustedProxies: ['127.0.0.0/8'],
    forwarding: { forwarded: 'forwarded', via: false },
    sent: ['Forwarded: for=6.6.6.6;x="', 'Forwarded: for=192.0.2.1'],
    told: ['Forwarded: for=192.0.2.1;proto=http;host="gw.example:80", for=127.0.0.1;proto=http;host="gw.example:80"'],
  },
  // Seen: X_Forwarded_User of a client went on, beside the X-Forwarded-User of its proxy, and CGI makes one name of both. Promise:
  // only a field in the very spelling that `fromTrusted` names goes on.
  {
    name: 'believes a field of a trusted proxy in the spelling that fromTrusted names, and in no other',
    trustedProxies: ['127.0.0.0/8'],
    forwarding: { forwarded: 'none', via: false, fromTrusted: ['X-Forwarded-User'] },
    sent: ['X_Forwarded_User: root', 'X.Forwarded-User: root', 'x-forwarded-user: bob'],
    told: ['x-forwarded-user: bob'],
  },
  {
    name: 'says X-Forwarded-* of what a trusted proxy says in Forwarded',
    trustedProxies: ['127.0.0.0/8'],
    forwarding: { via: false },
    sent: ['Forwarded: for="[2001:db8::1]:4711";proto=https;host="acs.example"'],
    told: ['X-Forwarded-For: 2001:db8::1, 127.0.0.1', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: acs.example'],
  },
  {
    name: 'hands on no IPv6 zone',
    trustedProxies: ['127.0.0.0/8'],
    forwarding: { via: false },
    sent: ['X-Forwarded-For: fe80::1%eth0'],
    told: ['X-Forwarded-For: fe80::1, 127.0.0.1', 'X-Forwarded-Proto: http', 'X-Forwarded-Host: gw.example:80'],
  },
  {
    name: 'says nothing when told to',
    forwarding: { forwarded: 'none', via: false },
    sent: ['X-Forwarded-For: 1'],
    told: [],
  },
  {
    name: "tells the CPE's version in Via",
    forwarding: { forwarded: 'none' },
    version: '1.0',
    told: ['Via: 1.0 cwmp-proxy'],
  },
];

for (const { name, trustedProxies = [], forwarding, sent = [], version = '1.1', told } of cases) {
  test(name, async (t) => {
    const backend = await rawBackend(t, (socket) => socket.write(answerOf('')));
    const { port } = await startGateway(t, { backends: [backend.url], trustedProxies, forwarding });
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    await cpe.exchange(
      [`POST / HTTP/${version}`, 'Host: gw.example:80', ...sent, 'Content-Length: 0', '', ''].join('\r\n'),
    );
    assert.deepEqual(toldOf(backend.received[0]), told);
  });
}

const own = selfSigned('gw.example');
const known = selfSigned('cpe-1');
const stranger = selfSigned('cpe-2');

for (const { name, client, clientCert, told } of [
  {
    name: 'tells of a verified client certificate',
    client: known,
    clientCert: true,
    told: [`Client-Cert: :${known.raw.toString('base64')}:`],
  },
  { name: 'tells nothing of a client certificate that was not verified', client: stranger, clientCert: true, told: [] },
  { name: 'tells nothing of a CPE without one', client: undefined, clientCert: true, told: [] },
  { name: 'tells nothing unless told to', client: known, clientCert: false, told: [] },
]) {
  test(`${name}; the scheme is https`, async (t) => {
    const backend = await rawBackend(t, (socket) => socket.write(answerOf('', 'Set-Cookie: a=b; Secure')));
    const server = createServer({ ...own, ca: [known.cert], requestCert: true, rejectUnauthorized: false });
    server.keepAliveTimeout = 60_000;
    const { port } = await startGateway(t, { backends: [backend.url], forwarding: { clientCert, via: false } }, server);
    const credentials = client === undefined ? {} : { cert: client.cert, key: client.key };
    const socket = connect({ host: '127.0.0.1', port, ca: own.cert, servername: 'gw.example', ...credentials });
    atEnd(t, () => socket.destroy());
    await once(socket, 'secureConnect');
    socket.write('POST / HTTP/1.1\r\nHost: gw.example\r\nClient-Cert: :ZXZpbA==:\r\nContent-Length: 0\r\n\r\n');
    const [answer] = await once(socket, 'data');
    assert.match(String(answer), /^HTTP\/1\.1 200 OK\r\nSet-Cookie: a=b; Secure\r\n/);
    const forwarded = ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: gw.example'];
    assert.deepEqual(toldOf(backend.received[0]), [...forwarded, ...told]);
  });
}

/*
 * Seen: a CPE that renegotiated (TLS 1.2) with a certificate that does not verify had it told in Client-Cert. The cause: Node leaves
 * `authorized` true then, and sets `authorizationError` only. Promise: only a certificate that verifies is told, and a
 * connection whose certificate may be told does not renegotiate.
 */
test('a certificate that comes by renegotiation is not told', async (t) => {
  const backend = await rawBackend(t, (socket) => socket.write(answerOf('')));
  const server = createServer({
    ...own,
    ca: [known.cert],
    requestCert: true,
    rejectUnauthorized: false,
    maxVersion: 'TLSv1.2',
  });
  server.keepAliveTimeout = 60_000;
  const { port } = await startGateway(
    t,
    { backends: [backend.url], forwarding: { clientCert: true, via: false } },
    server,
  );
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: own.cert,
    servername: 'gw.example',
    cert: known.cert,
    key: known.key,
  });
  atEnd(t, () => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const message = 'POST / HTTP/1.1\r\nHost: gw.example\r\nContent-Length: 0\r\n\r\n';
  socket.write(message);
  await once(socket, 'data');
  const closed = once(socket, 'close');
  socket.renegotiate({ rejectUnauthorized: false }, () => {});
  await closed;
  assert.equal(backend.received.length, 1);
});
