import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { inform } from '../helpers/acs.js';
import { type Cpe, startCpe } from '../helpers/cpe-connection.js';
import { type Gateway, startGateway } from '../helpers/gateway.js';
import { answerOf, type RawBackend, rawBackend } from '../helpers/raw-backend.js';

// A proxy in front that keeps a pool of connections to this one puts the messages of several CPEs on one connection. They were taken
// for those of one CPE: the Inform of the second ended the session of the first, whose next message went into the session of the
// second. Behind a trusted proxy a session is that of a client address too.

const [one, other] = ['198.51.100.1', '198.51.100.2'];

/** Two ACSs that give each session a cookie of its own, and name themselves and the connection in each answer. */
async function start(t: TestContext): Promise<{ gateway: Gateway; backends: RawBackend[] }> {
  const backends: RawBackend[] = [];
  for (const name of ['a', 'b']) {
    const backend: RawBackend = await rawBackend(t, (socket, request, count) => {
      const cookie = request.includes('Inform') ? [`Set-Cookie: s=${name}${count}`] : [];
      socket.write(answerOf(`${name}${backend.received.length}`, ...cookie));
    });
    backends.push(backend);
  }
  const gateway = await startGateway(t, {
    backends: backends.map(({ url }) => url),
    trustedProxies: ['127.0.0.0/8'],
  });
  return { gateway, backends };
}

async function say(cpe: Cpe, url: string, address: string, body: string, cookie = ''): Promise<string> {
  const headers = { 'X-Forwarded-For': address, ...(cookie !== '' && { Cookie: cookie }) };
  return (await cpe.send({ url, headers, body })).body.toString();
}

test('CPEs whose messages a trusted proxy puts on one connection keep their own sessions', async (t) => {
  const { gateway, backends } = await start(t);
  const ends: string[] = [];
  gateway.proxy.on('sessionEnd', ({ why }) => ends.push(why));
  const pooled = startCpe(t);
  assert.equal(await say(pooled, gateway.url, one, inform(undefined, '1')), 'a1');
  assert.equal(await say(pooled, gateway.url, other, inform(undefined, '2')), 'b1');
  assert.equal(await say(pooled, gateway.url, one, '<m1/>'), 'a1');
  assert.equal(await say(pooled, gateway.url, other, '<m2/>'), 'b1');
  assert.deepEqual(ends, []);
  assert.deepEqual(
    backends.map(({ received }) => received.map((text) => text.match(/<m\d\/>/g)?.join())),
    [['<m1/>'], ['<m2/>']],
  );
});

test('a CPE whose next message comes on another connection of the pool is put back by its cookie', async (t) => {
  const { gateway, backends } = await start(t);
  const [first, second] = [startCpe(t), startCpe(t)];
  assert.equal(await say(first, gateway.url, one, inform(undefined, '1')), 'a1');
  assert.equal(await say(first, gateway.url, other, inform(undefined, '2')), 'b1');
  assert.equal(await say(second, gateway.url, one, '<m1/>', 's=a1'), 'a1');
  assert.equal(backends[0]?.received.length, 1);
});
