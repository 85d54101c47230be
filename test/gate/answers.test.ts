import assert from 'node:assert/strict';
import { createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import { type ConnectionRequestOptions, createCwmpProxy, type WarningEvent } from '@cwmp-proxy/core';
import { freePort } from '../helpers/free-port.js';
import { send, startGate } from '../helpers/gate.js';
import { listen } from '../helpers/serve.js';

const connectionRequests: ConnectionRequestOptions = { allow: ['127.0.0.0/8'], users: { acs: 'secret' } };
const basic = (pair: string): { authorization: string } => ({ authorization: `Basic ${btoa(pair)}` });

test('the host chooses what an ACS is told of a CPE that is not reached, or too slow', async (t) => {
  const gate = await startGate(t, {
    ...connectionRequests,
    timeoutMs: 200,
    unreachableStatus: 502,
    timeoutStatus: 504,
  });
  const headers = basic('acs:secret');
  const silent = await listen(
    t,
    createTcpServer((socket) => socket.resume()),
  );
  const ask = (port: number) =>
    send({ port: gate.port, target: `/client?origin=http://127.0.0.1:${port}`, headers }).then(({ status }) => status);
  assert.equal(await ask(await freePort()), 502);
  assert.equal(await ask(silent.port), 504);
});

test('other statuses are refused', () => {
  for (const name of ['unreachableStatus', 'timeoutStatus']) {
    assert.throws(
      () =>
        createCwmpProxy({
          publicUrl: 'http://gateway.example',
          connectionRequests: { ...connectionRequests, [name]: 500 },
        }),
      { code: 'ERR_CWMP_OPTION', message: `connectionRequests.${name}: expected one of 503, 502, 504` },
    );
  }
});

test('wrong answers of an ACS are warned of once in a while, without what it sent', async (t) => {
  const gate = await startGate(t, connectionRequests);
  const warnings: WarningEvent[] = [];
  gate.proxy.on('warning', (warning) => warnings.push(warning));
  const target = '/client?origin=http://127.0.0.1:1';
  assert.equal((await send({ port: gate.port, target })).status, 401);
  assert.deepEqual(warnings, [], 'to be asked is no fault');
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await send({ port: gate.port, target, headers: basic('acs:guess') })).status, 401);
  }
  assert.deepEqual(
    warnings.map(({ code }) => code),
    ['ACCESS_REFUSED'],
  );
  const text = JSON.stringify(warnings);
  assert.match(text, /127\.0\.0\.1/);
  assert.doesNotMatch(text, /guess|Z3Vlc3/);
  assert.deepEqual(gate.proxy.stats().warnings, { ACCESS_REFUSED: 1 });
});
