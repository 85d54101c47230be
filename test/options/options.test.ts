import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCwmpProxy, type CwmpProxyOptions } from '@cwmp-proxy/core';
import { selfSigned } from '../helpers/certificate.js';
import { serve } from '../helpers/serve.js';

const good: CwmpProxyOptions = {
  publicUrl: 'http://127.0.0.1:8080',
  backends: ['http://127.0.0.1:7547'],
  connectionRequests: { allow: ['192.168.0.0/16'], users: { acs: 'secret' } },
};

/** Options as plain JavaScript could hand them in. */
const wrong: { name: string; options: object; message: RegExp }[] = [
  { name: 'no publicUrl', options: { publicUrl: undefined }, message: /^publicUrl: / },
  { name: 'a publicUrl with a query', options: { publicUrl: 'http://a/?b' }, message: /^publicUrl: .*query/ },
  { name: 'a publicUrl with a user', options: { publicUrl: 'http://u:p@a/' }, message: /^publicUrl: .*user/ },
  { name: 'a publicUrl with an empty query', options: { publicUrl: 'http://a?' }, message: /^publicUrl: .*query/ },
  { name: 'a publicUrl with an empty fragment', options: { publicUrl: 'http://a/#' }, message: /^publicUrl: .*query/ },
  {
    name: 'a publicUrl at the endpoint',
    options: { publicUrl: 'http://a/client/' },
    message: /^publicUrl: .*endpoint/,
  },
  { name: 'a publicUrl below it', options: { publicUrl: 'http://a/client/b' }, message: /^publicUrl: .*endpoint/ },
  { name: 'backends that are no list', options: { backends: 'http://a' }, message: /^backends: expected a list/ },
  { name: 'a backend without a URL', options: { backends: [{}] }, message: /^backends\[0\]\.url: / },
  {
    name: 'itself as a backend',
    options: { publicUrl: 'http://a:80/b', backends: [{ url: 'http://A/b/' }] },
    message: /^backends\[0\]\.url: .*publicUrl/,
  },
  { name: 'no backend', options: { backends: [] }, message: /^backends: .*at least one/ },
  { name: 'an ftp backend', options: { backends: ['http://a', 'ftp://b'] }, message: /^backends\[1\]: / },
  { name: 'two equal backends', options: { backends: ['http://a', 'http://a/'] }, message: /^backends\[1\]: / },
  {
    name: 'a local address that is a name',
    options: { backends: [{ url: 'http://a', localAddress: ['10.0.0.1', 'localhost'] }] },
    message: /^backends\[0\]\.localAddress: /,
  },
  {
    name: 'a backend without weight',
    options: { backends: [{ url: 'http://a', weight: 0 }] },
    message: /^backends\[0\]\.weight: /,
  },
  { name: 'a misspelt group', options: { timeout: {} }, message: /^timeout: unknown option/ },
  { name: 'a misspelt option', options: { timeouts: { conectMs: 1 } }, message: /^timeouts\.conectMs: unknown option/ },
  {
    name: 'the former forwarding.incoming',
    options: { forwarding: { incoming: 'append' } },
    message: /^forwarding\.incoming: .*trustedProxies/,
  },
  { name: 'trusted proxies as text', options: { trustedProxies: '10.0.0.1' }, message: /^trustedProxies: / },
  { name: 'a trusted proxy by name', options: { trustedProxies: ['lb'] }, message: /^trustedProxies\[0\]: / },
  {
    name: 'everybody as a trusted proxy',
    options: { trustedProxies: ['0.0.0.0/0'] },
    message: /^trustedProxies\[0\]: /,
  },
  { name: 'an address for lookup', options: { lookup: '10.0.0.1' }, message: /^lookup: / },
  { name: 'an address for clientAddress', options: { clientAddress: '10.0.0.1' }, message: /^clientAddress: / },
  {
    name: 'a field from trusted proxies that the proxy writes itself',
    options: { forwarding: { fromTrusted: ['X-Forwarded-For'] } },
    message: /^forwarding\.fromTrusted\[0\]: /,
  },
  {
    name: 'a field from trusted proxies that goes on in any case',
    options: { forwarding: { fromTrusted: ['X-Own'] } },
    message: /^forwarding\.fromTrusted\[0\]: .*any case/,
  },
  { name: 'a limit of nothing', options: { limits: { maxBodyBytes: 0 } }, message: /^limits\.maxBodyBytes: / },
  {
    name: 'less to hold than one body may have',
    options: { limits: { maxHeldTotalBytes: 65_535 } },
    message: /^limits\.maxHeldTotalBytes: /,
  },
  {
    name: 'no session for an address',
    options: { limits: { maxSessionsPerAddress: 0 } },
    message: /^limits\.maxSessionsPerAddress: /,
  },
  {
    name: 'no connection for an address',
    options: { limits: { maxConnectionsPerAddress: 0 } },
    message: /^limits\.maxConnectionsPerAddress: /,
  },
  {
    name: 'a mark that no CPE has',
    options: { sessions: { recogniseBy: ['cookie', 'port'] } },
    message: /^sessions\.recogniseBy: expected some of cookie, nonce, address/,
  },
  { name: 'no wakes', options: { limits: { maxWakes: 0 } }, message: /^limits\.maxWakes: / },
  { name: 'no look-up', options: { limits: { maxLookups: 0 } }, message: /^limits\.maxLookups: / },
  { name: 'half a connection', options: { limits: { maxConnecting: 0.5 } }, message: /^limits\.maxConnecting: / },
  { name: 'no relayed request', options: { limits: { maxRelayed: 0 } }, message: /^limits\.maxRelayed: / },
  { name: 'a time of no length', options: { timeouts: { connectMs: 0 } }, message: /^timeouts\.connectMs: / },
  { name: 'a time as text', options: { timeouts: { connectMs: '5s' } }, message: /^timeouts\.connectMs: / },
  {
    name: 'one pair in the place of users',
    options: { connectionRequests: { allow: ['10.0.0.0/8'], users: { username: 'acs', password: 'secret' } } },
    message: /^connectionRequests\.users: .*two users/,
  },
  {
    name: 'one pair in the place of users of cpeAuth',
    options: { cpeAuth: { users: { username: 'cpe', password: 'secret' } } },
    message: /^cpeAuth\.users: .*two users/,
  },
  {
    name: 'a version of TLS that Node does not know',
    options: { connectionRequests: { allow: ['10.0.0.0/8'], users: { a: 'b' }, tls: { minVersion: 'SSLv3' } } },
    message: /^connectionRequests\.tls\.minVersion: /,
  },
  {
    name: 'ciphers that OpenSSL does not know',
    options: { connectionRequests: { allow: ['10.0.0.0/8'], users: { a: 'b' }, tls: { ciphers: 'ROT13' } } },
    message: /^connectionRequests\.tls\.ciphers: /,
  },
  { name: 'no connectionRequests', options: { connectionRequests: undefined }, message: /^connectionRequests: / },
  {
    name: 'an open relay',
    options: { connectionRequests: { users: { a: 'b' } } },
    message: /^connectionRequests\.allow: .*open relay/,
  },
  {
    name: 'a block that is none',
    options: { connectionRequests: { allow: ['x/8'], users: { a: 'b' } } },
    message: /^connectionRequests\.allow\[0\]: /,
  },
  {
    name: 'any address and unsigned URLs where nobody is asked who he is',
    options: { connectionRequests: { allow: 'any', access: { modes: ['relay'] } } },
    message: /^connectionRequests\.allow: .*open relay/,
  },
  {
    name: 'Digest without passwords',
    options: { connectionRequests: { allow: ['10.0.0.0/8'], users: () => true, access: { modes: ['digest'] } } },
    message: /^connectionRequests\.users: .*passwords/,
  },
  {
    name: 'a mode that is none',
    options: { connectionRequests: { ...good.connectionRequests, access: { modes: ['ntlm'] } } },
    message: /^connectionRequests\.access\.modes: /,
  },
  {
    name: 'forward beside another mode',
    options: { connectionRequests: { ...good.connectionRequests, access: { modes: ['forward', 'basic'] } } },
    message: /^connectionRequests\.access\.modes: /,
  },
  {
    name: 'a nonce key that is too short',
    options: { connectionRequests: { ...good.connectionRequests, access: { nonceKey: 'short' } } },
    message: /^connectionRequests\.access\.nonceKey: /,
  },
  {
    name: 'a nonce key where nobody is asked for Digest',
    options: {
      connectionRequests: { ...good.connectionRequests, access: { modes: ['basic'], nonceKey: '0123456789abcdef' } },
    },
    message: /^connectionRequests\.access\.nonceKey: /,
  },
  {
    name: 'an htpasswd file that is not there',
    options: { connectionRequests: { allow: ['10.0.0.0/8'], access: { htpasswd: '/nonexistent' } } },
    message: /^connectionRequests\.access\.htpasswd: /,
  },
  {
    name: 'a short signing key',
    options: { connectionRequests: { users: { a: 'b' }, urls: { signingKeys: ['short'] } } },
    message: /^connectionRequests\.urls\.signingKeys: /,
  },
  {
    name: 'the host form without a domain',
    options: { connectionRequests: { ...good.connectionRequests, urls: { form: 'host' } } },
    message: /^connectionRequests\.urls\.hostBase: /,
  },
  {
    name: "a domain that the proxy's own name lies below",
    options: {
      publicUrl: 'http://acs.a.example',
      connectionRequests: { ...good.connectionRequests, urls: { hostBase: 'a.example' } },
    },
    message: /^connectionRequests\.urls\.hostBase: /,
  },
  { name: 'no users', options: { connectionRequests: { allow: 'any' } }, message: /^connectionRequests\.users: / },
  {
    name: 'a mount path without slash',
    options: { forwarding: { mountPath: 'cwmp' } },
    message: /^forwarding\.mountPath: /,
  },
  {
    name: 'a session header that is no name',
    options: { forwarding: { sessionHeader: 'X_Session' } },
    message: /^forwarding\.sessionHeader: /,
  },
  {
    name: 'a session header that has another use',
    options: { forwarding: { sessionHeader: 'Content-Type' } },
    message: /^forwarding\.sessionHeader: .*other use/,
  },
  {
    name: 'an identity header that has another use',
    options: { cpeAuth: { users: { cpe: 'secret' }, identityHeader: 'Content-Length' } },
    message: /^cpeAuth\.identityHeader: .*other use/,
  },
  {
    name: 'users in a Map',
    options: { connectionRequests: { ...good.connectionRequests, users: new Map([['acs', 'secret']]) } },
    message: /^connectionRequests\.users: .*plain object/,
  },
  {
    name: 'an unknown option of TLS towards CPEs',
    options: { connectionRequests: { ...good.connectionRequests, tls: { rejectUnauthorised: false } } },
    message: /^connectionRequests\.tls\.rejectUnauthorised: unknown option/,
  },
  {
    name: 'an authority of CPEs that is junk',
    options: { connectionRequests: { ...good.connectionRequests, tls: { ca: 'junk' } } },
    message: /^connectionRequests\.tls\.ca: /,
  },
  { name: 'a made-up word', options: { forwarding: { forwarded: 'x' } }, message: /^forwarding\.forwarded: / },
  { name: 'a short key', options: { sessions: { affinityKey: 'short' } }, message: /^sessions\.affinityKey: / },
];

const plain = /^cpeAuth\.users: expected a plain object from user name to password or \{ ha1 \}, or a function$/;
const ha1 = '0'.repeat(32);

/** Users that no CPE could log in as, or that none was meant to be. */
const wrongUsers: { name: string; users: unknown; message: RegExp; more?: object }[] = [
  { name: 'nobody', users: {}, message: plain },
  { name: 'a list', users: ['cpe', 'secret'], message: plain },
  { name: 'a Map', users: new Map([['cpe', 'secret']]), message: plain },
  { name: 'a password that is a number', users: { a: 5 }, message: /"a" has no password/ },
  { name: 'an empty password', users: { b: 'x', a: '' }, message: /"a" has no password/ },
  { name: 'a colon in a name', users: { 'a:b': 'x' }, message: /"a:b" .*colon/ },
  { name: 'a colon in a name with an HA1', users: { 'a:b': { ha1 } }, message: /"a:b" .*colon/ },
  { name: 'an HA1 that is no hex', users: { a: { ha1: 'z'.repeat(32) } }, message: /"a" .*ha1 of 32 hex/ },
  { name: 'an HA1 that is too short', users: { a: { ha1: 'ff' } }, message: /"a" .*ha1/ },
  {
    name: 'an HA1 for an algorithm that is not offered',
    users: { a: { ha1 } },
    more: { algorithms: ['SHA-256'] },
    message: /"a" .*ha1 of 64 hex/,
  },
];
for (const { name, users, message, more } of wrongUsers) {
  wrong.push({ name: `users of cpeAuth with ${name}`, options: { cpeAuth: { users, ...more } }, message });
}

const { cert, key } = selfSigned('proxy.example');
const broken = cert.replace(/MII.{40}/, 'MII');

/** TLS towards a backend that Node would only find fault with when it connects, if ever. */
const wrongTls: { name: string; tls: object; message: RegExp }[] = [
  { name: 'authorities that are a number', tls: { ca: 5 }, message: /\.ca: / },
  { name: 'authorities that are a path', tls: { ca: '/etc/ssl/ca.pem' }, message: /\.ca: .*not the path of a file/ },
  { name: 'authorities that are junk', tls: { ca: [cert, Buffer.from('junk')] }, message: /\.ca: / },
  { name: 'no authorities', tls: { ca: [] }, message: /\.ca: / },
  { name: 'an authority cut short', tls: { ca: cert + broken }, message: /\.ca: / },
  { name: 'a certificate that is a path', tls: { cert: '/etc/c.pem', key }, message: /\.cert: / },
  { name: 'a certificate that is a number', tls: { cert: 5, key }, message: /\.cert: / },
  { name: 'a certificate without a key', tls: { cert }, message: /\.key: .*together/ },
  { name: 'a key without a certificate', tls: { key }, message: /\.cert: .*together/ },
  { name: 'a key that is junk', tls: { cert, key: 'junk' }, message: /\.key: / },
  { name: 'the key of another certificate', tls: { cert, key: selfSigned('b').key }, message: /\.key: .*MISMATCH/ },
  { name: 'a servername that is a number', tls: { servername: 5 }, message: /\.servername: / },
  { name: 'a servername that is an address', tls: { servername: '10.0.0.1' }, message: /\.servername: / },
];
for (const { name, tls, message } of wrongTls) {
  const path = new RegExp(`^backends\\[0\\]\\.tls${message.source}`);
  wrong.push({ name, options: { backends: [{ url: 'https://a', tls }] }, message: path });
}

for (const { name, options, message } of wrong) {
  test(`refuses ${name} at creation and names it`, () => {
    assert.throws(() => createCwmpProxy({ ...good, ...options }), { code: 'ERR_CWMP_OPTION', message });
  });
}

test('takes HA1s of CPEs for the algorithms that are offered, and for Basic', async () => {
  const users = { a: { ha1 }, b: { ha1: 'F'.repeat(64) }, c: 'secret' };
  await createCwmpProxy({ ...good, cpeAuth: { users, algorithms: ['SHA-256', 'MD5'] } }).close();
  const cpeAuth: CwmpProxyOptions['cpeAuth'] = { users, algorithms: ['SHA-256'], schemes: ['digest', 'basic'] };
  await createCwmpProxy({ ...good, cpeAuth }).close();
});

test('refuses itself as a backend that is added later', async (t) => {
  const proxy = createCwmpProxy(good);
  t.after(() => proxy.close());
  assert.throws(() => proxy.backends.add(good.publicUrl), {
    code: 'ERR_CWMP_OPTION',
    message: /^backend: .*publicUrl/,
  });
});

test('takes a publicUrl that ends with client where that is not the endpoint, and a CPE can POST to it', async (t) => {
  const acs = await serve(t, (_request, response) => response.writeHead(204, { connection: 'close' }).end());
  const publicUrl = 'http://127.0.0.1:8080/isp/client';
  const proxy = createCwmpProxy({ ...good, publicUrl, backends: [acs.url] });
  t.after(() => proxy.close());
  const { url } = await serve(t, (request, response) => void proxy.handle(request, response));
  const headers = { connection: 'close' };
  assert.equal((await fetch(`${url}/isp/client`, { method: 'POST', headers })).status, 204);
  assert.equal((await fetch(`${url}/isp/client/client?origin=x`, { headers })).status, 401);
});

test('takes the smallest configuration and leaves the options as they are', async () => {
  const options = Object.freeze({ ...good });
  await createCwmpProxy(options).close();
});

test('an option that is given as undefined has its default', async () => {
  const nothing = undefined;
  const proxy = createCwmpProxy({
    ...good,
    backends: [
      { url: 'http://127.0.0.1:7547', weight: nothing, maxSessions: nothing, tls: nothing, localAddress: nothing },
    ],
    connectionRequests: {
      ...good.connectionRequests,
      credentials: nothing,
      allowBasic: nothing,
      tls: nothing,
      timeoutMs: nothing,
      unreachableStatus: nothing,
      timeoutStatus: nothing,
      store: nothing,
      access: {
        modes: nothing,
        htpasswd: nothing,
        realm: nothing,
        algorithms: nothing,
        nonceKey: nothing,
        maxFailures: nothing,
      },
      urls: { form: nothing, hostBase: nothing, signingKeys: nothing },
    },
    cpeAuth: nothing,
    lookup: nothing,
    trustedProxies: nothing,
    clientAddress: nothing,
    sessions: { idleTimeoutMs: nothing, graceMs: nothing, affinityKey: nothing, recogniseBy: nothing },
    health: { maxFailures: nothing, ejectMs: nothing, maxEjectMs: nothing, active: nothing },
    forwarding: { via: nothing, forwarded: nothing, mountPath: nothing, sessionHeader: nothing, fromTrusted: nothing },
    timeouts: { connectMs: nothing, headersMs: nothing, bodyMs: nothing, requestMs: nothing },
    limits: { maxHeldBytes: nothing, maxSessions: nothing, maxWakes: nothing },
  });
  assert.equal(
    (await proxy.wakeCpe('http://10.0.0.1/', { credentials: nothing, timeoutMs: nothing })).outcome,
    'forbidden',
  );
  await proxy.close();
});
