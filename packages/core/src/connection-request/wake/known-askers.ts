import { BoundedMap } from '../../bounded-map.js';
import { inTurns } from '../../in-turns.js';

/** Maximum number of askers that are remembered; the one that has shown it for longest ago is forgotten. */
const maxAskers = 10_000;

/** How long one is remembered, in milliseconds. */
const rememberedMs = 3_600_000;

/** Addresses from which a CPE's challenge was answered rightly. */
export class KnownAskers {
  readonly #until = new BoundedMap<string, number>(maxAskers);
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Whether it is one of them. */
  has(asker: string): boolean {
    return (this.#until.get(asker) ?? 0) > performance.now();
  }

  /** It has answered rightly just now. */
  add(asker: string): void {
    this.#until.set(asker, performance.now() + rememberedMs);
    inTurns(this.#waiting.get(asker) ?? [], (known) => known());
  }

  /** Calls back when it becomes one of them. @returns Ends that. */
  whenKnown(asker: string, callback: () => void): () => void {
    const waiting = this.#waiting.get(asker) ?? new Set();
    this.#waiting.set(asker, waiting.add(callback));
    return () => {
      if (waiting.delete(callback) && waiting.size === 0) this.#waiting.delete(asker);
    };
  }
}
