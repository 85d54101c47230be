/** Those who wait for something that is given to one after the other, or to all at once. Bounded. */
export class WaitingLine {
  readonly #waiting = new Set<(called: boolean) => void>();
  readonly #max: number;

  /** @param max Most that wait; more are turned away at once. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Resolves with true when called, with false when the time is over, the signal says so or too many wait. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    if (timeoutMs <= 0 || signal.aborted || this.#waiting.size >= this.#max) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (called: boolean): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
        this.#waiting.delete(settle);
        resolve(called);
      };
      const leave = (): void => settle(false);
      const timer = setTimeout(leave, timeoutMs);
      timer.unref();
      signal.addEventListener('abort', leave);
      this.#waiting.add(settle);
    });
  }

  /** Calls the one who has waited longest. */
  callOne(): void {
    for (const settle of this.#waiting) return settle(true);
  }

  /** Calls everybody. */
  callAll(): void {
    for (const settle of this.#waiting) settle(true);
  }
}
