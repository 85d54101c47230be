import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import { test } from 'node:test';
import type { ConnectionRequestOptions } from '@cwmp-proxy/core';
import { basic, send, startGate } from '../../helpers/gate.js';
import { listen } from '../../helpers/serve.js';
import { certificate, key } from '../../helpers/test-certificate.js';

const allow = ['127.0.0.0/8'];
const ways: { name: string; options: ConnectionRequestOptions; headers: Record<string, string> }[] = [
  {
    name: 'wakes',
    options: { allow, users: { acs: 'secret' } },
    headers: basic('acs:secret'),
  },
  { name: 'relays to', options: { allow, access: { modes: ['relay'] } }, headers: {} },
];
const trusts: { name: string; tls: ConnectionRequestOptions['tls'] | undefined; status: number }[] = [
  { name: 'not by default', tls: undefined, status: 503 },
  { name: 'whatever its certificate is', tls: { rejectUnauthorized: false }, status: 200 },
  { name: 'with its authority', tls: { ca: certificate }, status: 200 },
];

for (const { name, options, headers } of ways) {
  for (const { name: trust, tls, status } of trusts) {
    test(`${name} a CPE with https and a self-signed certificate: ${trust}`, async (t) => {
      const cpe = createServer({ key, cert: certificate }, (_request, response) => {
        response.writeHead(200, { connection: 'close' }).end();
      });
      const { port: cpePort } = await listen(t, cpe);
      const { port, proxy } = await startGate(t, { ...options, ...(tls !== undefined && { tls }) });
      const errors: unknown[] = [];
      proxy.on('wake', ({ legs }) => errors.push(legs.at(-1)?.error));
      const answer = await send({ port, target: `/client?origin=https://127.0.0.1:${cpePort}/`, headers });
      assert.equal(answer.status, status, answer.body);
      assert.deepEqual(errors, [status === 200 ? undefined : 'DEPTH_ZERO_SELF_SIGNED_CERT']);
    });
  }
}
