import { readCorpus } from '../../helpers/corpus.js';
import { runMutations } from '../../helpers/mutation-run.js';
import { informBody, valuesBody } from './bodies.js';

// The long run of mutated messages: `npm run bench:rewrite:mutate -- [count] [seed]`, 1,000,000 from seed 1 by default.

const count = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? 1);
process.on('unhandledRejection', (error) => {
  process.stderr.write(`unhandled rejection: ${String(error)}\n`);
  process.exit(1);
});

const { messages, skip } = readCorpus();
if (skip !== false) process.stdout.write(`${skip}\n`);
const bases = [informBody(14, 5), informBody(1, 0), valuesBody(4000, 0.5), ...messages.map(({ bytes }) => bytes)];
const step = 50_000;
const totals = new Map<string, number>();
let slowestMs = 0;
for (let done = 0; done < count; done += step) {
  const tally = await runMutations(seed + done, Math.min(step, count - done), bases);
  for (const [outcome, found] of Object.entries(tally.outcomes))
    totals.set(outcome, (totals.get(outcome) ?? 0) + found);
  slowestMs = Math.max(slowestMs, tally.slowestMs);
  process.stdout.write(
    `${Math.min(done + step, count)} messages, slowest ${slowestMs.toFixed(1)} ms of CPU, ${JSON.stringify(Object.fromEntries(totals))}\n`,
  );
}
