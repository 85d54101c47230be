import { fuzzHosts } from '../../helpers/fuzz/fuzz-hosts.js';
import { runFuzzRound } from '../../helpers/fuzz/fuzz-round.js';

// Rounds of one host, from a seed on, until the parent process ends it: `child.js <host> <seed>`. Nothing here catches what the
// process would end of.

const [name = '', from = '1'] = process.argv.slice(2);
const host = fuzzHosts.get(name);
if (host === undefined) throw new Error(`no host ${name}`);
for (let seed = Number(from); process.connected; seed += 1) {
  const tally = await runFuzzRound(host, seed);
  // The parent may have left meanwhile.
  if (process.connected) process.send?.({ tally }, undefined, undefined, () => {});
}
