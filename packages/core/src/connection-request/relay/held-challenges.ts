import type { DigestChallenge } from '../../digest/digest-challenge.js';
import { BoundedMap } from '../../bounded-map.js';
import type { CpeConnection } from '../transports/cpe-connection.js';

/** A challenge of a CPE that an ACS is about to answer. */
export interface HeldChallenge {
  readonly challenge: DigestChallenge;
  /** The connection it came on; its CPE may have closed it. */
  readonly connection: CpeConnection;
  /** For whom the connection is good, see {@link channelOf}. */
  readonly channel: string;
}

interface Entry extends HeldChallenge {
  readonly cpe: string;
  readonly timer: NodeJS.Timeout;
  onGone: (() => void) | undefined;
}

/** Challenges of CPEs whose answers are waited for: one of each CPE, few in all, each for a short time, and none is used twice. */
export class RelayTable {
  readonly #maxHeld: number;
  readonly #heldMs: number;
  readonly #held = new BoundedMap<string, Entry>(Infinity);
  #closed = false;

  /**
   * @param maxHeld Maximum number of challenges at once; the oldest gives way.
   * @param heldMs How long one is held, in milliseconds.
   */
  constructor(maxHeld: number, heldMs = 5_000) {
    this.#maxHeld = maxHeld;
    this.#heldMs = heldMs;
  }

  /**
   * Holds a challenge, and its connection open.
   *
   * @param replaces Whether in place of an earlier one of the CPE.
   */
  hold(cpe: string, { challenge, connection, channel }: HeldChallenge, replaces: boolean): void {
    if (replaces) this.drop(cpe);
    if (this.#closed || this.#held.has(cpe)) {
      connection.close();
      return;
    }
    const oldest = this.#held.oldestKey;
    if (this.#held.size >= this.#maxHeld && oldest !== undefined) this.drop(oldest);
    const timer = setTimeout(() => this.drop(cpe), this.#heldMs).unref();
    this.#held.set(cpe, { cpe, challenge, connection, channel, timer, onGone: undefined });
  }

  /** The challenge of a CPE for a channel, which stays. */
  find(cpe: string, channel: string): HeldChallenge | undefined {
    const held = this.#held.get(cpe);
    return held?.channel === channel ? held : undefined;
  }

  /** Calls back when this challenge is held no more. Calls back at once where it is not held. */
  whenGone(cpe: string, challenge: DigestChallenge, callback: () => void): void {
    const held = this.#held.get(cpe);
    if (held?.challenge === challenge) held.onGone = callback;
    else callback();
  }

  /** Gives out the challenge of a CPE for a channel with this nonce; the connection is the caller's from now on. */
  take(cpe: string, channel: string, nonce: string): HeldChallenge | undefined {
    return this.find(cpe, channel)?.challenge.nonce === nonce ? this.#remove(cpe) : undefined;
  }

  /** Holds the challenge of a CPE no longer. */
  drop(cpe: string): void {
    this.#remove(cpe)?.connection.close();
  }

  /** Closes all, and holds none any more. */
  close(): void {
    this.#closed = true;
    for (let cpe = this.#held.oldestKey; cpe !== undefined; cpe = this.#held.oldestKey) this.drop(cpe);
  }

  #remove(cpe: string): HeldChallenge | undefined {
    const held = this.#held.get(cpe);
    if (held === undefined) return undefined;
    clearTimeout(held.timer);
    this.#held.delete(cpe);
    held.onGone?.();
    return held;
  }
}
