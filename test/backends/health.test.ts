import assert from 'node:assert/strict';
import { lookup } from 'node:dns';
import { test } from 'node:test';
import { BackendPool } from '#core/backends/backend-pool.js';
import { HealthCheck } from '#core/backends/health-check.js';
import { resolveBy } from '../helpers/fake-dns.js';
import { Health } from '#core/backends/health.js';

const settings = { maxFailures: 3, ejectMs: 100, maxEjectMs: 350, probeMs: 50 };

function ejected(at: number): Health {
  const health = new Health(settings);
  for (let count = 0; count < settings.maxFailures; count += 1) health.failed(at);
  return health;
}

test('failures in a row eject, a success between them does not', () => {
  const health = new Health(settings);
  assert.equal(health.failed(0), false);
  assert.equal(health.failed(0), false);
  assert.equal(health.succeeded(), false);
  assert.equal(health.failed(0), false);
  assert.equal(health.failed(0), false);
  assert.ok(health.admits(0));
  assert.equal(health.failed(0), true);
  assert.ok(health.ejected);
  assert.ok(!health.admits(99));
});

test('after its time one session at a time is let through, and one that succeeds re-admits', () => {
  const health = ejected(0);
  assert.ok(health.admits(100));
  health.begin(100);
  assert.ok(!health.admits(101));
  // The CPE of the probe left and told nothing: the next one may try.
  assert.ok(health.admits(150));
  health.begin(150);
  assert.equal(health.succeeded(), true);
  assert.ok(health.admits(151));
  assert.equal(health.failures, 0);
});

test('the time doubles with each probe that fails, up to its limit, and starts over after a success', () => {
  const health = ejected(0);
  let until = 100;
  for (const time of [200, 350, 350]) {
    health.begin(until);
    health.failed(until + 1);
    assert.ok(!health.admits(until + time), `${time}`);
    until += 1 + time;
    assert.ok(health.admits(until), `${time}`);
  }
  health.begin(until);
  health.succeeded();
  for (let count = 0; count < 3; count += 1) health.failed(until);
  assert.ok(health.admits(until + 100));
});

test('sessions that fail after the ejection do not lengthen it', () => {
  const health = ejected(0);
  for (let count = 0; count < 50; count += 1) health.failed(50);
  assert.ok(health.admits(100));
});

function pool(weights: number[]): BackendPool {
  const backends = new BackendPool({ onState: () => {}, onShortage: () => {} }, 1, lookup);
  for (const [index, weight] of weights.entries()) {
    backends.add({
      url: new URL(`http://b${index}`),
      weight,
      maxSessions: 1_000,
      tls: {},
      localAddresses: [],
      connectTimeoutMs: 1,
      headersTimeoutMs: 1,
      bodyTimeoutMs: 1,
      health: settings,
    });
  }
  return backends;
}

test('round robin takes each in turn, a heavier one more often and not in a row', () => {
  const order = (weights: number[], count: number): string => {
    const backends = pool(weights);
    return Array.from({ length: count }, () => backends.next()?.url.slice(-1)).join('');
  };
  assert.equal(order([1, 1, 1], 6), '012012');
  assert.equal(order([3, 1], 8), '00100010');
  assert.equal(order([2, 1, 1], 8), '01200120');
});

test('a backend that is left out does not make up for it afterwards', () => {
  const backends = pool([1, 1]);
  const [first = assert.fail()] = backends;
  for (let count = 0; count < 10; count += 1) backends.next(new Set([first]));
  const after = Array.from({ length: 6 }, () => backends.next()?.url.slice(-1)).join('');
  assert.match(after, /^(01|10){3}$/);
});

test('a backend whose connection can not even be begun does not answer', async () => {
  const url = new URL('https://b');
  // Node throws of options of TLS that it does not take.
  const tls = { cert: 'no certificate' };
  const target = {
    url,
    tls,
    lookup: resolveBy(() => ['127.0.0.1']).lookup,
    connectTimeoutMs: 1_000,
    onConnected: () => undefined,
  };
  for (const path of [undefined, '/health']) {
    const check = new HealthCheck(
      { expectStatus: 200, timeoutMs: 10_000, ...(path !== undefined && { path }) },
      target,
    );
    assert.ok((await check.ask()) instanceof Error);
    assert.equal(check.open, 0);
  }
});
