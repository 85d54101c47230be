import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { createCwmpProxy, logEvents, type CwmpProxyEvents } from '@cwmp-proxy/core';
import { collectMetrics } from '@cwmp-proxy/core/metrics';
import { Registry } from 'prom-client';
import { inform, startAcs } from '../helpers/acs.js';
import { startCpe } from '../helpers/cpe-connection.js';
import { listen } from '../helpers/listen.js';
import { serve } from '../helpers/serve.js';

// Every secret bears a mark of its own; none may be in anything that the proxy emits, logs, counts or answers.
const secrets = {
  endpointPassword: 'MARK-endpoint-password',
  wrongPassword: 'MARK-wrong-password',
  cpePassword: 'MARK-cpe-password',
  cpeNonce: 'MARK-cpe-nonce',
  cpeOpaque: 'MARK-cpe-opaque',
  acsNonce: 'MARK-acs-nonce',
  cookie: 'MARK-cookie',
  authorization: 'MARK-authorization',
  parameter: 'MARK-parameter-value',
};

const names: (keyof CwmpProxyEvents)[] = [
  'sessionStart',
  'sessionEnd',
  'message',
  'informPending',
  'inform',
  'informRefused',
  'exchange',
  'wake',
  'backend',
  'failure',
  'warning',
];

test('no secret is in an event, a log line, a figure or an answer of its own', async (t) => {
  const cpePort = await listen(
    t,
    createServer((request, response) => {
      const { authorization } = request.headers;
      if (authorization !== undefined && request.url === '/good') response.writeHead(200).end();
      else {
        const challenge = `Digest realm="R", nonce="${secrets.cpeNonce}", opaque="${secrets.cpeOpaque}", qop="auth"`;
        response.writeHead(401, { 'WWW-Authenticate': challenge }).end(secrets.parameter);
      }
    }),
  );
  const acs = await startAcs(t, (response) => {
    const challenge = `Digest realm="ACS", nonce="${secrets.acsNonce}", qop="auth"`;
    response.writeHead(401, { 'WWW-Authenticate': challenge, 'Set-Cookie': `s=${secrets.cookie}` }).end();
  });
  const proxy = createCwmpProxy({
    publicUrl: 'http://gateway.example',
    backends: [acs.url],
    connectionRequests: {
      allow: ['127.0.0.0/8'],
      users: { acs: secrets.endpointPassword },
      credentials: { username: 'cpe', password: secrets.cpePassword },
    },
  });
  t.after(() => proxy.close());
  const told: string[] = [];
  const tell = (...what: unknown[]): void => {
    told.push(...what.map((one) => inspect(one, { depth: 12, getters: true, showHidden: true }) + JSON.stringify(one)));
  };
  for (const name of names) proxy.on(name, (event: object) => tell(name, event));
  logEvents(proxy, { debug: tell, info: tell, warn: tell });
  const registry = new Registry();
  collectMetrics(proxy, { registry });
  const { url } = await serve(t, (request, response) => void proxy.handle(request, response));

  const cpe = startCpe(t);
  const body = inform().replace('</ParameterList>', `<Value>${secrets.parameter}</Value></ParameterList>`);
  const headers = { Authorization: `Basic ${secrets.authorization}`, Cookie: `s=${secrets.cookie}` };
  const challenged = await cpe.send({ url, body, headers });
  assert.equal(challenged.status, 401);
  const answers: string[] = [];
  for (const path of ['/good', '/bad']) {
    for (const password of [secrets.endpointPassword, secrets.wrongPassword]) {
      const answer = await cpe.send({
        url: `${url}/client?origin=http://127.0.0.1:${cpePort}${path}`,
        method: 'GET',
        headers: { Authorization: `Basic ${btoa(`acs:${password}`)}` },
      });
      answers.push(JSON.stringify(answer.headers) + answer.body.toString());
    }
  }
  // A failure of each half, with all that a CPE may send.
  proxy.backends.remove(acs.url);
  const failed = await cpe.send({ url, body, headers });
  assert.equal(failed.status, 503);
  answers.push(JSON.stringify(failed.headers) + failed.body.toString());
  tell(proxy.stats(), await registry.metrics());

  const everything = [...told, ...answers].join('\n');
  assert.match(everything, /credentials-refused/);
  assert.match(everything, /"accepted"|'accepted'/);
  const hidden = Object.values(secrets).flatMap((secret) => [
    secret,
    btoa(`acs:${secret}`),
    createHash('md5').update(`cpe:R:${secret}`).digest('hex'),
  ]);
  for (const secret of hidden) assert.ok(!everything.includes(secret), `${secret} was told`);
});
