import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ConnectionAcs } from '../helpers/acs-doubles/connection-acs.js';
import { CookieAcs } from '../helpers/acs-doubles/cookie-acs.js';
import type { AcsDouble } from '../helpers/acs-doubles/acs-double.js';
import { GenieAcs } from '../helpers/acs-doubles/genieacs.js';
import { atEnd } from '../helpers/at-end.js';
import { Cpe, type CpeHabits, cpeKinds } from '../helpers/cpe-clients/cpe.js';
import { type Gateway, startGateway } from '../helpers/gateway.js';
import { until } from '../helpers/until.js';

// What a backend that dies or is drained costs: at most the sessions that were on it, each of them once.

interface Load {
  acss: AcsDouble[];
  gateway: Gateway;
  /** Sessions that failed, with what they were told. */
  failed: { reason: string; cpe: Cpe; began: number }[];
  /** How many sessions have completed. */
  completed: () => number;
  /** Resolves when every CPE has run its sessions. */
  done: Promise<unknown>;
}

async function runLoad(
  t: TestContext,
  make: () => AcsDouble,
  { cpes, sessions, kinds }: { cpes: number; sessions: number; kinds: readonly CpeHabits[] },
): Promise<Load> {
  const acss = await Promise.all([make(), make(), make()].map((acs) => acs.start(t)));
  // On a machine that is busy with other things the CPEs may take seconds to come back.
  const gateway = await startGateway(t, {
    backends: acss.map(({ url }) => url),
    health: { maxFailures: 2 },
    sessions: { graceMs: 60_000, idleTimeoutMs: 600_000 },
  });
  const all = Array.from({ length: cpes }, (_, index) => {
    return new Cpe(gateway.port, `${index}`, kinds[index % kinds.length] ?? assert.fail());
  });
  atEnd(t, () => Promise.all(all.map((cpe) => cpe.disconnect())));
  const failed: Load['failed'] = [];
  let completed = 0;
  const run = async (cpe: Cpe): Promise<void> => {
    for (let count = 0; count < sessions; count += 1) {
      const began = performance.now();
      try {
        await cpe.session();
        completed += 1;
      } catch (error) {
        failed.push({ reason: String(error), cpe, began });
        await cpe.disconnect();
      }
    }
  };
  return { acss, gateway, failed, completed: () => completed, done: Promise.all(all.map(run)) };
}

function assertNoPostTwice(acss: readonly AcsDouble[]): void {
  const arrivals = new Map<string, number>();
  for (const { posts } of acss) {
    for (const [id, times] of posts) arrivals.set(id, (arrivals.get(id) ?? 0) + times);
  }
  assert.deepEqual(
    [...arrivals].filter(([, times]) => times !== 1),
    [],
  );
}

const fleets: { name: string; make: () => AcsDouble; kinds: CpeHabits[] }[] = [
  {
    name: 'GenieACS',
    make: () => new GenieAcs(),
    kinds: cpeKinds.filter(({ cookies, keepsCookies }) => cookies !== 'none' && !keepsCookies),
  },
  {
    name: 'a session for a TCP connection',
    make: () => new ConnectionAcs(),
    kinds: cpeKinds.filter(({ keeps, reconnectsAfter401 }) => keeps !== 'for one message' && !reconnectsAfter401),
  },
  { name: 'cookies', make: () => new CookieAcs(), kinds: cpeKinds.filter(({ cookies }) => cookies !== 'none') },
];

for (const { name, make, kinds } of fleets) {
  test(`a backend that is killed under load fails the sessions on it once, and no other: ${name}`, async (t) => {
    const { acss, gateway, failed, completed, done } = await runLoad(t, make, { cpes: 120, sessions: 6, kinds });
    const [victim = assert.fail()] = acss;
    await until('the load runs', () => completed() > 150);
    const open = gateway.proxy.backends.list()[0]?.sessions ?? 0;
    victim.kill();
    const killed = performance.now();
    await done;
    await gateway.idle();

    assert.ok(open > 0);
    for (const { reason, began } of failed) {
      assert.match(reason, / answered 50[23] /);
      assert.ok(began <= killed, `a session that began after the kill failed: ${reason}`);
    }
    assert.ok(failed.length <= open, `${failed.length} of ${open}`);
    assert.equal(new Set(failed.map(({ cpe }) => cpe)).size, failed.length);
    assert.equal(completed() + failed.length, 120 * 6);
    assertNoPostTwice(acss);
    const states = gateway.proxy.backends
      .list()
      .map(({ state, sessions, inFlight }) => ({ state, sessions, inFlight }));
    assert.deepEqual(states, [
      { state: 'ejected', sessions: 0, inFlight: 0 },
      { state: 'up', sessions: 0, inFlight: 0 },
      { state: 'up', sessions: 0, inFlight: 0 },
    ]);
  });

  test(`a backend that is drained under load fails no session and is empty then: ${name}`, async (t) => {
    const { acss, gateway, failed, completed, done } = await runLoad(t, make, { cpes: 120, sessions: 6, kinds });
    const [leaving = assert.fail()] = acss;
    await until('the load runs', () => completed() > 150);
    await gateway.proxy.backends.drain(leaving.url);
    const { begun, completed: finished } = leaving;
    assert.equal(begun, finished);
    await done;

    assert.deepEqual(failed, []);
    assert.equal(leaving.begun, begun, 'it took a session after it was drained');
    assert.equal(gateway.proxy.backends.list()[0]?.state, 'drained');
    gateway.proxy.backends.remove(leaving.url);
    assert.equal(gateway.proxy.backends.list().length, 2);
    assertNoPostTwice(acss);
  });
}
