import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { acsPresets, type ConnectionRequestOptions } from '@cwmp-proxy/core';
import { type AcsClient, genieacs, oktopus } from '../helpers/acs-clients.js';
import { startDigestCpe, startGate } from '../helpers/gate.js';
import { serve } from '../helpers/serve.js';

const cpe = { username: 'cpe', password: 'secret' };
const acs = { username: 'acs', password: 'lamp' };
const allow = ['127.0.0.0/8'];
const users = { [acs.username]: acs.password };
const signingKeys = ['a key of sixteen characters'];

const works: { client: AcsClient; name: string; options: ConnectionRequestOptions }[] = [
  { client: genieacs, name: 'its preset', options: { ...acsPresets.genieacs, allow, users } },
  { client: oktopus, name: 'its preset', options: { ...acsPresets.oktopus, allow, users } },
  { client: genieacs, name: 'the defaults: Digest, then Basic', options: { allow, users } },
  {
    client: genieacs,
    name: 'its preset and signed URLs',
    options: { ...acsPresets.genieacs, allow, users, urls: { ...acsPresets.genieacs.urls, signingKeys } },
  },
  {
    client: oktopus,
    name: 'its preset and signed URLs',
    options: { ...acsPresets.oktopus, allow, users, urls: { ...acsPresets.oktopus.urls, signingKeys } },
  },
];

for (const { client, name, options } of works) {
  test(`${client.name} wakes a CPE with ${name}`, async (t) => {
    const device = await startDigestCpe(t, cpe);
    const gate = await startGate(t, { ...options, credentials: cpe });
    assert.equal(await client.wake(await gate.proxied(device.url), acs), '');
    assert.equal(device.wakes, 1);
  });
}

test('GenieACS is told apart what is wrong: its own password, a CPE that is off', async (t) => {
  const gate = await startGate(t, { ...acsPresets.genieacs, allow, users });
  const url = await gate.proxied('http://127.0.0.1:1/');
  assert.equal(await genieacs.wake(url, { ...acs, password: 'x' }), 'Incorrect connection request credentials');
  assert.equal(await genieacs.wake(url, acs), 'Device is offline');
});

test('GenieACS cannot do with Basic alone, Oktopus not with the uri compared: hence the presets', async (t) => {
  const device = await startDigestCpe(t, cpe);
  const basic = await startGate(t, { allow, users, access: { modes: ['basic'] } });
  assert.match(await genieacs.wake(await basic.proxied(device.url), acs), /unsupported authentication Basic/);
  const strict = await startGate(t, { allow, users });
  assert.equal(await oktopus.wake(await strict.proxied(device.url), acs), 'status 401');
  assert.equal(device.wakes, 0);
});

/*
 * Seen: an ACS whose way to the proxy leads through one that takes a path prefix off was never let in. It hashes the uri that it
 * was given, publicUrl's path and what follows; the proxy got the shorter one, and took the answer for a wrong password.
 */
test('GenieACS is let in behind a proxy that takes the path of publicUrl off', async (t) => {
  const device = await startDigestCpe(t, cpe);
  const front = await serve(t, (request, response) => {
    const path = (request.url ?? '').replace(/^\/cwmp(?=\/)/, '');
    const onward = httpRequest({ host: '127.0.0.1', port: gate.port, path, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.end();
  });
  const gate = await startGate(t, { allow, users, credentials: cpe }, { publicUrl: `${front.url}/cwmp` });
  assert.equal(await genieacs.wake(await gate.proxied(device.url), acs), '');
  assert.equal(device.wakes, 1);
});
