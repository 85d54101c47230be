import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wakes } from '#core/connection-request/wake/wakes.js';
import { WaitingLine } from '#core/backends/waiting-line.js';
import { CpeDirectory } from '#core/connection-request/cpe-directory.js';
import { FairLimit } from '#core/connection-request/wake/fair-limit.js';
import { InformWatch } from '#core/connection-request/wake/inform-watch.js';
import { KnownAskers } from '#core/connection-request/wake/known-askers.js';
import { parseOrigin } from '#core/connection-request/cpe-url.js';
import type { InformNotice } from '#core/connection-request/result.js';
import { callsPerTurn, inTurns } from '#core/in-turns.js';
import { Names } from '#core/names/names.js';
import { atEnd } from './helpers/at-end.js';
import { inform } from './helpers/cpe-clients/cwmp-bodies.js';
import { RawConnection } from './helpers/cpe-clients/raw-connection.js';
import { resolveBy } from './helpers/fake-dns.js';
import { startGateway } from './helpers/gateway.js';
import { postOf, recordingAcs } from './helpers/recording-acs.js';
import { until } from './helpers/until.js';

// Thousands may wait for one thing: a backend that comes back, the answer of a CPE. When it came, all of them went on in one turn of the
// event loop, each with a connection or an answer, and nothing else in the process had a turn for seconds. A few go on in each turn.

/** Counts, turn by turn, how many have gone on; `all` resolves with the counts once so many have. */
function countTurns(all: number): { goOn: () => void; turns: Promise<number[]> } {
  const counts: number[] = [];
  let gone = 0;
  let now = 0;
  const turns = new Promise<number[]>((resolve) => {
    const look = (): void => {
      if (now > 0) counts.push(now);
      now = 0;
      if (gone >= all) resolve(counts);
      else setImmediate(look);
    };
    setImmediate(look);
  });
  return {
    goOn() {
      gone += 1;
      now += 1;
    },
    turns,
  };
}

const many = 100;

/** Two of our turns may fall into one of those that are counted. */
async function assertSpread(turns: Promise<number[]>): Promise<void> {
  const counts = await turns;
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    many,
  );
  assert.ok(Math.max(...counts) <= 2 * callsPerTurn, `in each turn: ${counts.join(', ')}`);
}

test('those who wait for one name go on a few in each turn', async (t) => {
  const { goOn, turns } = countTurns(many);
  const names = new Names({ lookup: resolveBy(() => ['127.0.0.1']).lookup });
  t.after(() => names.close());
  for (let count = 0; count < many; count += 1) names.ask('cpe.test', { asker: '', onAnswer: goOn });
  await assertSpread(turns);
});

test('calls the first few at once, and the others a few in each turn', async () => {
  const { goOn, turns } = countTurns(many);
  let called = 0;
  inTurns(Array.from({ length: many }), () => {
    called += 1;
    goOn();
  });
  assert.equal(called, callsPerTurn);
  await assertSpread(turns);
});

test('Informs that wait for a backend go on a few in each turn when one is up', async () => {
  const { goOn, turns } = countTurns(many);
  const line = new WaitingLine(many);
  for (let at = 0; at < many; at += 1) void line.wait(`cpe ${at}`, 60_000, new AbortController().signal).then(goOn);
  line.callAll(() => true);
  await assertSpread(turns);
});

test('Informs that wait go on waiting when the backend falls again before their turn, and are called the next time', async () => {
  const line = new WaitingLine(many);
  let isUp = true;
  let called = 0;
  for (let at = 0; at < many; at += 1) {
    void line.wait(`cpe ${at}`, 60_000, new AbortController().signal).then(() => (called += 1));
  }
  line.callAll(() => isUp);
  isUp = false;
  await new Promise((resolve) => {
    setTimeout(resolve, 20);
  });
  assert.equal(called, callsPerTurn);
  isUp = true;
  line.callAll(() => isUp);
  await until('all have been called', () => called === many);
});

test('callers of one wake are told its outcome a few in each turn', async () => {
  const { goOn, turns } = countTurns(many);
  const wakes = new Wakes({ policy: { allows: () => false } });
  const outcomes = Array.from({ length: many }, async () => {
    const { outcome } = await wakes.wake('http://192.0.2.1:7547/');
    goOn();
    return outcome;
  });
  await assertSpread(turns);
  assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(['forbidden']));
});

test('those who wait for the Inform of a CPE are told a few in each turn', async () => {
  const { goOn, turns } = countTurns(many);
  let tell = (notice: InformNotice): void => assert.fail(`nobody listens for ${notice.url}`);
  const watch = new InformWatch(
    (listener) => {
      tell = listener;
      return () => {};
    },
    new CpeDirectory(1, () => {}),
    false,
  );
  const url = 'http://192.0.2.1:7547/';
  const { key } = parseOrigin(url) ?? assert.fail();
  for (let at = 0; at < many; at += 1) watch.listen({ key, device: undefined }, goOn);
  tell({ url, events: ['6 CONNECTION REQUEST'], device: undefined });
  await assertSpread(turns);
});

test('requests of an asker that becomes known go on a few in each turn', async () => {
  const { goOn, turns } = countTurns(many);
  const askers = new KnownAskers();
  for (let at = 0; at < many; at += 1) askers.whenKnown('192.0.2.1', () => goOn());
  askers.add('192.0.2.1');
  await assertSpread(turns);
});

test('CPEs that are silent give way to others a few in each turn', async () => {
  const started = countTurns(many);
  const givenUp = countTurns(many);
  let isImpatient = false;
  const limit = new FairLimit({ places: many, patienceMs: () => (isImpatient ? -1 : 60_000) });
  const enter = (start: () => void): void =>
    limit.enter({ block: 'a', lane: 'a', silentSince: 0, start, giveWay: () => givenUp.goOn() });
  for (let at = 0; at < many; at += 1) enter(() => {});
  for (let at = 0; at < many; at += 1) enter(() => started.goOn());
  isImpatient = true;
  await Promise.all([assertSpread(started.turns), assertSpread(givenUp.turns)]);
});

test('sessions of a backend that is removed end a few in each turn', async (t) => {
  const acs = await recordingAcs(t);
  const { port, proxy } = await startGateway(t, { backends: [acs.url] });
  for (let at = 0; at < many; at += 1) {
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    assert.equal((await cpe.exchange(postOf(inform(String(at))))).status, 200);
  }
  const { goOn, turns } = countTurns(many);
  proxy.on('sessionEnd', ({ why }) => {
    assert.equal(why, 'removed');
    goOn();
  });
  proxy.backends.remove(acs.url);
  await assertSpread(turns);
});
