import type { DigestChallenge } from '../auth/digest-challenge.js';
import { BoundedMap } from '../bounded-map.js';
import type { CpeConnection } from './cpe-connection.js';

/** A challenge of a CPE that an ACS is about to answer. */
export interface HeldChallenge {
  readonly challenge: DigestChallenge;
  /** The connection it came on; its CPE may have closed it. */
  readonly connection: CpeConnection;
}

/** Challenges of CPEs whose answers are waited for: few, each for a short time, and none is used twice. */
export class RelayTable {
  readonly #maxHeld: number;
  readonly #heldMs: number;
  readonly #held = new BoundedMap<string, HeldChallenge & { readonly key: string; readonly timer: NodeJS.Timeout }>(
    Infinity,
  );

  /**
   * @param maxHeld Most challenges at once; the oldest gives way.
   * @param heldMs How long one is held, in milliseconds.
   */
  constructor(maxHeld: number, heldMs: number) {
    this.#maxHeld = maxHeld;
    this.#heldMs = heldMs;
  }

  /** Holds a challenge, and its connection open. */
  hold(cpe: string, held: HeldChallenge): void {
    const key = keyOf(cpe, held.challenge.nonce);
    this.#drop(key);
    const oldest = this.#held.oldestKey;
    if (this.#held.size >= this.#maxHeld && oldest !== undefined) this.#drop(oldest);
    const timer = setTimeout(() => this.#drop(key), this.#heldMs).unref();
    this.#held.set(key, { ...held, key, timer });
  }

  /** Gives out the challenge of a CPE with this nonce; the connection is the caller's from now on. */
  take(cpe: string, nonce: string): HeldChallenge | undefined {
    const key = keyOf(cpe, nonce);
    const held = this.#held.get(key);
    if (held === undefined) return undefined;
    clearTimeout(held.timer);
    this.#held.delete(key);
    return held;
  }

  /** How many are held. */
  get size(): number {
    return this.#held.size;
  }

  /** Closes all. */
  close(): void {
    for (const { key } of this.#held.values()) this.#drop(key);
  }

  #drop(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    clearTimeout(held.timer);
    this.#held.delete(key);
    held.connection.close();
  }
}

function keyOf(cpe: string, nonce: string): string {
  return `${cpe}\0${nonce}`;
}
