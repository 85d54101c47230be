/**
 * A point in time that moves: one timer serves all limits of a connection, and is set anew only where a limit comes earlier. It keeps
 * no process alive.
 */
export class Deadline {
  readonly #onOver: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer goes off, and when time is over, on the clock of `performance.now()`. */
  #firesAt = Infinity;
  #at = Infinity;

  /** @param onOver Called when time is over. */
  constructor(onOver: () => void) {
    this.#onOver = onOver;
  }

  /** Time is over in so many milliseconds. */
  set(ms: number): void {
    this.#at = performance.now() + ms;
    if (this.#at < this.#firesAt) this.#arm(ms);
  }

  /** There is no limit for now. */
  clear(): void {
    this.#at = Infinity;
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = this.#at;
    this.#timer = setTimeout(() => this.#fired(), ms).unref();
  }

  #fired(): void {
    this.#firesAt = Infinity;
    const left = this.#at - performance.now();
    if (left === Infinity) return;
    if (left > 0) return this.#arm(left);
    this.#at = Infinity;
    this.#onOver();
  }

  /** Lets go of the timer. */
  stop(): void {
    this.#at = Infinity;
    this.#firesAt = Infinity;
    clearTimeout(this.#timer);
  }
}
