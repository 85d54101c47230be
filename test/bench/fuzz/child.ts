import { fuzzHosts } from '../../helpers/fuzz/fuzz-hosts.js';
import { runFuzzRound } from '../../helpers/fuzz/fuzz-round.js';
import { runWakeRound } from '../../helpers/fuzz/wake-round.js';
import { FuzzRedis } from '../../helpers/fuzz/wake-redis.js';
import { FuzzStores } from '../../helpers/fuzz/wake-store.js';
import { noRedis } from '../../helpers/redis-server.js';
import type { Random } from '../../helpers/random.js';
import { wakes } from './halves.js';

// Rounds of one host, or of wakes, from a seed on, until the parent process ends it: `child.js <host> <seed>`. Nothing here catches
// what the process would end of.

const [name = '', from = '1'] = process.argv.slice(2);
const host = fuzzHosts.get(name);
if (host === undefined && name !== wakes) throw new Error(`no host ${name}`);
/** Every other round has a Redis server, where one is installed. */
const makeStore = (seed: number) => (random: Random) =>
  noRedis === false && seed % 2 === 0 ? FuzzRedis.start(random) : new FuzzStores(random);
for (let seed = Number(from); process.connected; seed += 1) {
  const tally = await (host === undefined ? runWakeRound(seed, makeStore(seed)) : runFuzzRound(host, seed));
  // The parent may have left meanwhile.
  if (process.connected) process.send?.({ tally }, undefined, undefined, () => {});
}
