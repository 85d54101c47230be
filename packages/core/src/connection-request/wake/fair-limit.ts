import { inTurns } from '../../in-turns.js';
import { FairQueue, type Waiting } from './fair-queue.js';

/** One that has a place in a {@link FairLimit}, or waits for one. */
export interface Guest extends Waiting {
  /** Since when it is silent, on the clock of `performance.now()`; kept by the limit. */
  silentSince: number;
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
  /** Maximum number of guests that begin in one turn of the event loop. Default: all. */
  readonly perTurn?: number;
  /** How long one may be silent while others wait, in milliseconds. */
  readonly patienceMs: () => number;
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
  readonly #perTurn: number;
  readonly #patienceMs: () => number;
  readonly #inside = new Set<Guest>();
  /** How many of each block have a place, where a block has a limit. */
  readonly #ofBlock = new Map<string, number>();
  readonly #queue = new FairQueue<Guest>();
  /** Until when all that the network has brought was heard: what this process was too busy to hear is nobody's silence. */
  #heardUntil = 0;
  /** How many have begun in this turn of the event loop, or before it since the last count was full. */
  #begun = 0;
  #isLooking = false;
  #isMakingRoom = false;

  constructor({ places, placesOfBlock = places, perTurn = Infinity, patienceMs }: FairLimitSettings) {
    this.#places = places;
    this.#placesOfBlock = placesOfBlock;
    this.#perTurn = perTurn;
    this.#patienceMs = patienceMs;
  }

  /**
   * Asks for a place. `start` is called when there is one, which may be at once.
   *
   * @param isFirst Whether it goes before all others of its block.
   */
  enter(guest: Guest, isFirst = false): void {
    if (this.#hasRoom() && this.#isOpen(guest.block)) {
      this.#begin(guest);
      return;
    }
    const isAlone = this.#queue.size === 0;
    this.#queue.add(guest, isFirst);
    if (isAlone) this.#makeRoom();
  }

  /** Takes a place at once, and is silent for as long as it says. Where there is none left, one that has been for too long gives way. */
  force(guest: Guest): void {
    const isBlockFull = !this.#isOpen(guest.block);
    if (isBlockFull || this.#inside.size >= this.#places) {
      const first = this.#firstToGo(isBlockFull ? guest.block : undefined);
      if (first !== undefined) this.#putOut(first);
    }
    this.#begin(guest, guest.silentSince);
  }

  /** It was sent or has said something: its silence begins anew. */
  heard(guest: Guest): void {
    guest.silentSince = performance.now();
  }

  /** It is not its own fault that it is silent, from now on. */
  excuse(guest: Guest): void {
    guest.silentSince = Infinity;
  }

  /** It is over, or waits no more. */
  leave(guest: Guest): void {
    if (!this.#inside.delete(guest)) {
      if (this.#queue.size > 0) this.#queue.delete(guest);
      return;
    }
    const ofBlock = (this.#ofBlock.get(guest.block) ?? 0) - 1;
    if (ofBlock > 0) this.#ofBlock.set(guest.block, ofBlock);
    else this.#ofBlock.delete(guest.block);
    if (this.#queue.size > 0) this.#next();
  }

  #hasRoom(): boolean {
    return this.#inside.size < this.#places && this.#begun < this.#perTurn;
  }

  #isOpen(block: string): boolean {
    return (this.#ofBlock.get(block) ?? 0) < this.#placesOfBlock;
  }

  #begin(guest: Guest, silentSince = performance.now()): void {
    this.#inside.add(guest);
    this.#begun += 1;
    if (this.#begun === this.#perTurn) {
      setImmediate(() => {
        this.#begun = 0;
        this.#next();
      });
    }
    if (this.#placesOfBlock < this.#places) this.#ofBlock.set(guest.block, (this.#ofBlock.get(guest.block) ?? 0) + 1);
    guest.silentSince = silentSince;
    if (!this.#isLooking) this.#look();
    guest.start();
  }

  #next(): void {
    while (this.#queue.size > 0 && this.#hasRoom()) {
      const guest = this.#queue.next((block) => this.#isOpen(block));
      if (guest === undefined) return;
      this.#begin(guest);
    }
  }

  /** Looks from time to time, as long as anybody has a place. */
  #look(): void {
    this.#isLooking = true;
    const look = (since: number): void => {
      this.#isLooking = false;
      this.#heardUntil = since;
      this.#makeRoom();
      if (this.#inside.size > 0) this.#look();
    };
    // An immediate comes after what the network had brought until now. One without a reference would come with the next event only.
    setTimeout(() => setImmediate(look, performance.now()), lookMs).unref();
  }

  /** Has those that are silent give way, as long as others wait for that; a few in each turn of the event loop. */
  #makeRoom(): void {
    if (this.#queue.size === 0 || this.#isMakingRoom) return;
    this.#isMakingRoom = true;
    inTurns(this.#toGo(), (guest) => this.#putOut(guest));
  }

  *#toGo(): Generator<Guest, void, undefined> {
    const blocks = [...this.#queue.blocks()];
    for (const block of blocks) {
      if (this.#isOpen(block)) continue;
      for (const guest of this.#silent(block)) {
        if (!this.#queue.has(block)) break;
        if (this.#isSilent(guest)) yield guest;
      }
    }
    for (const guest of this.#inside.size < this.#places ? [] : this.#silent(undefined)) {
      if (!this.#queue.hasAny((block) => this.#isOpen(block))) break;
      if (this.#isSilent(guest)) yield guest;
    }
    this.#isMakingRoom = false;
  }

  #putOut(guest: Guest): void {
    guest.giveWay();
    this.leave(guest);
  }

  /** Whether it is here still, and has been silent for too long. */
  #isSilent(guest: Guest): boolean {
    return guest.silentSince < this.#heardUntil - this.#patienceMs() && this.#inside.has(guest);
  }

  /** The first of {@link FairLimit.#silent}. */
  #firstToGo(block: string | undefined): Guest | undefined {
    const before = this.#heardUntil - this.#patienceMs();
    let first: Guest | undefined;
    let most = 0;
    for (const guest of this.#inside) {
      if (guest.silentSince >= before || (block !== undefined && guest.block !== block)) continue;
      const places = this.#ofBlock.get(guest.block) ?? 0;
      if (first !== undefined && (places < most || (places === most && guest.silentSince >= first.silentSince)))
        continue;
      first = guest;
      most = places;
    }
    return first;
  }

  /** Those that have been silent for too long: of a block; or of all, where those of the block with the most places come first. */
  #silent(block: string | undefined): Guest[] {
    const before = this.#heardUntil - this.#patienceMs();
    const silent: Guest[] = [];
    for (const guest of this.#inside) {
      if (guest.silentSince < before && (block === undefined || guest.block === block)) silent.push(guest);
    }
    silent.sort((one, other) => one.silentSince - other.silentSince);
    if (block !== undefined || this.#ofBlock.size === 0) return silent;
    // The excess of each block over the others goes first, so that they end up equal.
    const seen = new Map<string, number>();
    const left = new Map<Guest, number>();
    for (const guest of silent) {
      const times = seen.get(guest.block) ?? 0;
      seen.set(guest.block, times + 1);
      left.set(guest, (this.#ofBlock.get(guest.block) ?? 0) - times);
    }
    return silent.sort((one, other) => (left.get(other) ?? 0) - (left.get(one) ?? 0));
  }
}
