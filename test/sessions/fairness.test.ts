import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createCwmpProxy, type CwmpProxyOptions, type WarningEvent } from '@cwmp-proxy/core';
import { atEnd } from '../helpers/at-end.js';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { type RawAnswer, valuesOf } from '../helpers/cpe-clients/raw-answer.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { type Gateway, requiredOptions, startGateway } from '../helpers/gateway.js';
import { postOf, type RecordingAcs, recordingAcs } from '../helpers/recording-acs.js';
import { until } from '../helpers/until.js';

// One address held all sessions, and all descriptors. It gets no more than its share.

interface Fair extends Gateway {
  acs: RecordingAcs;
  warnings: WarningEvent[];
  /** A connection that the test's end closes. */
  from: (localAddress: string) => Promise<RawConnection>;
}

async function startFair(t: TestContext, more: Partial<CwmpProxyOptions>): Promise<Fair> {
  const acs = await recordingAcs(t);
  const gateway = await startGateway(t, { backends: [acs.url], ...more });
  const warnings: WarningEvent[] = [];
  gateway.proxy.on('warning', (warning) => warnings.push(warning));
  const from = async (localAddress: string): Promise<RawConnection> => {
    const cpe = await RawConnection.open(gateway.port, { localAddress });
    atEnd(t, () => cpe.close());
    return cpe;
  };
  return { ...gateway, acs, warnings, from };
}

function assertBusy(answer: RawAnswer): void {
  assert.equal(answer.status, 503);
  assert.equal(answer.body.toString(), 'ERR_CWMP_BUSY\n');
  assert.ok(Number(valuesOf(answer, 'retry-after')[0]) >= 30);
  assert.ok(answer.closes);
}

test('while one address opens everything it can, 100 others complete 1 000 sessions', async (t) => {
  const { acs, port, warnings, from } = await startFair(t, { limits: { maxSessions: 200 } });
  const greedy = '127.0.0.2';
  let begun = 0;
  // Sessions that stay open, that have ended, and that wait for their CPE; and connections without any.
  await Promise.all(
    Array.from({ length: 250 }, async (_, index) => {
      const cpe = await from(greedy);
      const { status } = await cpe.exchange(postOf(inform(`greedy ${index}`), `X-Answer: 200|Set-Cookie=id=${index}`));
      if (status === 200) begun += 1;
      if (status === 200 && index % 3 === 1) await cpe.exchange(postOf('', 'X-Answer: 204'));
      if (status === 200 && index % 3 === 2) await cpe.close();
    }),
  );
  assert.ok(begun >= 20);
  assert.ok(acs.open.size <= 20, `${acs.open.size} backend connections`);

  const others = Array.from({ length: 100 }, (_, index) => `127.0.0.${index + 3}`);
  const statuses: number[] = [];
  await Promise.all(
    others.map(async (address) => {
      for (let count = 0; count < 10; count += 1) {
        const cpe = await RawConnection.open(port, { localAddress: address });
        statuses.push((await cpe.exchange(postOf(inform(`${address} ${count}`)))).status);
        statuses.push((await cpe.exchange(postOf('', 'X-Answer: 204'))).status);
        await cpe.close();
      }
    }),
  );
  assert.equal(statuses.filter((status) => status === 200).length, 1_000);
  assert.equal(statuses.filter((status) => status === 204).length, 1_000);
  assert.deepEqual([...new Set(warnings.map(({ code }) => code))], ['ADDRESS_LIMIT']);
});

test('what an address holds is counted as it is: sessions that run, that wait for their CPE, and that have ended', async (t) => {
  const limits = { maxSessions: 100, maxSessionsPerAddress: 3 };
  const { acs, from, proxy, failures } = await startFair(t, { limits });
  const address = '127.0.0.2';
  const [running, waiting, ended] = [await from(address), await from(address), await from(address)];
  await running.exchange(postOf(inform('1')));
  await waiting.exchange(postOf(inform('2'), 'X-Answer: 200|Set-Cookie=id=2'));
  await waiting.close();
  await ended.exchange(postOf(inform('3')));
  await ended.exchange(postOf('', 'X-Answer: 204'));
  const other = await from('127.0.0.3');
  await other.exchange(postOf(inform('other')));
  await other.exchange(postOf('', 'X-Answer: 204'));
  await until('all four are held', () => acs.open.size === 4);
  // The one that has ended gives way, and no other address's does.
  assert.equal((await (await from(address)).exchange(postOf(inform('4')))).status, 200);
  await until('one gave way', () => acs.open.size === 4);
  assert.equal((await ended.exchange(postOf(inform('3')))).status, 503);
  assertBusy(await (await from(address)).exchange(postOf('')));
  assert.ok(failures.every(({ error }) => error.message.includes('limits.maxSessionsPerAddress')));
  assert.equal(proxy.stats().sessions.open, 3);
  // What is let go of is free again.
  await running.close();
  await until('its session is over', () => acs.open.size === 3);
  assert.equal((await (await from(address)).exchange(postOf(inform('5')))).status, 200);
});

test('the cookies of one address take the place of no others', async (t) => {
  // Four keys a session, of all together.
  const { acs, from } = await startFair(t, { limits: { maxSessions: 10, maxSessionsPerAddress: 2 } });
  const modest = await from('127.0.0.3');
  await modest.exchange(postOf(inform('modest'), 'X-Answer: 200|Set-Cookie=id=modest'));
  await modest.close();
  for (const name of ['a', 'b']) {
    const greedy = await from('127.0.0.2');
    await greedy.exchange(postOf(inform(name)));
    for (let count = 0; count < 30; count += 1) {
      await greedy.exchange(postOf('<r/>', `X-Answer: 200|Set-Cookie=id=${name}${count}`));
    }
  }
  await (await from('127.0.0.3')).exchange(postOf('', 'Cookie: id=modest'));
  assert.deepEqual([acs.requests[0]?.connection, acs.requests.at(-1)?.connection], [1, 1]);
});

test('a warning names the address that is refused, once', async (t) => {
  const limits = { maxSessions: 100, maxSessionsPerAddress: 1 };
  const { from, warnings } = await startFair(t, { limits });
  await (await from('127.0.0.2')).exchange(postOf(inform('1')));
  for (let count = 0; count < 5; count += 1) assertBusy(await (await from('127.0.0.2')).exchange(postOf(inform('2'))));
  assert.equal(warnings.length, 1);
  assert.equal(warnings[0]?.code, 'ADDRESS_LIMIT');
  assert.match(warnings[0]?.message ?? '', /limits\.maxSessionsPerAddress.*127\.0\.0\.2/);
});

test('connections over the limit of an address are refused and closed; one that closes makes room', async (t) => {
  const limits = { maxConnectionsPerAddress: 3 };
  const { from, acs, warnings, failures } = await startFair(t, { limits });
  const cpes: RawConnection[] = [];
  for (let count = 0; count < 3; count += 1) {
    const cpe = await from('127.0.0.2');
    cpes.push(cpe);
    assert.equal((await cpe.exchange(postOf(inform(`${count}`)))).status, 200);
  }
  // Refused ones are not counted: they are closed.
  for (let count = 0; count < 5; count += 1) {
    const over = await from('127.0.0.2');
    assertBusy(await over.exchange(postOf(inform('over'))));
    await over.closed();
  }
  assert.match(failures[0]?.error.message ?? '', /limits\.maxConnectionsPerAddress/);
  assert.match(warnings[0]?.message ?? '', /127\.0\.0\.2/);
  assert.equal((await (await from('127.0.0.3')).exchange(postOf(inform('other')))).status, 200);
  // Those that were let in go on.
  for (const cpe of cpes) assert.equal((await cpe.exchange(postOf(''))).status, 200);
  await cpes[0]?.close();
  await until('it is gone', () => acs.open.size === 3);
  assert.equal((await (await from('127.0.0.2')).exchange(postOf(inform('again')))).status, 200);
});

test('a connection of an ACS counts as one of its address too', async (t) => {
  const { from } = await startFair(t, { limits: { maxConnectionsPerAddress: 1 } });
  const ask = 'GET /client?origin=http%3A%2F%2F127.0.0.1%3A1 HTTP/1.1\r\nHost: gateway.example:8080\r\n\r\n';
  assert.equal((await (await from('127.0.0.2')).exchange(ask, 'GET')).status, 401);
  assertBusy(await (await from('127.0.0.2')).exchange(ask, 'GET'));
});

test('behind a trusted proxy each client has its own share; an IPv6 /64 is one client', async (t) => {
  const limits = { maxSessions: 100, maxSessionsPerAddress: 1, maxConnectionsPerAddress: 2 };
  const { from } = await startFair(t, { limits, trustedProxies: ['127.0.0.1'] });
  const statusOf = async (client: string): Promise<number> => {
    const cpe = await from('127.0.0.1');
    return (await cpe.exchange(postOf(inform(client), `X-Forwarded-For: ${client}`))).status;
  };
  assert.equal(await statusOf('192.0.2.1'), 200);
  assert.equal(await statusOf('192.0.2.2'), 200);
  assert.equal(await statusOf('192.0.2.2'), 503);
  assert.equal(await statusOf('2001:db8:1:2::a'), 200);
  assert.equal(await statusOf('2001:db8:1:2:ffff::b'), 503);
  assert.equal(await statusOf('2001:db8:1:3::a'), 200);
});

test('clients without an address share no limit', async (t) => {
  const acs = await recordingAcs(t);
  const limits = { maxSessions: 100, maxSessionsPerAddress: 1, maxConnectionsPerAddress: 1 };
  const proxy = createCwmpProxy({ ...requiredOptions, backends: [acs.url], limits });
  atEnd(t, () => proxy.close());
  const path = join(tmpdir(), `cwmp-proxy-${process.pid}.sock`);
  const server = createServer(
    { keepAliveTimeout: 60_000 },
    (request, response) => void proxy.handle(request, response),
  );
  await new Promise<void>((resolve) => server.listen(path, resolve));
  atEnd(t, async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  for (let count = 0; count < 3; count += 1) {
    const socket = connect(path);
    atEnd(t, async () => void socket.destroy());
    const answer = new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(bytes.toString('latin1'))));
    socket.write(postOf(inform(`${count}`)));
    assert.match(await answer, /^HTTP\/1\.1 200 /);
  }
});
