import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzHosts } from '../helpers/fuzz/fuzz-hosts.js';
import { runFuzzRound } from '../helpers/fuzz/fuzz-round.js';
import { addTally, type FuzzTally } from '../helpers/fuzz/fuzz-tally.js';

// The long run is `npm run bench:fuzz`. A finding names its seed: `npm run bench:fuzz -- --seed=… --host=… --rounds=1`.
const rounds = 6;

for (const host of fuzzHosts.values()) {
  test(`${host.name}: peers and a host that break at any byte cost their own exchanges only`, async () => {
    const total: FuzzTally = { connections: 0, requests: 0, served: 0, findings: [] };
    for (let seed = 1; seed <= rounds; seed += 1) addTally(total, await runFuzzRound(host, seed));
    assert.deepEqual(total.findings, []);
    // All of this is worth nothing unless most of what is well behaved gets through.
    assert.ok(total.served > total.requests / 5, `${total.served} of ${total.requests} were answered by a backend`);
  });
}
