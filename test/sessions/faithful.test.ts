import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type AcsDouble } from '../helpers/acs-doubles/acs-double.js';
import { ConnectionAcs } from '../helpers/acs-doubles/connection-acs.js';
import { CookieAcs } from '../helpers/acs-doubles/cookie-acs.js';
import { GenieAcs } from '../helpers/acs-doubles/genieacs.js';
import { Cpe, type CpeHabits, cpeKinds } from '../helpers/cpe-clients/cpe.js';
import { atEnd } from '../helpers/at-end.js';
import { startGateway } from '../helpers/gateway.js';

// No ACS can tell the proxy from a direct CPE: the doubles refuse what the real ones refuse, and none has cause to.

const cpes = 300;
const rounds = 5;

const keepsConnection = ({ keeps, reconnectsAfter401 }: CpeHabits): boolean =>
  keeps !== 'for one message' && !reconnectsAfter401;
const sendsCookies = ({ cookies }: CpeHabits): boolean => cookies !== 'none';

interface Fleet {
  name: string;
  make: () => AcsDouble;
  /** Which CPEs such an ACS can serve when they speak to it directly, or could if its connections were kept for them. */
  serves: (habits: CpeHabits) => boolean;
}

const fleets: Fleet[] = [
  { name: 'GenieACS, each with a database of its own', make: () => new GenieAcs(), serves: sendsCookies },
  { name: 'a session for a TCP connection', make: () => new ConnectionAcs(), serves: keepsConnection },
  { name: "cookies in a process's memory", make: () => new CookieAcs(), serves: sendsCookies },
  { name: 'cookies, ended by an empty 200', make: () => new CookieAcs(200), serves: sendsCookies },
];

async function runFleet(t: TestContext, { make, serves }: Fleet): Promise<void> {
  const acss = await Promise.all([make(), make(), make()].map((acs) => acs.start(t)));
  // On a machine that is busy with other things 300 CPEs may take seconds to come back.
  const sessions = { graceMs: 60_000, idleTimeoutMs: 600_000 };
  const { port, proxy, failures, idle } = await startGateway(t, { backends: acss.map(({ url }) => url), sessions });
  const kinds = cpeKinds.filter(serves);
  const all = Array.from({ length: cpes }, (_, index) => {
    const kind = kinds[index % kinds.length] ?? assert.fail();
    return new Cpe(port, `${index}`, kind);
  });
  atEnd(t, () => Promise.all(all.map((cpe) => cpe.disconnect())));

  for (let round = 1; round <= rounds; round += 1) {
    const before = acss.map(({ begun }) => begun);
    const outcomes = await Promise.allSettled(all.map((cpe) => cpe.session()));
    const failed = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []));
    assert.deepEqual(failed, [], `round ${round}`);
    const shares = acss.map(({ begun }, index) => begun - (before[index] ?? 0));
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 1, `round ${round}: ${shares.join(', ')}`);
  }
  await idle();

  assert.deepEqual(
    acss.flatMap(({ refused }) => refused),
    [],
  );
  assert.deepEqual(failures, []);
  assert.equal(
    acss.reduce((sum, { completed }) => sum + completed, 0),
    cpes * rounds,
  );
  const arrivals = acss.flatMap(({ posts }) => [...posts]);
  assert.ok(arrivals.every(([, times]) => times === 1));
  assert.equal(new Set(arrivals.map(([id]) => id)).size, arrivals.length);
  assert.deepEqual(
    proxy.backends.list().map(({ sessions, inFlight }) => ({ sessions, inFlight })),
    acss.map(() => ({ sessions: 0, inFlight: 0 })),
  );
}

for (const fleet of fleets) {
  test(`300 CPEs of every kind complete 5 sessions each: ${fleet.name}`, (t) => runFleet(t, fleet));
}
