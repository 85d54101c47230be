import assert from 'node:assert/strict';
import { createServer, Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { test, type TestContext } from 'node:test';
import {
  type CpeAuthOptions,
  createCwmpProxy,
  type CwmpProxyOptions,
  digestHa1,
  type WarningEvent,
} from '@cwmp-proxy/core';
import { rfcResponse } from '../helpers/rfc-digest.js';
import { listen, serve } from '../helpers/serve.js';

const username = '012345-Set%2DTop%2DBox-0123456789';
const password = 'pass: word';
const users = { [username]: password };
const realm = 'cwmp-proxy';

interface Cpe {
  /** What the backend got, in order. */
  received: IncomingHttpHeaders[];
  warnings: WarningEvent[];
  post(headers?: Record<string, string>, agent?: Agent): Promise<{ status: number; challenges: string[] }>;
  /** A connection that is kept. */
  agent: Agent;
}

async function start(t: TestContext, cpeAuth: CpeAuthOptions, more: Partial<CwmpProxyOptions> = {}): Promise<Cpe> {
  const received: IncomingHttpHeaders[] = [];
  const acs = await serve(t, (request, response) => {
    received.push(request.headers);
    request.resume().on('end', () => response.writeHead(200).end('<InformResponse/>'));
  });
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void proxy.handle(request, response);
  });
  const { url, port } = await listen(t, server);
  const connectionRequests = { allow: ['10.0.0.0/8'], users: { acs: 'secret' } };
  const proxy = createCwmpProxy({ publicUrl: url, backends: [acs.url], connectionRequests, cpeAuth, ...more });
  t.after(() => proxy.close());
  const warnings: WarningEvent[] = [];
  proxy.on('warning', (warning) => warnings.push(warning));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  return {
    received,
    warnings,
    agent,
    post: (headers = {}, by = agent) =>
      new Promise((resolve, reject) => {
        const request = httpRequest({ host: '127.0.0.1', port, method: 'POST', path: '/acs?x=1', headers, agent: by });
        request.on('error', reject).on('response', (response) => {
          const { statusCode = 0 } = response;
          const challenges = response.headersDistinct['www-authenticate'] ?? [];
          response.resume().on('end', () => resolve({ status: statusCode, challenges }));
        });
        request.end('<Envelope/>');
      }),
  };
}

interface Dress {
  nc?: string;
  qop?: boolean;
  uri?: string;
  algorithm?: string;
  password?: string;
  username?: string;
}

/** What a CPE answers to the challenge. */
function digest(challenge: string | undefined, dress: Dress = {}): string {
  const { nc = '00000001', qop = true, uri = '/acs?x=1', algorithm } = dress;
  const nonce = /nonce="([^"]*)"/.exec(challenge ?? '')?.[1] ?? '';
  const cnonce = 'c0ffee';
  const user = { username: dress.username ?? username, password: dress.password ?? password };
  const known = { ...user, realm, nonce, ...(algorithm !== undefined && { algorithm }) };
  const response = qop ? rfcResponse(known, 'POST', uri, 'auth', nc, cnonce) : rfcResponse(known, 'POST', uri);
  return (
    `Digest username="${user.username}",realm="${realm}",nonce="${nonce}",uri="${uri}"` +
    (algorithm === undefined ? '' : `,algorithm=${algorithm}`) +
    (qop ? `,qop=auth,nc=${nc},cnonce="${cnonce}"` : '') +
    `,response="${response}",opaque=""`
  );
}

const basic = (user: string, pass: string): string => `Basic ${Buffer.from(`${user}:${pass}`).toString('base64')}`;

test('a CPE that has not shown who it is reaches no backend, and is asked on the same connection', async (t) => {
  const cpe = await start(t, { users });
  const first = await cpe.post();
  assert.equal(first.status, 401);
  assert.match(first.challenges.join('|'), /^Digest realm="cwmp-proxy", nonce="[\w-]{30}", qop="auth"$/);
  assert.equal(cpe.received.length, 0);
  assert.equal((await cpe.post({ authorization: digest(first.challenges[0]) })).status, 200);
  assert.equal(cpe.received.length, 1);
  assert.equal((await cpe.post()).status, 200, 'known on this connection');
});

const dresses: { name: string; dress: Dress; options?: Partial<CpeAuthOptions> }[] = [
  { name: 'without qop (netcwmp)', dress: { qop: false } },
  { name: 'with the absolute URL as uri', dress: { uri: 'http://acs.example/acs?x=1' } },
  { name: 'with SHA-256', dress: { algorithm: 'SHA-256' }, options: { algorithms: ['SHA-256', 'MD5'] } },
  { name: 'with MD5 named', dress: { algorithm: 'MD5' } },
  { name: 'counting from one digit', dress: { nc: '1' } },
  {
    name: 'against an HA1',
    dress: {},
    options: { users: { [username]: { ha1: digestHa1('MD5', username, realm, password) } } },
  },
  {
    name: 'against a function that knows the device',
    dress: {},
    options: {
      users: ({ device }) =>
        Promise.resolve(
          device?.productClass === 'Set-Top-Box' && device.serialNumber === '0123456789' ? password : undefined,
        ),
    },
  },
];

for (const { name, dress, options } of dresses) {
  test(`a CPE that answers ${name} passes, also on a new connection (Fritz!Box)`, async (t) => {
    const cpe = await start(t, { users, ...options });
    const challenge = (await cpe.post()).challenges[0];
    const other = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => other.destroy());
    assert.equal((await cpe.post({ authorization: digest(challenge, dress) }, other)).status, 200);
  });
}

test('what is wrong is refused: password, user, realm, uri, algorithm, method of the answer', async (t) => {
  const cpe = await start(t, { users });
  const challenge = (await cpe.post()).challenges[0];
  const good = digest(challenge);
  const wrong = [
    digest(challenge, { password: 'x' }),
    digest(challenge, { username: 'x' }),
    digest(challenge, { uri: '/other' }),
    digest(challenge, { algorithm: 'SHA-256' }),
    good.replace('realm="cwmp-proxy"', 'realm="x"'),
    good.replace('qop=auth', 'qop=auth-int'),
    basic(username, password),
    'Digest',
    'Negotiate abc',
  ];
  for (const authorization of wrong) {
    const { status, challenges } = await cpe.post({ authorization });
    assert.equal(status, 401, authorization);
    assert.ok(!challenges.join().includes('stale'), authorization);
  }
  assert.equal(cpe.received.length, 0);
  assert.equal((await cpe.post({ authorization: good })).status, 200, 'none of them has used the nonce up');
});

test('an answer that was overheard is good on no other connection, and the CPE can go on with a new nonce', async (t) => {
  const cpe = await start(t, { users });
  const authorization = digest((await cpe.post()).challenges[0]);
  assert.equal((await cpe.post({ authorization })).status, 200);
  assert.equal((await cpe.post({ authorization })).status, 200, 'cwmp-sim sends one answer a session');
  const other = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => other.destroy());
  const replayed = await cpe.post({ authorization }, other);
  assert.equal(replayed.status, 401);
  assert.match(replayed.challenges[0] ?? '', /, stale=true$/);
  assert.equal((await cpe.post({ authorization: digest(replayed.challenges[0]) }, other)).status, 200);
});

test('counts that go up on one nonce pass, also on new connections (ZTE)', async (t) => {
  const cpe = await start(t, { users });
  const challenge = (await cpe.post()).challenges[0];
  for (const nc of ['00000001', '00000002', '0000000a']) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    assert.equal((await cpe.post({ authorization: digest(challenge, { nc }) }, agent)).status, 200, nc);
  }
});

test('Basic passes where it is allowed, against a password and an HA1', async (t) => {
  const ha1 = digestHa1('MD5', 'b', realm, 'pw');
  const cpe = await start(t, { users: { a: 'pw', b: { ha1 } }, schemes: ['digest', 'basic'] });
  const { challenges } = await cpe.post();
  assert.equal(challenges[1], 'Basic realm="cwmp-proxy"');
  for (const user of ['a', 'b']) {
    const agent = new Agent();
    assert.equal((await cpe.post({ authorization: basic(user, 'wrong') }, agent)).status, 401);
    assert.equal((await cpe.post({ authorization: basic(user, 'pw') }, agent)).status, 200);
  }
  assert.equal((await cpe.post({ authorization: basic('', '') }, new Agent())).status, 401);
});

test('the backend is told who it is, and never what the CPE has said of it', async (t) => {
  const cpe = await start(t, {
    users,
    identityHeader: 'X-CPE-Identity',
    backendCredentials: { username: 'proxy', password: 'secret' },
  });
  const authorization = digest((await cpe.post()).challenges[0]);
  await cpe.post({ authorization, 'x-cpe-identity': 'somebody else', x_cpe_identity: 'nor this' });
  const [headers] = cpe.received;
  assert.equal(headers?.['x-cpe-identity'], username);
  assert.equal(headers?.['x_cpe_identity'], undefined);
  assert.equal(headers?.authorization, basic('proxy', 'secret'));
});

test("without credentials of its own for the backend, the CPE's answer to the proxy goes no further", async (t) => {
  const cpe = await start(t, { users });
  await cpe.post({ authorization: digest((await cpe.post()).challenges[0]) });
  assert.equal(cpe.received[0]?.authorization, undefined);
});

test('guessing one user is slow, and locks out no other user behind the same address', async (t) => {
  const cpe = await start(t, { users: { a: 'pw', b: 'pw' }, schemes: ['basic'] });
  for (let guess = 0; guess < 20; guess += 1) {
    assert.equal((await cpe.post({ authorization: basic('a', String(guess)) })).status, 401);
  }
  assert.equal((await cpe.post({ authorization: basic('a', 'pw') })).status, 429);
  assert.equal((await cpe.post({ authorization: basic('b', 'pw') })).status, 200);
});

test('a users function that fails keeps the CPE out, and is no guess of it', async (t) => {
  let isAway = true;
  const users = (): string => {
    if (isAway) throw new Error('database down');
    return 'secret';
  };
  const cpe = await start(t, { users, schemes: ['basic'] });
  const headers = { authorization: `Basic ${btoa('cpe:secret')}` };
  // More than an address may guess.
  for (let count = 0; count < 25; count += 1) assert.equal((await cpe.post(headers)).status, 503);
  assert.deepEqual(cpe.received, []);
  isAway = false;
  assert.equal((await cpe.post(headers)).status, 200);
});

test('a CPE that hashes another uri is told of as that, and is never locked out as one that guesses', async (t) => {
  const cpe = await start(t, { users });
  let { challenges } = await cpe.post();
  for (let count = 0; count < 22; count += 1) {
    const answer = await cpe.post({ authorization: digest(challenges[0], { uri: '/elsewhere' }) });
    assert.equal(answer.status, 401);
    ({ challenges } = answer);
  }
  assert.deepEqual(
    cpe.warnings.map(({ code }) => code),
    ['DIGEST_URI'],
  );
  assert.match(cpe.warnings[0]?.message ?? '', /another uri .* 127\.0\.0\.1/);
  assert.equal((await cpe.post({ authorization: digest(challenges[0]) })).status, 200);
});

test('a CPE may hash another uri where compareUri is off', async (t) => {
  const cpe = await start(t, { users, compareUri: false });
  const { challenges } = await cpe.post();
  assert.equal((await cpe.post({ authorization: digest(challenges[0], { uri: '/elsewhere' }) })).status, 200);
});

test('a CPE may hash the uri with the prefix that a trusted proxy took off', async (t) => {
  const cpe = await start(t, { users }, { trustedProxies: ['127.0.0.1'] });
  const { challenges } = await cpe.post();
  const authorization = digest(challenges[0], { uri: '/cwmp/acs?x=1' });
  assert.equal((await cpe.post({ authorization })).status, 401);
  assert.equal((await cpe.post({ authorization, 'X-Forwarded-Prefix': '/cwmp' })).status, 200);
});

/*
 * Seen: a users function that gave an empty password, or `{ ha1: '' }`, let anybody in who answered with nothing. A map with such
 * an entry is refused at creation; a function's result is checked alike.
 */
for (const { name, secret, given, status } of [
  { name: 'an empty password', secret: '', given: '', status: 401 },
  { name: 'an empty ha1', secret: { ha1: '' }, given: '', status: 503 },
  { name: 'an ha1 that is none', secret: { ha1: 'secret' }, given: 'secret', status: 503 },
  { name: 'nothing', secret: undefined, given: '', status: 401 },
]) {
  for (const scheme of ['digest', 'basic'] as const) {
    test(`a users function that gives ${name} lets nobody in by ${scheme}`, async (t) => {
      const cpe = await start(t, { users: () => secret, schemes: [scheme] });
      const { challenges } = await cpe.post();
      const authorization = scheme === 'basic' ? basic(username, given) : digest(challenges[0], { password: given });
      assert.equal((await cpe.post({ authorization })).status, status);
      assert.deepEqual(cpe.received, []);
    });
  }
}

/*
 * Seen: behind a load balancer that puts several CPEs on one connection, a CPE without an answer was taken for the one that had
 * shown who it is there. Cause: who is known was kept for the connection alone. Promise: behind a trusted proxy only the client
 * address that has shown it is known.
 */
test('who has shown who it is behind a trusted proxy is not known for another client on the same connection', async (t) => {
  const cpe = await start(t, { users, identityHeader: 'X-CPE' }, { trustedProxies: ['127.0.0.1'] });
  const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address });
  const { challenges } = await cpe.post(from('192.0.2.1'));
  const authorization = digest(challenges[0]);
  assert.equal((await cpe.post({ authorization, ...from('192.0.2.1') })).status, 200);
  assert.equal((await cpe.post(from('192.0.2.2'))).status, 401);
  assert.equal((await cpe.post(from('192.0.2.1'))).status, 200);
  assert.equal(cpe.received.length, 2);
});

/* Seen: guesses at a name beyond ASCII counted twice, as Digest and Basic write it in different ways. Promise: a name is one. */
test('guesses at one user count together, by Digest and by Basic', async (t) => {
  const cpe = await start(t, { users: { Jörg: 'pw' }, schemes: ['digest', 'basic'] });
  for (let count = 0; count < 20; count += 1) await cpe.post({ authorization: basic('Jörg', String(count)) });
  const { challenges } = await cpe.post();
  const authorization = digest(challenges[0], { username: 'Jörg' }).replace(
    'username="Jörg"',
    "username*=UTF-8''J%C3%B6rg",
  );
  assert.equal((await cpe.post({ authorization })).status, 429);
});

/* Seen: a secret whose reading throws was a fault of the proxy, 500. Promise: what cannot be checked is 503. */
test('a users function that gives what cannot be read is a fault of it', async (t) => {
  const secret = {
    get ha1(): string {
      throw new Error('row is gone');
    },
  };
  const cpe = await start(t, { users: () => secret, schemes: ['basic'] });
  assert.equal((await cpe.post({ authorization: basic(username, password) })).status, 503);
});
