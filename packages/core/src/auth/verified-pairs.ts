import { createHmac, randomBytes } from 'node:crypto';
import { BoundedMap } from '../bounded-map.js';
import type { BasicPair } from './authorization.js';
import type { CredentialChecker } from './basic.js';

/** How long a pair that was verified is remembered, in milliseconds. */
const memoryMs = 60_000;
/** Most pairs that are remembered; the oldest goes first. */
const maxPairs = 1_000;

/**
 * Puts a short memory in front of a checker that is dear, as bcrypt is: a pair that it has let pass passes for a minute
 * without it, and the same pair is checked once however many ask at a time. Only keyed hashes are kept, the key dies with the
 * process. What was refused is not remembered.
 */
export function rememberVerified(
  check: CredentialChecker,
  now: () => number = () => performance.now(),
): CredentialChecker {
  const key = randomBytes(32);
  const verified = new BoundedMap<string, number>(maxPairs);
  const running = new Map<string, Promise<boolean>>();

  async function run(name: string, pair: BasicPair): Promise<boolean> {
    try {
      if (!(await check(pair))) return false;
      verified.set(name, now() + memoryMs);
      return true;
    } finally {
      running.delete(name);
    }
  }

  return (pair) => {
    // A NUL parts them; the first colon of the wire does not allow one in a user name to be mistaken.
    const name = createHmac('sha256', key).update(`${pair.username}\0${pair.password}`).digest('base64');
    if ((verified.get(name) ?? 0) > now()) return true;
    const started = running.get(name) ?? run(name, pair);
    running.set(name, started);
    return started;
  };
}
