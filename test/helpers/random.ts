/** A small seeded generator (mulberry32), so that a failing message can be made again from its seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `below` - 1. */
  int(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.int(times) === 0;
  }

  pick<const Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.int(items.length)] ?? items[0];
  }

  /** `bytes` cut at up to `cuts` places. */
  split(bytes: Buffer, cuts: number): Buffer[] {
    const places = Array.from({ length: this.int(cuts + 1) }, () => this.int(bytes.length + 1)).sort((a, b) => a - b);
    return [...places, bytes.length].map((place, at) => bytes.subarray(places[at - 1] ?? 0, place));
  }
}
