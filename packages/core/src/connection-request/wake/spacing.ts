import { BoundedMap } from '../../bounded-map.js';

/** Most CPEs whose last wake is remembered. */
const maxRemembered = 65_536;

/** Keeps a least time between two wakes of one CPE. */
export class Spacing {
  readonly #ms: number;
  /** When the last wake of a CPE ended. The oldest stands first, and all are kept equally long. */
  readonly #ended = new BoundedMap<string, number>(maxRemembered);

  /** @param ms least time between the end of a wake and the next, in milliseconds; 0 keeps none. */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Milliseconds until this CPE may be woken again. */
  left(key: string): number {
    const ended = this.#ended.get(key);
    return ended === undefined ? 0 : Math.max(0, ended + this.#ms - performance.now());
  }

  /** A wake of this CPE has ended. */
  mark(key: string): void {
    if (this.#ms === 0) return;
    const now = performance.now();
    this.#ended.set(key, now);
    for (;;) {
      const { oldest = now, oldestKey } = this.#ended;
      if (oldestKey === undefined || oldest + this.#ms > now) return;
      this.#ended.delete(oldestKey);
    }
  }

  /** Forgets all. */
  clear(): void {
    this.#ended.clear();
  }
}
