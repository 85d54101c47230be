import { BoundedMap } from '../../bounded-map.js';

/** One that waits, and what it shares its turn with. */
export interface Waiting {
  /** Blocks take turns. */
  readonly block: string;
  /** The lanes of a block take turns. */
  readonly lane: string;
}

/** Those of a block that wait, by lane. The lane that is next stands first. */
type Lanes<T> = BoundedMap<string, BoundedMap<T, true>>;

interface Block<T> {
  readonly name: string;
  readonly first: Lanes<T>;
  readonly others: Lanes<T>;
}

/**
 * A fair queue: the blocks take turns, within a block its lanes, and within a lane the first come is the first served. So neither a
 * network with ten thousand devices nor an address with a thousand of them keeps the others waiting.
 */
export class FairQueue<T extends Waiting> {
  /** The block that is next stands first. */
  readonly #blocks = new BoundedMap<string, Block<T>>(Infinity);
  #size = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** The blocks with one that waits, the next first. */
  *blocks(): Generator<string, void, undefined> {
    for (const { name } of this.#blocks.values()) yield name;
  }

  /** Whether one of this block waits. */
  has(block: string): boolean {
    return this.#blocks.has(block);
  }

  /** Whether one of such a block waits. */
  hasAny(isOpen: (block: string) => boolean): boolean {
    for (const { name } of this.#blocks.values()) if (isOpen(name)) return true;
    return false;
  }

  /** @param isFirst Whether it goes before all others of its block. */
  add(one: T, isFirst: boolean): void {
    const known = this.#blocks.get(one.block);
    const block = known ?? { name: one.block, first: new BoundedMap(Infinity), others: new BoundedMap(Infinity) };
    if (known === undefined) this.#blocks.set(one.block, block);
    const lanes: Lanes<T> = isFirst ? block.first : block.others;
    const lane = lanes.get(one.lane) ?? new BoundedMap<T, true>(Infinity);
    if (lane.size === 0) lanes.set(one.lane, lane);
    lane.set(one, true);
    this.#size += 1;
  }

  /** It waits no more. */
  delete(one: T): void {
    const block = this.#blocks.get(one.block);
    if (block === undefined) return;
    for (const lanes of [block.first, block.others]) {
      const lane = lanes.get(one.lane);
      if (lane?.delete(one) !== true) continue;
      if (lane.size === 0) lanes.delete(one.lane);
      this.#size -= 1;
    }
    if (isEmpty(block)) this.#blocks.delete(one.block);
  }

  /** Takes out the next one of a block that is open. */
  next(isOpen: (block: string) => boolean): T | undefined {
    for (const block of this.#blocks.values()) {
      if (!isOpen(block.name)) continue;
      const one = takeNext(block.first) ?? takeNext(block.others);
      // The next one of this block waits behind those of all other blocks.
      if (isEmpty(block)) this.#blocks.delete(block.name);
      else this.#blocks.set(block.name, block);
      if (one !== undefined) this.#size -= 1;
      return one;
    }
    return undefined;
  }
}

function takeNext<T>(lanes: Lanes<T>): T | undefined {
  const { oldestKey: name, oldest: lane } = lanes;
  const one = lane?.oldestKey;
  if (name === undefined || lane === undefined || one === undefined) return undefined;
  lane.delete(one);
  // The next one of this lane waits behind those of all other lanes.
  if (lane.size === 0) lanes.delete(name);
  else lanes.set(name, lane);
  return one;
}

function isEmpty<T>({ first, others }: Block<T>): boolean {
  return first.size === 0 && others.size === 0;
}
