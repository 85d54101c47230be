import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { wakeCpe } from '@cwmp-proxy/core';
import { cpeCredentials as credentials, listenRaw, ok, startCpe } from '../../helpers/cpe-doubles/conversation.js';
import { stacks } from '../../helpers/cpe-doubles/stacks.js';
import { resolveBy } from '../../helpers/fake-dns.js';
import { listen } from '../../helpers/listen.js';
import { certificate, key } from '../../helpers/test-certificate.js';

const hasIpv6 = Object.values(networkInterfaces()).some(
  (list) => list?.some(({ address }) => address === '::1') === true,
);

test('wakes an https origin; a certificate that cannot be verified is unreachable', async (t) => {
  const port = await listenRaw(
    t,
    async (talk) => {
      await talk.head();
      talk.write(ok);
    },
    createTlsServer({ key, cert: certificate }),
  );
  for (const host of ['127.0.0.1', 'localhost']) {
    const url = `https://${host}:${port}/`;
    assert.equal((await wakeCpe(url, { tls: { ca: certificate } })).outcome, 'accepted');
    assert.equal((await wakeCpe(url, { tls: { rejectUnauthorized: false } })).outcome, 'accepted');
    const refused = await wakeCpe(url);
    assert.equal(refused.outcome, 'unreachable');
    assert.equal(refused.legs.at(-1)?.error, 'DEPTH_ZERO_SELF_SIGNED_CERT');
  }
});

test('wakes an IPv6 literal, and says so in Host', { skip: hasIpv6 ? false : 'no IPv6 loopback' }, async (t) => {
  let host: string | undefined;
  const server = createServer((socket) => {
    socket.on('data', (data) => {
      host = /\r\nHost: ([^\r]*)/.exec(data.toString())?.[1];
      socket.end(ok);
    });
  });
  const port = await listen(t, server, '::1');
  const result = await wakeCpe(`http://[::1]:${port}/x`);
  assert.equal(result.outcome, 'accepted', JSON.stringify(result));
  assert.equal(host, `[::1]:${port}`);
});

test('takes the next address of a name where one cannot be reached, looked up once, both legs to the same', async (t) => {
  const { lookup, lookups } = resolveBy(() => ['127.0.0.3', '127.0.0.2', '127.0.0.1']);
  // It closes after its 401, so the answer needs another connection.
  const double = stacks.find(({ name }) => name.startsWith('icwmp')) ?? assert.fail('no such double');
  const cpe = await startCpe(t, double);
  const asked: string[] = [];
  const policy = { allows: (address: string) => asked.push(address) > 0 && address !== '127.0.0.3' };
  const url = cpe.url.replace('127.0.0.1', 'cpe.example');
  const result = await wakeCpe(url, { credentials, policy, lookup });
  assert.equal(result.outcome, 'accepted', JSON.stringify(result));
  assert.equal(result.address, '127.0.0.1');
  assert.deepEqual(
    result.legs.map(({ what, status, error }) => `${what} ${status ?? error ?? ''}`),
    ['resolve ', 'connect ECONNREFUSED', 'connect ', 'request 401', 'connect ', 'answer 200'],
  );
  assert.deepEqual(lookups, ['cpe.example']);
  // Once as they were looked up, then each as it is dialled.
  assert.deepEqual(asked, ['127.0.0.3', '127.0.0.2', '127.0.0.1', '127.0.0.2', '127.0.0.1', '127.0.0.1']);
});

test('an address of a name that says nothing costs its share of the time, and the next one is woken', async (t) => {
  const { lookup } = resolveBy(() => ['127.0.0.2', '127.0.0.1']);
  const port = await listenRaw(
    t,
    async (talk) => {
      await talk.head();
      talk.write(ok);
    },
    createTlsServer({ key, cert: certificate }),
  );
  // It takes connections and never says hello.
  const silent = createServer();
  silent.listen(port, '127.0.0.2');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const result = await wakeCpe(`https://cpe.example:${port}/`, {
    tls: { rejectUnauthorized: false },
    timeoutMs: 2_000,
    lookup,
  });
  assert.equal(result.outcome, 'accepted', JSON.stringify(result));
  assert.equal(result.address, '127.0.0.1');
  assert.deepEqual(
    result.legs.map(({ what, status, error }) => `${what} ${status ?? error ?? ''}`),
    ['resolve ', 'connect ETIMEDOUT', 'connect ', 'request 200'],
  );
});

test('dials no more than four addresses of a name', async (t) => {
  const { lookup } = resolveBy(() => ['127.0.0.7', '127.0.0.6', '127.0.0.5', '127.0.0.4', '127.0.0.1']);
  const cpe = await startCpe(t, stacks[0] ?? assert.fail('no such double'));
  const result = await wakeCpe(cpe.url.replace('127.0.0.1', 'cpe.example'), { credentials, lookup });
  assert.equal(result.outcome, 'unreachable');
  assert.equal(result.legs.filter(({ what }) => what === 'connect').length, 4);
  assert.equal(cpe.state.connections, 0);
});
