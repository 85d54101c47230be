import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type WakeOutcome, wakeCpe, type WarningEvent } from '@cwmp-proxy/core';
import { startCpe } from '../../helpers/cpe-doubles/conversation.js';
import { stacks } from '../../helpers/cpe-doubles/stacks.js';
import { failConnects } from '../../helpers/fail-connects.js';
import { resolveBy } from '../../helpers/fake-dns.js';
import { basic, send, startGate } from '../../helpers/gate.js';

/*
 * Seen: a proxy that had no descriptor left told the ACS that its CPEs were unreachable, as GenieACS shows it "offline". The
 * cause: whatever kept a connection from being made was laid to the CPE. Promise: what this machine lacks is told as such.
 */

const everywhere = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'];
const forOneAddress = ['EADDRNOTAVAIL', 'EAGAIN'];
const origin = 'http://127.0.0.1:7547/';

function steps({ legs }: Awaited<ReturnType<typeof wakeCpe>>): string[] {
  return legs.map(({ what, error = '' }) => `${what} ${error}`);
}

for (const code of [...everywhere, ...forOneAddress]) {
  for (const url of [origin, origin.replace('http', 'https')]) {
    test(`a wake of ${url} that fails by ${code} is overloaded, and is not tried again`, async (t) => {
      failConnects(t, () => code);
      const result = await wakeCpe(url, { retries: 2 });
      assert.equal(result.outcome, 'overloaded');
      assert.deepEqual(steps(result), [`connect ${code}`]);
    });
  }
}

for (const code of ['EAI_AGAIN', 'EAI_MEMORY', 'EMFILE']) {
  test(`a wake whose name cannot be looked up by ${code} is overloaded`, async () => {
    const { lookup } = resolveBy(() => ({ code }));
    const result = await wakeCpe('http://cpe.example:7547/', { retries: 2, lookup });
    assert.equal(result.outcome, 'overloaded');
    assert.deepEqual(steps(result), [`resolve ${code}`]);
  });
}

const several: readonly (readonly [faults: readonly string[], outcome: WakeOutcome, tried: number])[] = [
  [['EMFILE', 'ECONNREFUSED'], 'overloaded', 1],
  [['ECONNREFUSED', 'EMFILE'], 'overloaded', 2],
  [['EADDRNOTAVAIL', 'EADDRNOTAVAIL'], 'overloaded', 2],
  [['EADDRNOTAVAIL', 'ECONNREFUSED'], 'unreachable', 2],
  [['ECONNREFUSED', 'EADDRNOTAVAIL'], 'unreachable', 2],
];
for (const [faults, outcome, tried] of several) {
  test(`a CPE with two addresses, ${faults.join(' and ')}, is ${outcome}`, async (t) => {
    const { lookup } = resolveBy(() => ['127.0.0.2', '127.0.0.3']);
    failConnects(t, ({ host }) => faults[host === '127.0.0.2' ? 0 : 1]);
    const result = await wakeCpe('http://cpe.example:7547/', { lookup });
    assert.equal(result.outcome, outcome);
    assert.deepEqual(
      steps(result).slice(1),
      faults.slice(0, tried).map((code) => `connect ${code}`),
    );
  });
}

for (const mode of ['basic', 'relay'] as const) {
  test(`an ACS is told to come again, and the host what to raise, by ${mode}`, async (t) => {
    const cpe = await startCpe(t, stacks[0] ?? assert.fail('no such double'));
    const { proxy, port } = await startGate(t, {
      allow: ['127.0.0.0/8'],
      access: { modes: [mode] },
      ...(mode === 'basic' && { users: { acs: 'secret' } }),
    });
    const warnings: WarningEvent[] = [];
    proxy.on('warning', (warning) => {
      if (warning.code === 'LOCAL_RESOURCES') warnings.push(warning);
    });
    failConnects(t, (to) => (String(to.port) === new URL(cpe.url).port ? 'EMFILE' : undefined));
    const target = `/client?origin=${cpe.url}`;
    for (let count = 0; count < 3; count += 1) {
      const answer = await send({ port, target, headers: mode === 'basic' ? basic('acs:secret') : {} });
      assert.equal(answer.status, 503);
      assert.equal(answer.body, 'overloaded\n');
      assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
    }
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]?.message ?? '', /ulimit -n.*\(EMFILE\)/);
    assert.deepEqual(proxy.stats().wakes, { overloaded: 3 });
    assert.equal(cpe.state.connections, 0);
  });
}
