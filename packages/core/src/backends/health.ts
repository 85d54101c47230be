/** When a backend that fails is left alone, and for how long. */
export interface HealthSettings {
  /** Failures in a row (no connection, no answer in time) after which a backend is left alone. */
  maxFailures: number;
  /** How long the first time, in milliseconds; each further time in a row twice as long. */
  ejectMs: number;
  /** How long at the most, in milliseconds. */
  maxEjectMs: number;
  /** How long a probe session may take to tell, in milliseconds, before another one is let through. */
  probeMs: number;
}

/**
 * Passive health of one backend: it is ejected after failures in a row, for a time that doubles, and re-admitted by one
 * probe session that succeeds. Holds no timer: time passes when somebody asks.
 */
export class Health {
  /** Failures since the last success. */
  failures = 0;
  readonly #settings: HealthSettings;
  #ejections = 0;
  /** Until when the backend is left alone; 0 while it is up. */
  #ejectedUntil = 0;
  /** Until when a probe is waited for; a probe whose CPE leaves tells nothing, and the next one comes after this. */
  #probeUntil = 0;

  constructor(settings: HealthSettings) {
    this.#settings = settings;
  }

  get ejected(): boolean {
    return this.#ejectedUntil !== 0;
  }

  /** Whether a session may begin now: always when up; one at a time, as a probe, when the time of an ejection is over. */
  admits(now: number): boolean {
    return this.#ejectedUntil === 0 || (now >= this.#ejectedUntil && now >= this.#probeUntil);
  }

  /** A session that was admitted begins. */
  begin(now: number): void {
    if (this.#ejectedUntil !== 0) this.#probeUntil = now + this.#settings.probeMs;
  }

  /** The backend answered. Returns whether it was re-admitted by that. */
  succeeded(): boolean {
    this.failures = 0;
    if (this.#ejectedUntil === 0) return false;
    this.#ejectedUntil = 0;
    this.#ejections = 0;
    this.#probeUntil = 0;
    return true;
  }

  /** The backend could not be connected to or did not answer in time. Returns whether it was ejected by that. */
  failed(now: number): boolean {
    this.failures += 1;
    const wasUp = this.#ejectedUntil === 0;
    if (wasUp && this.failures < this.#settings.maxFailures) return false;
    // Sessions that were under way when the backend fell fail after it; they do not lengthen the wait.
    if (!wasUp && now >= this.#probeUntil) return false;
    this.#probeUntil = 0;
    this.#ejectedUntil = now + Math.min(this.#settings.ejectMs * 2 ** this.#ejections, this.#settings.maxEjectMs);
    this.#ejections += 1;
    return wasUp;
  }
}
