// How many of the live CPEs are woken in time while others are dead, and how long that takes, beside the same fleet with none dead.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';

/** A run of `fleet-process`. */
export interface FleetRun {
  readonly wakes: number;
  /** Of three CPEs, how many are dead: a third each drop the SYN, say nothing, say nothing after their challenge. */
  readonly deadOfThree: 0 | 1 | 2;
  /** Whether all are in one /24, or in two hundred of them. */
  readonly oneNetwork: boolean;
  readonly ports: { readonly live: number; readonly dead: readonly number[] };
  /** Wakes a second; all at once without it. */
  readonly perSecond?: number;
}

/** What came of it. */
export interface FleetOutcome {
  /** The live CPEs that were woken in time. */
  readonly woken: readonly number[];
  /** Median time of their wakes, in milliseconds. */
  readonly medianMs: number;
}

/** A bar, and whether it was reached; nothing where it cannot be shown here. */
export interface Bar {
  readonly text: string;
  readonly isReached: boolean | undefined;
}

const script = (name: string): URL => new URL(`${name}.js`, import.meta.url);

async function ask(child: ChildProcess): Promise<Record<string, unknown>> {
  const [answer]: unknown[] = await once(child, 'message');
  return typeof answer === 'object' ? { ...answer } : {};
}

/** Connects; resolves with whether neither a connection nor a refusal comes of it within a while. */
function isDeaf(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.9.9.9', port });
    const end = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(end(true), 700);
    socket.on('connect', () => clearTimeout(timer)).on('error', end(false));
    // Those that fill the backlog stay open for as long as this process.
    socket.on('connect', () => resolve(false));
  });
}

async function fillBacklog(port: number): Promise<boolean> {
  for (let count = 0; count < 20; count += 1) if (await isDeaf(port)) return true;
  return false;
}

async function run(settings: FleetRun): Promise<FleetOutcome> {
  const child = fork(script('fleet-process'), [JSON.stringify(settings)]);
  const { woken, medianMs } = await ask(child);
  if (child.exitCode === null) await once(child, 'exit');
  return { woken: Array.isArray(woken) ? woken : [], medianMs: Number(medianMs) };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** @param live Port of the CPEs that live. */
export async function deadShares(live: number, rounds: number): Promise<readonly Bar[]> {
  const hanging = fork(script('silent-cpes'));
  const deaf = fork(script('deaf-cpe'));
  const bars: Bar[] = [];
  try {
    const [{ silent, challenging }, { port }] = await Promise.all([ask(hanging), ask(deaf)]);
    const isShown = await fillBacklog(Number(port));
    if (!isShown)
      console.log('\n!!! no SYN can be left unanswered on this machine: the bars of dead CPEs are NOT SHOWN');
    const ports = { live, dead: [Number(port), Number(silent), Number(challenging)] };
    console.log(
      `\nlive CPEs woken within 1.8 s, of those that are when none is dead, before and after; worst of ${rounds} rounds`,
    );
    for (const oneNetwork of [false, true]) {
      for (const wakes of [500, 1_500, 3_000]) {
        const shares = { 1: [] as number[], 2: [] as number[] };
        for (let round = 0; round < rounds; round += 1) {
          const control = async () => new Set((await run({ wakes, deadOfThree: 0, oneNetwork, ports })).woken);
          for (const deadOfThree of [1, 2] as const) {
            // What else the machine does may change meanwhile: only those count that are woken before and after.
            const before = await control();
            const reached = new Set((await run({ wakes, deadOfThree, oneNetwork, ports })).woken);
            const after = await control();
            const expected = [...before].filter((index) => after.has(index) && (index * 7) % 3 >= deadOfThree);
            if (before.size < wakes || after.size < wakes)
              console.log(
                `  a machine too busy for the control: ${before.size} and ${after.size} of ${wakes} were woken`,
              );
            if (expected.length === 0) continue;
            shares[deadOfThree].push(expected.filter((index) => reached.has(index)).length / expected.length);
          }
        }
        for (const deadOfThree of [1, 2] as const) {
          const worst = Math.min(...shares[deadOfThree]);
          const isKnown = isShown && shares[deadOfThree].length > 0;
          const where = oneNetwork ? 'in one /24' : 'in 200 networks';
          const text = `${wakes} at once ${where}, ${deadOfThree} of 3 dead: ${isKnown ? `${(100 * worst).toFixed(1)} %` : 'unknown'} (bar: 98 %)`;
          bars.push({ text, isReached: isKnown ? worst >= 0.98 : undefined });
          console.log(text);
        }
      }
    }
    const controls: number[] = [];
    const withDead: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      controls.push((await run({ wakes: 500, deadOfThree: 0, oneNetwork: false, ports, perSecond: 125 })).medianMs);
      withDead.push((await run({ wakes: 1_500, deadOfThree: 2, oneNetwork: false, ports, perSecond: 375 })).medianMs);
    }
    const ratio = median(withDead) / median(controls);
    const text =
      `125 live CPEs a second beside 250 dead ones: median ${median(withDead).toFixed(2)} ms, ` +
      `without ${median(controls).toFixed(2)} ms, ${ratio.toFixed(2)} times (bar: 1.3)`;
    bars.push({ text, isReached: isShown ? ratio <= 1.3 : undefined });
    console.log(text);
  } finally {
    hanging.disconnect();
    deaf.kill('SIGKILL');
  }
  return bars;
}
