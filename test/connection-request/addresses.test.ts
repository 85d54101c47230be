import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { wakeCpe } from '@cwmp-proxy/core';
import { listenRaw } from '../helpers/cpe-doubles/conversation.js';
import { listen } from '../helpers/listen.js';
import { certificate, key } from '../helpers/test-certificate.js';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
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
