import assert from 'node:assert/strict';
import { createServer, request as httpRequest } from 'node:http';
import { test, type TestContext } from 'node:test';
import { createBasicAuthenticator } from '#core/access/basic.js';
import { createWakeEndpoint, type WakeEndpointOptions } from '#core/connection-request/endpoint.js';
import { CwmpProxyError, type WakeOutcome, type WakeResult } from '@cwmp-proxy/core';
import { listenRaw, startCpe } from '../helpers/cpe-doubles/conversation.js';
import { refuser } from '../helpers/cpe-doubles/droppers.js';
import { listen } from '../helpers/listen.js';
import { openWakes } from '../helpers/open-wakes.js';

async function serve(t: TestContext, options: Partial<WakeEndpointOptions>): Promise<string> {
  const endpoint = createWakeEndpoint({ resolve: (target) => target, wakes: openWakes(t), ...options });
  const server = createServer((req, res) => void endpoint(req, res, decodeURIComponent((req.url ?? '').slice(1))));
  return `http://127.0.0.1:${await listen(t, server)}/`;
}

const withResult = (result: Partial<WakeResult>): Partial<WakeEndpointOptions> => ({
  wakes: { wake: () => Promise.resolve({ outcome: 'accepted', legs: [], ms: 1, ...result }) },
});

const rows: readonly (readonly [
  outcome: WakeOutcome,
  result: Partial<WakeResult>,
  status: number,
  proxyStatus: string,
])[] = [
  ['accepted', { status: 200 }, 200, 'cwmp-proxy; received-status=200; details="accepted"'],
  ['accepted', { status: 204 }, 204, 'cwmp-proxy; received-status=204; details="accepted"'],
  ['informed', { status: 200 }, 200, 'cwmp-proxy; received-status=200; details="informed"'],
  ['no-inform', { status: 200 }, 503, 'cwmp-proxy; received-status=200; details="no-inform"'],
  ['busy', { status: 503 }, 503, 'cwmp-proxy; received-status=503; details="busy"'],
  ['credentials-refused', { status: 401 }, 502, 'cwmp-proxy; received-status=401; details="credentials-refused"'],
  ['no-credentials', { status: 401 }, 502, 'cwmp-proxy; received-status=401; details="no-credentials"'],
  ['scheme-unsupported', { status: 401 }, 502, 'cwmp-proxy; received-status=401; details="scheme-unsupported"'],
  ['refused', { status: 302 }, 502, 'cwmp-proxy; received-status=302; details="refused"'],
  ['unreachable', {}, 503, 'cwmp-proxy; error=destination_unavailable; details="unreachable"'],
  [
    'unreachable',
    { legs: [{ what: 'connect', ms: 1, error: 'ECONNREFUSED' }] },
    503,
    'cwmp-proxy; error=connection_refused; details="unreachable"',
  ],
  [
    'unreachable',
    { legs: [{ what: 'resolve', ms: 1, error: 'ENOTFOUND' }] },
    503,
    'cwmp-proxy; error=dns_error; details="unreachable"',
  ],
  ['timeout', {}, 503, 'cwmp-proxy; error=connection_read_timeout; details="timeout"'],
  [
    'timeout',
    { legs: [{ what: 'connect', ms: 1, error: 'timeout' }] },
    503,
    'cwmp-proxy; error=connection_timeout; details="timeout"',
  ],
  ['protocol-error', {}, 502, 'cwmp-proxy; error=http_protocol_error; details="protocol-error"'],
  [
    'protocol-error',
    { legs: [{ what: 'request', ms: 1, error: 'closed' }] },
    502,
    'cwmp-proxy; error=connection_terminated; details="protocol-error"',
  ],
  ['forbidden', {}, 403, 'cwmp-proxy; error=destination_ip_prohibited; details="forbidden"'],
  ['bad-origin', {}, 400, 'cwmp-proxy; error=http_request_error; details="bad-origin"'],
  ['overloaded', {}, 503, 'cwmp-proxy; error=connection_limit_reached; details="overloaded"'],
  [
    'overloaded',
    { legs: [{ what: 'resolve', ms: 1, error: 'EAI_AGAIN' }] },
    503,
    'cwmp-proxy; error=dns_error; details="overloaded"',
  ],
  ['aborted', {}, 503, 'cwmp-proxy; error=proxy_internal_error; details="aborted"'],
];

for (const [outcome, result, status, proxyStatus] of rows) {
  test(`tells the ACS ${outcome} as ${status}: ${proxyStatus}`, async (t) => {
    const url = await serve(t, withResult({ outcome, ...result }));
    const answer = await fetch(url);
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get('proxy-status'), proxyStatus);
    // TR-069 A6 §3.2.2 has none in the 503 of a CPE that is in a session; the others say it of CPEs, this one of the proxy.
    assert.equal(answer.headers.get('retry-after') !== null, outcome === 'overloaded');
    assert.equal(answer.headers.get('www-authenticate'), null);
    assert.equal(await answer.text(), status < 300 ? '' : `${outcome}\n`);
    const head = await fetch(url, { method: 'HEAD' });
    assert.equal(head.status, status);
  });
}

test('what says unreachable and timeout is an option', async (t) => {
  const options = { unreachableStatus: 502, timeoutStatus: 504 } as const;
  const unreachable = await serve(t, { ...options, ...withResult({ outcome: 'unreachable' }) });
  assert.equal((await fetch(unreachable)).status, 502);
  const timeout = await serve(t, { ...options, ...withResult({ outcome: 'timeout' }) });
  assert.equal((await fetch(timeout)).status, 504);
});

test('never passes the 401 of a CPE on', async (t) => {
  const cpe = await startCpe(t, refuser);
  const answer = await fetch((await serve(t, {})) + encodeURIComponent(cpe.url));
  assert.equal(answer.status, 502);
  assert.equal(answer.headers.get('www-authenticate'), null);
});

test('answers other methods with 405, a wrong target with its status, a fault with 500; never with what was sent', async (t) => {
  const url = await serve(t, withResult({}));
  const posted = await fetch(url, { method: 'POST', body: 'marker' });
  assert.equal(posted.status, 405);
  assert.equal(posted.headers.get('allow'), 'GET, HEAD');
  const faulty = await serve(t, {
    resolve: (target) => {
      throw new Error(`no ${target}`);
    },
  });
  const fault = await fetch(`${faulty}marker`);
  assert.equal(fault.status, 500);
  assert.doesNotMatch(await fault.text(), /marker/);
  const bad = await fetch(`${await serve(t, {})}marker`);
  assert.equal(bad.status, 400);
  assert.doesNotMatch(await bad.text(), /marker/);
});

test('an ACS that leaves ends its wake', async (t) => {
  let gone = (): void => undefined;
  const left = new Promise<void>((resolve) => {
    gone = resolve;
  });
  let ask = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  const port = await listenRaw(t, async (talk) => {
    await talk.head();
    ask();
    await talk.gone();
    gone();
  });
  const url = await serve(t, {});
  const request = httpRequest(url + encodeURIComponent(`http://127.0.0.1:${port}/`)).on('error', () => undefined);
  request.end();
  await asked;
  request.destroy();
  await left;
});

const users = { genie: 'lamp: 9', dörte: 'grün' };
const basicOf = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

for (const [name, authorization, passes] of [
  ['the right pair', basicOf('genie:lamp: 9'), true],
  ['the right pair in UTF-8', basicOf('dörte:grün'), true],
  ['another case of the scheme', basicOf('genie:lamp: 9').replace('Basic', 'bASIC'), true],
  ['a wrong password', basicOf('genie:lamp'), false],
  ['a wrong user', basicOf('genius:lamp: 9'), false],
  ['a name of the prototype', basicOf('constructor:x'), false],
  ['an empty pair', 'Basic Og==', false],
  ['no colon', basicOf('genie'), false],
  ['another scheme', 'Bearer abc', false],
  ['nothing', undefined, false],
] as const) {
  test(`Basic towards the ACS: ${name} ${passes ? 'passes' : 'is challenged'}`, async (t) => {
    for (const who of [
      users,
      ({ username, password }: { username: string; password: string }) =>
        Promise.resolve(Object.entries(users).some(([user, pass]) => user === username && pass === password)),
    ]) {
      const authenticator = createBasicAuthenticator({ users: who, realm: 'wake' });
      const url = await serve(t, { ...withResult({ status: 200 }), authenticator });
      const answer = await fetch(url, { headers: authorization === undefined ? {} : { authorization } });
      assert.equal(answer.status, passes ? 200 : 401);
      assert.equal(answer.headers.get('www-authenticate'), passes ? null : 'Basic realm="wake"');
    }
  });
}

test('a checker that throws lets nobody in and is told of; users and realms that cannot be used are refused', async (t) => {
  const authenticator = createBasicAuthenticator({
    users: () => {
      throw new Error('database down');
    },
  });
  const failures: CwmpProxyError[] = [];
  const url = await serve(t, { ...withResult({}), authenticator, onFailure: (error) => failures.push(error) });
  assert.equal((await fetch(url, { headers: { authorization: basicOf('a:b') } })).status, 503);
  assert.deepEqual(
    failures.map(({ code, cause }) => [code, cause]),
    [['ERR_CWMP_USERS_UNAVAILABLE', new Error('database down')]],
  );
  for (const options of [{ users: {} }, { users: { 'a:b': 'c' } }, { users: { a: 'b' }, realm: 'say "hi"' }]) {
    assert.throws(() => createBasicAuthenticator(options), CwmpProxyError);
  }
});
