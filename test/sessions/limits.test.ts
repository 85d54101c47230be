import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WarningEvent } from '@cwmp-proxy/core';
import { atEnd } from '../helpers/at-end.js';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { type RawAnswer, valuesOf } from '../helpers/cpe-clients/raw-answer.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { postOf, recordingAcs } from '../helpers/recording-acs.js';
import { until } from '../helpers/until.js';

function assertBusy(answer: RawAnswer): number {
  assert.equal(answer.status, 503);
  assert.equal(answer.body.toString(), 'ERR_CWMP_BUSY\n');
  const seconds = Number(valuesOf(answer, 'retry-after')[0]);
  assert.ok(seconds >= 30 && seconds < 90, `${seconds}`);
  return seconds;
}

test('sessions over the limit get 503 at a time of their own; the last tenth is for Informs', async (t) => {
  const acs = await recordingAcs(t);
  const { port, proxy } = await startGateway(t, {
    backends: [acs.url],
    limits: { maxSessions: 20, maxSessionsPerAddress: 20 },
  });
  const warnings: WarningEvent[] = [];
  proxy.on('warning', (warning) => warnings.push(warning));
  const ask = async (body: string): Promise<RawAnswer> => {
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    return cpe.exchange(postOf(body));
  };
  for (let count = 0; count < 18; count += 1) assert.equal((await ask(inform(`${count}`))).status, 200);
  assertBusy(await ask(''));
  for (let count = 0; count < 2; count += 1) assert.equal((await ask(inform(`late ${count}`))).status, 200);
  const times = new Set<number>();
  for (let count = 0; count < 10; count += 1) times.add(assertBusy(await ask(inform('more'))));
  assert.ok(times.size > 3);
  assert.deepEqual(
    warnings.map(({ code }) => code),
    ['SESSION_LIMIT'],
  );
  assert.equal(acs.requests.length, 20);
});

test("a backend's own limit sends sessions to the others, and refuses when all are full", async (t) => {
  const [small, large] = [await recordingAcs(t), await recordingAcs(t)];
  const { port, proxy } = await startGateway(t, {
    backends: [
      { url: small.url, maxSessions: 1 },
      { url: large.url, maxSessions: 3 },
    ],
  });
  const cpes: RawConnection[] = [];
  for (let count = 0; count < 4; count += 1) {
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    cpes.push(cpe);
    assert.equal((await cpe.exchange(postOf(inform(`${count}`)))).status, 200);
  }
  assert.deepEqual(
    proxy.backends.list().map(({ sessions }) => sessions),
    [1, 3],
  );
  const fifth = await RawConnection.open(port);
  assertBusy(await fifth.exchange(postOf(inform('5'))));
  await fifth.close();
  await cpes[0]?.close();
  await until('there is room', () => proxy.backends.list()[0]?.sessions === 0);
  const sixth = await RawConnection.open(port);
  atEnd(t, () => sixth.close());
  assert.equal((await sixth.exchange(postOf(inform('6')))).status, 200);
});

test('connections of sessions that have ended give way to new sessions', async (t) => {
  const acs = await recordingAcs(t);
  const { port } = await startGateway(t, { backends: [acs.url], limits: { maxSessions: 5 } });
  for (let count = 0; count < 20; count += 1) {
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    assert.equal((await cpe.exchange(postOf(inform(`${count}`)))).status, 200);
    assert.equal((await cpe.exchange(postOf('', 'X-Answer: 204'))).status, 204);
  }
  await until('the first ones were closed', () => acs.open.size <= 5);
});

test('a server that would cut slow CPEs is warned of, once', async (t) => {
  const acs = await recordingAcs(t);
  const { port, proxy, server } = await startGateway(t, { backends: [acs.url] });
  server.keepAliveTimeout = 5_000;
  const warnings: WarningEvent[] = [];
  proxy.on('warning', (warning) => warnings.push(warning));
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.close());
  await cpe.exchange(postOf(''));
  await cpe.exchange(postOf(''));
  assert.deepEqual(
    warnings.map(({ code }) => code),
    ['KEEP_ALIVE_TIMEOUT'],
  );
});
