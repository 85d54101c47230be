import type { HealthCheck } from './health-check.js';

/** How a backend is asked whether it lives. */
export interface ActiveHealthSettings {
  /** Time between an answer and the next question, in milliseconds. */
  intervalMs: number;
  /** An HTTP GET of this path; without it a TCP (and TLS) connection is opened and closed. */
  path?: string | undefined;
  /** Status that the GET must have. */
  expectStatus: number;
}

/** Asks one backend from time to time whether it lives. Its timer does not keep the process alive. */
export class ActiveHealth {
  readonly #intervalMs: number;
  readonly #check: HealthCheck;
  readonly #onAnswer: (fault: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param onAnswer Called after each question, with what went wrong if anything did. */
  constructor(intervalMs: number, check: HealthCheck, onAnswer: (fault: unknown) => void) {
    this.#intervalMs = intervalMs;
    this.#check = check;
    this.#onAnswer = onAnswer;
    this.#wait();
  }

  /** Asks no more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    this.#timer = setTimeout(() => void this.#ask(), this.#intervalMs);
    this.#timer.unref();
  }

  async #ask(): Promise<void> {
    const fault = await this.#check.ask();
    if (this.#stopped) return;
    this.#onAnswer(fault);
    this.#wait();
  }
}
