/** Shortest and longest time that an answer is waited for before its absence counts as silence, in milliseconds. */
const [minMs, maxMs] = [60, 500];

/** The shortest one where the wake ends with it. A CPE behind a slow network has connected by then. */
const minToEndMs = 300;

/** How often the usual time of an answer goes into the time that is waited for one. */
const factor = 3;

/** Share of the last answer in the usual time. */
const weight = 1 / 16;

/**
 * How long an answer may take before its absence counts as silence: a few times what those that came have taken. As long as none has
 * come it is the shortest time, so that a process that starts among silent CPEs has turns for live ones soon.
 */
export class Patience {
  #usualMs = 0;

  /** With who loses its turn by its silence, and gets one again when it answers; in milliseconds. */
  get turnMs(): number {
    return Math.min(maxMs, Math.max(minMs, factor * this.#usualMs));
  }

  /** With who loses all by it; in milliseconds. */
  get endMs(): number {
    return Math.max(minToEndMs, this.turnMs);
  }

  /** An answer has come after this time. */
  answered(ms: number): void {
    this.#usualMs += weight * (Math.min(maxMs, Math.max(0, ms)) - this.#usualMs);
  }
}
