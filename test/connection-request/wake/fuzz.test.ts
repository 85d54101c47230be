import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addTally, type FuzzTally } from '../../helpers/fuzz/fuzz-tally.js';
import { runWakeRound } from '../../helpers/fuzz/wake-round.js';

// The long run is `npm run bench:fuzz -- --half=wakes`. A finding names its seed: `… --half=wakes --seed=… --rounds=1`.
const rounds = 4;

test('ACSs, strangers and CPEs of any kind cost each other nothing, and nobody is told what is not so', async () => {
  const total: FuzzTally = { connections: 0, requests: 0, served: 0, findings: [] };
  for (let seed = 1; seed <= rounds; seed += 1) addTally(total, await runWakeRound(seed));
  assert.deepEqual(total.findings, []);
  // All of this is worth nothing unless some of those who may wake a CPE that answers do so.
  assert.ok(total.served > rounds, `${total.served} wakes of ${total.requests} requests`);
});
