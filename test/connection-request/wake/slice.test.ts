import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { createBasicAuthenticator } from '#core/access/basic.js';
import { createWakeEndpoint } from '#core/connection-request/endpoint.js';
import { verifyDigest, wakeCpe } from '@cwmp-proxy/core';
import { listen } from '../../helpers/listen.js';
import { openWakes } from '../../helpers/open-wakes.js';

const credentials = { username: 'acs', password: 'secret' };

const digestCpe = () =>
  createServer((req, res) => {
    const expected = { ...credentials, realm: 'CPE', method: 'GET', uri: '/0f3c?x=1' };
    if (verifyDigest(req.headers.authorization ?? '', expected)) res.writeHead(200).end();
    else res.writeHead(401, { 'WWW-Authenticate': 'Digest realm="CPE", nonce="abc", qop="auth", algorithm=MD5' }).end();
  });

test('wakes a CPE that asks for MD5 Digest', async (t) => {
  const port = await listen(t, digestCpe());
  const result = await wakeCpe(`http://127.0.0.1:${port}/0f3c?x=1`, { credentials });
  assert.equal(result.outcome, 'accepted');
  assert.equal(result.status, 200);
  assert.equal(result.scheme, 'digest');
  assert.equal(result.algorithm, 'MD5');
  assert.deepEqual(
    result.legs.map(({ what, status }) => [what, status]),
    [
      ['connect', undefined],
      ['request', 401],
      ['answer', 200],
    ],
  );
});

test('the endpoint challenges the ACS with Basic, wakes the CPE and says so with 200', async (t) => {
  const cpePort = await listen(t, digestCpe());
  const endpoint = createWakeEndpoint({
    authenticator: createBasicAuthenticator({ users: { genie: 'lamp' } }),
    resolve: () => `http://127.0.0.1:${cpePort}/0f3c?x=1`,
    wakes: openWakes(t, { credentials }),
  });
  const port = await listen(
    t,
    createServer((req, res) => void endpoint(req, res, req.url ?? '')),
  );
  const url = `http://127.0.0.1:${port}/client`;
  const refused = await fetch(url);
  assert.equal(refused.status, 401);
  assert.equal(refused.headers.get('www-authenticate'), 'Basic realm="cwmp-proxy"');
  const wrong = await fetch(url, { headers: { authorization: `Basic ${btoa('genie:lam')}` } });
  assert.equal(wrong.status, 401);
  const woken = await fetch(url, { headers: { authorization: `Basic ${btoa('genie:lamp')}` } });
  assert.equal(woken.status, 200);
  assert.equal(woken.headers.get('proxy-status'), 'cwmp-proxy; received-status=200; details="accepted"');
  assert.equal(await woken.text(), '');
});
