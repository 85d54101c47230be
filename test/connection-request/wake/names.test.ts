import assert from 'node:assert/strict';
import { lookup as systemLookup } from 'node:dns';
import { test, type TestContext } from 'node:test';
import {
  createCwmpProxy,
  type CwmpProxyOptions,
  wakeCpe,
  type WakeOutcome,
  type WakeResult,
  type WarningEvent,
} from '@cwmp-proxy/core';
import { atEnd } from '../../helpers/at-end.js';
import { inform } from '../../helpers/cpe-clients/cwmp-bodies.js';
import { RawConnection } from '../../helpers/cpe-clients/raw-connection.js';
import { cpeCredentials as credentials, startCpe } from '../../helpers/cpe-doubles/conversation.js';
import { stacks } from '../../helpers/cpe-doubles/stacks.js';
import { type DnsAnswer, type DnsDouble, startDns, useNames } from '../../helpers/dns-double.js';
import { resolveBy } from '../../helpers/fake-dns.js';
import { basic, send, startGate } from '../../helpers/gate.js';
import { startGateway } from '../../helpers/gateway.js';
import { openWakes } from '../../helpers/open-wakes.js';
import { postOf, recordingAcs } from '../../helpers/recording-acs.js';
import { serve } from '../../helpers/serve.js';
import { until } from '../../helpers/until.js';

/*
 * Seen: 24 requests for names whose server is silent stopped all look-ups of the process for two minutes, and an Inform to a backend
 * that is given by its name got 502. Cause: `dns.lookup` waits in one of four threads and cannot be ended. Promise: a silent name server
 * costs only who asked for that name.
 */

const double = stacks.find(({ name }) => name === 'RDK-B') ?? assert.fail('no such double');
const users = { acs: 'secret' };

/** Knows names below `live.test`, and is silent for all others. */
function liveNames(name: string, type: 'A' | 'AAAA'): DnsAnswer | undefined {
  if (!name.endsWith('live.test')) return undefined;
  return { records: type === 'A' ? [{ type, value: '127.0.0.1' }] : [] };
}

async function startNames(t: TestContext, answer = liveNames): Promise<DnsDouble> {
  const dns = await startDns(t, answer);
  useNames(t, { servers: [dns] });
  return dns;
}

function steps({ legs }: WakeResult): string[] {
  return legs.map(({ what, error = '' }) => `${what} ${error}`.trim());
}

test('40 names whose server is silent keep no Inform from a backend that is given by name, and no other name from its wake', async (t) => {
  const dns = await startNames(t);
  const acs = await recordingAcs(t);
  const cpe = await startCpe(t, double);
  const { proxy, port } = await startGateway(t, {
    backends: [acs.url.replace('127.0.0.1', 'acs.live.test')],
    connectionRequests: { allow: ['127.0.0.0/8'], users, credentials },
  });
  const silent = Array.from({ length: 40 }, (_, index) => proxy.wakeCpe(`http://cpe-${index}.silent.test:7547/`));
  await until('32 of them are asked for', () => new Set(dns.asked).size >= 64);
  const connection = await RawConnection.open(port);
  assert.equal((await connection.exchange(postOf(inform('1')))).status, 200);
  await connection.close();
  assert.equal((await proxy.wakeCpe(cpe.url.replace('127.0.0.1', 'cpe.live.test'))).outcome, 'accepted');
  // Nor anything else in the process.
  await new Promise<void>((resolve, reject) => {
    systemLookup('127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
  });
  await proxy.close();
  for (const { outcome } of await Promise.all(silent))
    assert.ok(outcome === 'aborted' || outcome === 'overloaded', outcome);
});

test('a look-up ends with the last wake that waits for it, and one that is wanted again is asked for anew', async (t) => {
  const dns = await startNames(t);
  const wakes = openWakes(t);
  const url = 'http://cpe.silent.test:7547/';
  const [short, long] = await Promise.all([wakes.wake(url, { timeoutMs: 20 }), wakes.wake(url, { timeoutMs: 40 })]);
  assert.deepEqual([short.outcome, long.outcome], ['timeout', 'timeout']);
  assert.deepEqual(steps(short), ['resolve timeout']);
  await until('it has come to the name server', () => dns.asked.length >= 2);
  assert.equal(dns.asked.length, 2);
  const aborted = new AbortController();
  const wake = wakes.wake(url, { signal: aborted.signal });
  await until('it is asked for anew', () => dns.asked.length >= 4);
  aborted.abort();
  assert.equal((await wake).outcome, 'aborted');
});

test('of names whose server is silent none holds a turn for long while another name waits', async (t) => {
  const dns = await startNames(t);
  const cpe = await startCpe(t, double);
  const wakes = openWakes(t, { limits: { maxLookups: 4 } });
  const from = (asker: string) => ({ asker, since: performance.now(), isForwarded: false });
  const silent = Array.from({ length: 12 }, (_, index) =>
    wakes.wake(`http://cpe-${index}.silent.test:7547/`, { timeoutMs: 20_000 }, from(`stranger ${index >> 3}`)),
  );
  await until('some are asked for', () => dns.asked.length >= 8);
  // Of one asker three quarters at once.
  assert.deepEqual(
    new Set(dns.asked.map((one) => one.split(' ')[1])),
    new Set(['cpe-0.silent.test', 'cpe-1.silent.test', 'cpe-2.silent.test', 'cpe-8.silent.test']),
  );
  const others = ['a', 'b', 'c'].map((asker) =>
    wakes.wake(cpe.url.replace('127.0.0.1', `${asker}.live.test`), { timeoutMs: 20_000 }, from(asker)),
  );
  for (const { outcome } of await Promise.all(others)) assert.equal(outcome, 'accepted');
  wakes.close();
  const crowdedOut = (await Promise.all(silent)).filter(({ outcome }) => outcome === 'overloaded');
  assert.ok(crowdedOut.some((one) => steps(one).includes('turn overloaded')));
});

test('a wake whose turn to look its name up does not come in time is overloaded', async (t) => {
  await startNames(t);
  const wakes = openWakes(t, { limits: { maxLookups: 1 } });
  const first = wakes.wake('http://a.silent.test/', { timeoutMs: 100 });
  const second = await wakes.wake('http://b.silent.test/', { timeoutMs: 50 });
  assert.deepEqual([second.outcome, steps(second)], ['overloaded', ['turn overloaded']]);
  await first;
});

test('a name that no rule of allow can admit is never looked up', async (t) => {
  const dns = await startNames(t);
  const gate = await startGate(t, {
    allow: ['*.cpe.live.test', 'one.test', { host: '127.0.0.0/8', ports: [7547] }, { host: 'two.test', ports: [80] }],
    users,
    credentials,
  });
  for (const place of ['a.live.test:80', 'cpe.live.test:80', 'two.test:81', 'one.test.:80', 'one.test.example:80']) {
    const target = `/client?origin=http://${place}/`;
    const { status } = await send({ port: gate.port, target, headers: basic('acs:secret') });
    assert.ok(status === 403 || status === 400, place);
  }
  assert.deepEqual(dns.asked, []);
  // A block admits any name at its ports, by its address.
  const { outcome } = await gate.proxy.wakeCpe('http://a.live.test:7547/');
  assert.equal(outcome, 'unreachable');
  assert.equal(dns.asked.length, 2);
});

const outcomes: readonly (readonly [code: string, outcome: WakeOutcome, told: string])[] = [
  ['ENOTFOUND', 'unreachable', 'ENOTFOUND'],
  ['ENODATA', 'unreachable', 'ENOTFOUND'],
  ['EBADNAME', 'unreachable', 'ENOTFOUND'],
  ['EBADRESP', 'unreachable', 'EAI_FAIL'],
  ['EFORMERR', 'unreachable', 'EAI_FAIL'],
  ['ETIMEOUT', 'overloaded', 'EAI_AGAIN'],
  ['ESERVFAIL', 'overloaded', 'EAI_AGAIN'],
  ['EREFUSED', 'overloaded', 'EAI_AGAIN'],
  ['ENOTIMP', 'overloaded', 'EAI_AGAIN'],
  ['ECONNREFUSED', 'overloaded', 'EAI_AGAIN'],
  ['ECANCELLED', 'overloaded', 'EAI_AGAIN'],
  ['EAI_AGAIN', 'overloaded', 'EAI_AGAIN'],
  ['ENOMEM', 'overloaded', 'ENOMEM'],
  ['EMFILE', 'overloaded', 'EMFILE'],
];
for (const [code, outcome, told] of outcomes) {
  test(`a look-up that fails by ${code} is ${outcome}, and told as ${told}`, async () => {
    const { lookup } = resolveBy(() => ({ code }));
    const result = await wakeCpe('http://cpe.test:7547/', { lookup });
    assert.deepEqual([result.outcome, steps(result)], [outcome, [`resolve ${told}`]]);
  });
}

/** A proxy whose host looks names up. */
async function startWith(t: TestContext, lookup: NonNullable<CwmpProxyOptions['lookup']>) {
  const acs = await recordingAcs(t);
  const proxy = createCwmpProxy({
    publicUrl: 'http://gateway.example',
    backends: [acs.url.replace('127.0.0.1', 'acs.test')],
    connectionRequests: { allow: ['127.0.0.0/8'], users, credentials },
    lookup,
  });
  atEnd(t, () => proxy.close());
  const warnings: WarningEvent[] = [];
  proxy.on('warning', (warning) => warnings.push(warning));
  const { port } = await serve(t, (request, response) => void proxy.handle(request, response));
  const post = async (): Promise<string> => {
    const connection = await RawConnection.open(port);
    const { status, body } = await connection.exchange(postOf(inform('1')));
    await connection.close();
    return status === 200 ? '200' : body.toString().trim();
  };
  return { proxy, warnings, post };
}

const thrown = new Error('no such database');
const faults: readonly (readonly [string, NonNullable<CwmpProxyOptions['lookup']>, RegExp])[] = [
  [
    'throws',
    () => {
      throw thrown;
    },
    /no such database/,
  ],
  ['gives an error without a code', (_name, _options, callback) => callback(thrown, []), /no such database/],
  ['gives what is no address', (_name, _options, callback) => callback(null, 'acs.test', 4), /expected IP addresses/],
  ['is async and rejects', async () => Promise.reject(thrown), /no such database/],
];
for (const [what, lookup, message] of faults) {
  test(`a function lookup that ${what} is told of with its cause, and held against no CPE and no backend`, async (t) => {
    const { proxy, warnings, post } = await startWith(t, lookup);
    const { outcome } = await proxy.wakeCpe('http://cpe.test:7547/');
    assert.equal(outcome, 'overloaded');
    assert.equal(await post(), 'ERR_CWMP_LOCAL_RESOURCES');
    const [warning] = warnings.filter(({ code }) => code === 'LOOKUP');
    assert.match(warning?.message ?? '', message);
    assert.ok(warning?.cause instanceof Error);
    assert.equal(warnings.filter(({ code }) => code === 'LOOKUP').length, 1);
  });
}

test("a function lookup that hangs ends with its wake, and the host's own names are what it gives", async (t) => {
  const cpe = await startCpe(t, double);
  const { proxy, post } = await startWith(t, (name, _options, callback) => {
    if (name === 'acs.test') callback(null, '127.0.0.1', 4);
    else if (name === 'cpe.test') callback(null, [{ address: '127.0.0.1', family: 4 }]);
  });
  const { outcome, legs } = await proxy.wakeCpe('http://hangs.test:7547/', { timeoutMs: 30 });
  assert.deepEqual([outcome, legs.at(-1)?.what], ['timeout', 'resolve']);
  assert.equal(await post(), '200');
  assert.equal((await proxy.wakeCpe(cpe.url.replace('127.0.0.1', 'cpe.test'))).outcome, 'accepted');
});

test('of several addresses of a backend the first that takes a connection is taken', async (t) => {
  const { post } = await startWith(t, resolveBy(() => ['127.0.0.2', '127.0.0.1']).lookup);
  assert.equal(await post(), '200');
  const dns = await startDns(t, (_name, type) => ({
    records: type === 'A' ? ['127.0.0.2', '127.0.0.1'].map((value) => ({ type, value })) : [{ type, value: '::2' }],
  }));
  useNames(t, { servers: [dns] });
  const acs = await recordingAcs(t);
  const { port } = await startGateway(t, { backends: [acs.url.replace('127.0.0.1', 'acs.test')] });
  const connection = await RawConnection.open(port);
  assert.equal((await connection.exchange(postOf(inform('1')))).status, 200);
  await connection.close();
});

test('a backend whose name server falls silent is not ejected once it was reached', async (t) => {
  let isSilent = false;
  await startNames(t, (_name, type) =>
    isSilent ? undefined : { records: type === 'A' ? [{ type, value: '127.0.0.1', ttl: 0 }] : [] },
  );
  const acs = await recordingAcs(t);
  const { port, proxy } = await startGateway(t, { backends: [acs.url.replace('127.0.0.1', 'acs.test')] });
  const post = async (): Promise<number> => {
    const connection = await RawConnection.open(port);
    const { status } = await connection.exchange(postOf(inform('1')));
    await connection.close();
    return status;
  };
  assert.equal(await post(), 200);
  isSilent = true;
  await until('its name is looked up anew, in vain', async () => (await post()) === 503);
  assert.equal(proxy.backends.list()[0]?.state, 'up');
  assert.equal(proxy.stats().warnings['LOCAL_RESOURCES'], 1);
});
