import { BoundedMap } from '../bounded-map.js';
import { CwmpProxyError } from '../errors.js';

/** How guessing is slowed down. */
export interface GuessLimits {
  /** Failures that one address may make at once. Default 20. */
  maxFailures?: number;
  /** Time in which so many failures are forgiven, one after the other, in milliseconds. Default 60 000. */
  windowMs?: number;
  /**
   * Maximum of addresses that are counted. Default 10 000. The one that was quiet for longest is forgotten, of those first that have
   * made less than half of what one may.
   */
  maxAddresses?: number;
}

/** How long a check is waited for. */
export interface Patience {
  /** Aborted when whoever asked has left. */
  readonly signal: AbortSignal | undefined;
  /** Maximum time, in milliseconds. Default: no end but its own. */
  readonly longestMs?: number;
  /** Whether the answer has passed before: then it waits for no guess. It is counted all the same if it is wrong by now. */
  readonly isProven?: boolean;
}

/**
 * Maximum time for asking somebody else about a secret, in milliseconds: a database that is away must not hold up for ever who
 * asks, nor those that ask after.
 */
export const longestCheckMs = 10_000;

interface Running {
  checks: number;
  /** Who waits for a place, the first first. */
  readonly waiting: BoundedMap<() => void, true>;
}

interface Count {
  failures: number;
  /** When `failures` was right, on the clock of `performance.now()`. */
  at: number;
}

/** The failures of one group of addresses. */
interface GroupCounts {
  /** Of all its names together. */
  readonly all: Count;
  readonly byName: BoundedMap<string, Count>;
}

/** Maximum of names that are counted for one group: more than it can fail at in a minute, so that none of them pushes out another. */
const maxNames = 1_000;

/** How many names are counted for each address of the table, on average. */
const namesOfAddress = 20;

/** How many times the failures of one name a group may make with all its names together. */
const namesFactor = 25;

/**
 * Counts the failures of client addresses, which run out with time: a leaky bucket for each, in a bounded table. A key is the group
 * of an address; or it and, after a space, the name of what is guessed at, which has a bucket of its own then. Names of one group push
 * out those of no other, and all together have a limit too.
 */
export class GuessLimiter {
  readonly #maxFailures: number;
  readonly #windowMs: number;
  readonly #maxAddresses: number;
  /** The one that was quiet for longest stands first: of those that have failed a few times, and of the others. */
  readonly #few = new BoundedMap<string, GroupCounts>(Infinity);
  readonly #many = new BoundedMap<string, GroupCounts>(Infinity);
  #names = 0;
  readonly #running = new Map<string, Running>();

  constructor({ maxFailures = 20, windowMs = 60_000, maxAddresses = 10_000 }: GuessLimits = {}) {
    this.#maxFailures = maxFailures;
    this.#windowMs = windowMs;
    this.#maxAddresses = maxAddresses;
  }

  /** Seconds until the address may try again; 0 when it may now. */
  secondsToWait(address: string): number {
    const [group, name] = groupAndName(address);
    const counts = this.#countsOf(group);
    return Math.max(
      this.#waitFor(counts?.byName.get(name), this.#maxFailures),
      this.#waitFor(counts?.all, this.#maxFailures * namesFactor),
    );
  }

  /**
   * Checks an answer. Where it and those that are being checked could fail too often together, it waits for one of them: guesses
   * that come at once are no more than those that come one after the other.
   *
   * @param isWrong Checks, and resolves with whether a failure is to be counted.
   * @param patience Ends the wait. A check that has begun goes on then without a place, and is counted if it ends as wrong.
   * @returns Seconds that the address has to wait, and nothing was checked; 0 when it was.
   *
   * Rejects with {@link CwmpProxyError}: `ERR_CWMP_CPE_GONE` when whoever asked has left, `ERR_CWMP_USERS_UNAVAILABLE` when it took
   * too long.
   */
  async check(address: string, isWrong: () => Promise<boolean>, patience: Patience): Promise<number> {
    const running = this.#running.get(address) ?? { checks: 0, waiting: new BoundedMap(Infinity) };
    this.#running.set(address, running);
    const until = performance.now() + (patience.longestMs ?? Infinity);
    try {
      while (patience.isProven !== true) {
        const retryAfter = this.secondsToWait(address);
        if (retryAfter > 0) return retryAfter;
        if (running.checks + 1 <= this.#maxFailures - this.#failuresOf(address)) break;
        await this.#wait(running, until, patience.signal);
      }
      running.checks += 1;
      try {
        const counted = isWrong().then((wrong) => {
          if (wrong) this.failed(address);
        });
        await within(counted, until, patience.signal);
        return 0;
      } finally {
        running.checks -= 1;
      }
    } finally {
      const first = running.waiting.oldestKey;
      if (first !== undefined) running.waiting.delete(first);
      first?.();
      if (running.checks === 0 && running.waiting.size === 0) this.#running.delete(address);
    }
  }

  async #wait(running: Running, until: number, signal: AbortSignal | undefined): Promise<void> {
    let turn = (): void => undefined;
    const itsTurn = new Promise<void>((resolve) => {
      turn = resolve;
    });
    running.waiting.set(turn, true);
    try {
      await within(itsTurn, until, signal);
    } finally {
      running.waiting.delete(turn);
    }
  }

  /** Counts a failure. */
  failed(address: string): void {
    const [group, name] = groupAndName(address);
    const at = performance.now();
    const { byName, all } = this.#countsOf(group) ?? { all: { failures: 0, at }, byName: new BoundedMap(maxNames) };
    const failures = this.#left(all, this.#maxFailures * namesFactor) + 1;
    const names = byName.size;
    byName.set(name, { failures: this.#failuresOf(address) + 1, at });
    this.#names += byName.size - names;
    const [table, other] = 2 * failures > this.#maxFailures ? [this.#many, this.#few] : [this.#few, this.#many];
    other.delete(group);
    table.set(group, { byName, all: { failures, at } });
    while (this.size > this.#maxAddresses || this.#names > namesOfAddress * this.#maxAddresses) {
      this.#forgetOne(this.#few.size > 0 ? this.#few : this.#many);
    }
  }

  /** Groups of addresses in the table. */
  get size(): number {
    return this.#few.size + this.#many.size;
  }

  #countsOf(group: string): GroupCounts | undefined {
    return this.#many.get(group) ?? this.#few.get(group);
  }

  #forgetOne(table: BoundedMap<string, GroupCounts>): void {
    const { oldestKey, oldest } = table;
    if (oldestKey === undefined) return;
    this.#names -= oldest?.byName.size ?? 0;
    table.delete(oldestKey);
  }

  #failuresOf(address: string): number {
    const [group, name] = groupAndName(address);
    return this.#left(this.#countsOf(group)?.byName.get(name), this.#maxFailures);
  }

  /** What is left of a count, of which so many are forgiven in a window. */
  #left(count: Count | undefined, maxFailures: number): number {
    if (count === undefined) return 0;
    const forgiven = ((performance.now() - count.at) * maxFailures) / this.#windowMs;
    return Math.max(0, count.failures - forgiven);
  }

  /** Seconds until one more failure is allowed. */
  #waitFor(count: Count | undefined, maxFailures: number): number {
    const over = this.#left(count, maxFailures) - (maxFailures - 1);
    return over <= 0 ? 0 : Math.ceil((over * this.#windowMs) / maxFailures / 1_000);
  }
}

function groupAndName(key: string): [group: string, name: string] {
  const space = key.indexOf(' ');
  return space === -1 ? [key, ''] : [key.slice(0, space), key.slice(space + 1)];
}

/** Waits for the work; its own end is not waited for once the time is up or whoever asked has left. */
function within(work: Promise<void>, until: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const left = until - performance.now();
    const onLeft = (): void => {
      reject(new CwmpProxyError('ERR_CWMP_CPE_GONE', 'who asked has left before its credentials were checked'));
    };
    const onLate = (): void => {
      reject(new CwmpProxyError('ERR_CWMP_USERS_UNAVAILABLE', 'the check of credentials takes too long'));
    };
    const timer = left === Infinity ? undefined : setTimeout(onLate, left).unref();
    signal?.addEventListener('abort', onLeft);
    if (signal?.aborted === true) onLeft();
    void work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onLeft);
    });
  });
}
