import type { HealthCheck } from './health-check.js';

/** When the first questions are asked, each after the one before it, in milliseconds; those that follow come every second. */
const firstDelaysMs = [0, 250, 250];
const delayMs = 1_000;

/** Most questions of one backend that are open at once: one that nobody refuses may stay open until it is given up. */
const maxOpen = 5;

/**
 * Asks a backend often whether it lives, while no backend is up: at 0, 250 and 500 ms, then every second, whatever became of the
 * question before. Its timer does not keep the process alive.
 */
export class RecoveryWatch {
  readonly #check: Pick<HealthCheck, 'ask' | 'open'>;
  readonly #onAnswer: (fault: unknown) => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param onAnswer Called after each question, with what went wrong if anything did. */
  constructor(check: Pick<HealthCheck, 'ask' | 'open'>, onAnswer: (fault: unknown) => void) {
    this.#check = check;
    this.#onAnswer = onAnswer;
  }

  /** Begins to ask, unless it does already. */
  start(): void {
    if (this.#timer === undefined) this.#wait(0);
  }

  /** Asks no more. What is still open may be answered. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(asked: number): void {
    this.#timer = setTimeout(() => {
      this.#wait(asked + 1);
      if (this.#check.open < maxOpen) void this.#check.ask().then(this.#onAnswer);
    }, firstDelaysMs[asked] ?? delayMs);
    this.#timer.unref();
  }
}
