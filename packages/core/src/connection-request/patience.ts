/** Shortest and longest time that an answer is waited for before its absence counts as silence, in milliseconds. */
const [minMs, maxMs] = [60, 500];

/** How often the usual time of an answer goes into the time that is waited for one. */
const factor = 3;

/** Share of the last answer in the usual time. */
const weight = 1 / 16;

/** How long an answer may take before its absence counts as silence: a few times what those that came have taken. */
export class Patience {
  #usualMs = 100;

  /** The time, in milliseconds. */
  get ms(): number {
    return Math.min(maxMs, Math.max(minMs, factor * this.#usualMs));
  }

  /** An answer has come after this time. */
  answered(ms: number): void {
    this.#usualMs += weight * (Math.min(maxMs, Math.max(0, ms)) - this.#usualMs);
  }
}
