import { BoundedMap } from '../bounded-map.js';
import { FairQueue, type Waiting } from './fair-queue.js';

/** One that has a place in a {@link FairLimit}, or waits for one. */
export interface Guest extends Waiting {
  /** It has a place from now on. */
  start(): void;
  /** It has been silent for too long while others wait. It has to leave at once. */
  giveWay(): void;
}

/** Sizes of a {@link FairLimit}. */
export interface FairLimitSettings {
  /** Maximum number of places. */
  readonly places: number;
  /** Maximum number of places of one block. Default: all. */
  readonly placesOfBlock?: number;
  /** How long one may be silent while others wait, in milliseconds. */
  readonly patienceMs: () => number;
}

/** Those of a block that have a place. */
interface Block {
  places: number;
  /** The one that has been silent for longest stands first. */
  readonly silent: BoundedMap<Guest, true>;
}

/** Time between two looks for those that are silent, in milliseconds. */
const lookMs = 20;

/**
 * A limit on how much goes on at once, with a fair queue, which no one holds by its silence: while others wait, the one that has
 * been silent for longest gives way, of the block that has the most. While nobody waits, nobody gives way.
 */
export class FairLimit {
  readonly #places: number;
  readonly #placesOfBlock: number;
  readonly #patienceMs: () => number;
  readonly #inside = new Set<Guest>();
  /** Those of whom something is awaited, and since when; the one that has been silent for longest stands first. */
  readonly #silent = new BoundedMap<Guest, number>(Infinity);
  readonly #blocks = new Map<string, Block>();
  readonly #queue = new FairQueue<Guest>();
  /** Until when all that the network has brought was heard: what this process was too busy to hear is nobody's silence. */
  #heardUntil = 0;
  #isLooking = false;

  constructor({ places, placesOfBlock = places, patienceMs }: FairLimitSettings) {
    this.#places = places;
    this.#placesOfBlock = placesOfBlock;
    this.#patienceMs = patienceMs;
  }

  /**
   * Asks for a place. `start` is called when there is one, which may be at once.
   *
   * @param isFirst Whether it goes before all others of its block.
   */
  enter(guest: Guest, isFirst = false): void {
    if (this.#inside.size < this.#places && this.#isOpen(guest.block)) {
      this.#begin(guest);
      return;
    }
    const isAlone = this.#queue.size === 0;
    this.#queue.add(guest, isFirst);
    if (isAlone) this.#makeRoom();
  }

  /** Takes a place at once. Where there is none left, one that has been silent for too long gives way. */
  force(guest: Guest): void {
    const silent = this.#inWayOf(guest.block);
    this.#begin(guest);
    if (silent !== undefined && this.#isSilent(silent)) this.#putOut(silent);
  }

  /** It was sent or has said something: its silence begins anew. */
  heard(guest: Guest): void {
    if (!this.#inside.has(guest)) return;
    this.#silent.set(guest, performance.now());
    this.#blocks.get(guest.block)?.silent.set(guest, true);
  }

  /** Since when it has been silent, on the clock of `performance.now()`. */
  silentSince(guest: Guest): number | undefined {
    return this.#silent.get(guest);
  }

  /** It is not its own fault that it is silent, from now on. */
  excuse(guest: Guest): void {
    this.#silent.delete(guest);
    this.#blocks.get(guest.block)?.silent.delete(guest);
  }

  /** It is over, or waits no more. */
  leave(guest: Guest): void {
    if (!this.#inside.delete(guest)) {
      this.#queue.delete(guest);
      return;
    }
    this.excuse(guest);
    const block = this.#blocks.get(guest.block);
    if (block !== undefined) {
      block.places -= 1;
      if (block.places === 0) this.#blocks.delete(guest.block);
    }
    this.#next();
  }

  #isOpen(block: string): boolean {
    return (this.#blocks.get(block)?.places ?? 0) < this.#placesOfBlock;
  }

  #begin(guest: Guest): void {
    this.#inside.add(guest);
    if (this.#placesOfBlock < this.#places) {
      const block = this.#blocks.get(guest.block) ?? { places: 0, silent: new BoundedMap(Infinity) };
      block.places += 1;
      this.#blocks.set(guest.block, block);
    }
    this.heard(guest);
    this.#look();
    guest.start();
  }

  #next(): void {
    while (this.#queue.size > 0 && this.#inside.size < this.#places) {
      const guest = this.#queue.next((block) => this.#isOpen(block));
      if (guest === undefined) return;
      this.#begin(guest);
    }
  }

  /** Looks from time to time, as long as anybody has a place. */
  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const look = (since: number): void => {
      this.#isLooking = false;
      this.#heardUntil = since;
      while (this.#makeRoom());
      if (this.#inside.size > 0) this.#look();
    };
    // An immediate comes after what the network had brought until now.
    setTimeout(() => setImmediate(look, performance.now()).unref(), lookMs).unref();
  }

  /** Has one give way for one that waits. @returns Whether one did. */
  #makeRoom(): boolean {
    const longest = this.#inside.size < this.#places ? undefined : this.#longestSilent();
    for (const block of this.#queue.blocks()) {
      const silent = this.#isOpen(block) ? longest : this.#firstOf(block);
      if (silent === undefined || !this.#isSilent(silent)) continue;
      this.#putOut(silent);
      return true;
    }
    return false;
  }

  /** The one that has to go, if any, before another one of this block has a place. */
  #inWayOf(block: string): Guest | undefined {
    if (!this.#isOpen(block)) return this.#firstOf(block);
    return this.#inside.size < this.#places ? undefined : this.#longestSilent();
  }

  #putOut(guest: Guest): void {
    guest.giveWay();
    this.leave(guest);
  }

  #isSilent(guest: Guest): boolean {
    const since = this.#silent.get(guest);
    return since !== undefined && this.#heardUntil - since > this.#patienceMs();
  }

  #firstOf(block: string): Guest | undefined {
    return this.#blocks.get(block)?.silent.oldestKey;
  }

  /** Of the block that has the most. */
  #longestSilent(): Guest | undefined {
    let longest = this.#silent.oldestKey;
    let most = 0;
    for (const { silent } of this.#blocks.values()) {
      if (silent.size > most) [longest, most] = [silent.oldestKey, silent.size];
    }
    return longest;
  }
}
