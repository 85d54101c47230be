import { createHmac, randomBytes } from 'node:crypto';
import { BoundedMap } from '../bounded-map.js';
import type { BasicPair } from '../digest/authorization.js';

/** Who has a pair checked. */
export interface Asker {
  /** Group of its address. */
  readonly group: string;
  /** Aborted when it has left. */
  readonly signal: AbortSignal | undefined;
  /** Whether the pair has passed before. */
  readonly isProven: boolean;
}

/** A checker whose work is expensive, and can be dropped when the asker leaves. */
export type ExpensiveChecker = (pair: BasicPair, asker: Asker) => boolean | Promise<boolean>;

/** How long a pair that was verified is remembered, in milliseconds. */
const memoryMs = 60_000;
/** Maximum of pairs that are remembered; the oldest goes first. */
const maxPairs = 1_000;

interface Run {
  readonly result: Promise<boolean>;
  /** How many wait for it. */
  askers: number;
  readonly left: AbortController;
}

/**
 * Puts a short memory in front of an expensive checker, as bcrypt is: a pair that it has let pass passes for a minute without it, and
 * the same pair is checked once however many ask at a time. Only keyed hashes are kept, the key dies with the process. What was
 * refused is not remembered. A check whose askers have all left is dropped.
 */
export function rememberVerified(
  check: ExpensiveChecker,
  now: () => number = () => performance.now(),
): ExpensiveChecker {
  const key = randomBytes(32);
  /** Until when each pair passes without a check; a pair that is here at all has passed before. */
  const verified = new BoundedMap<string, number>(maxPairs);
  const running = new Map<string, Run>();

  function start(name: string, pair: BasicPair, group: string): Run {
    const left = new AbortController();
    const work = async (): Promise<boolean> => {
      try {
        if (!(await check(pair, { group, signal: left.signal, isProven: verified.has(name) }))) return false;
        verified.set(name, now() + memoryMs);
        return true;
      } finally {
        if (running.get(name) === run) running.delete(name);
      }
    };
    const run: Run = { left, askers: 0, result: Promise.resolve().then(work) };
    // Nobody may be left who waits for it.
    run.result.catch(() => {});
    return run;
  }

  return (pair, { group, signal }) => {
    // A NUL parts them; the first colon of the wire does not allow one in a user name to be mistaken.
    const name = createHmac('sha256', key).update(`${pair.username}\0${pair.password}`).digest('base64');
    if ((verified.get(name) ?? 0) > now()) return true;
    const run = running.get(name) ?? start(name, pair, group);
    running.set(name, run);
    run.askers += 1;
    signal?.addEventListener(
      'abort',
      () => {
        run.askers -= 1;
        if (run.askers > 0) return;
        if (running.get(name) === run) running.delete(name);
        run.left.abort();
      },
      { once: true },
    );
    return run.result;
  };
}
