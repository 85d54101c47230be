/** When a backend that fails is ejected, and for how long. */
export interface HealthSettings {
  /** Failures in a row after which a backend is ejected. */
  maxFailures: number;
  /** How long the first time, in milliseconds; each further time in a row twice as long. */
  ejectMs: number;
  /** How long at the most, in milliseconds. */
  maxEjectMs: number;
  /** How long a probe session may take to tell, in milliseconds, before another one is let through. */
  probeMs: number;
}

/**
 * Passive health of one backend. Holds no timer: time passes when somebody asks.
 *
 * ```text
 *  up ── failures in a row ──> ejected ── its time is over ──> probed by one session at a time
 *  ^                            ^                                │ success            │ failure
 *  └────────────────────────────┼────────────────────────────────┘                    │
 *                               └───────────── for twice as long <────────────────────┘
 * ```
 *
 * While no backend is up, a session may probe it before its time is over: a success counts, a failure does not lengthen the time.
 */
export class Health {
  /** Failures since the last success. */
  failures = 0;
  readonly #settings: HealthSettings;
  /** The client addresses whose requests it has broken off since the last success. */
  readonly #brokenOff = new Set<string>();
  #ejections = 0;
  /** Until when the backend is ejected; 0 while it is up. */
  #ejectedUntil = 0;
  /** The session that probes it, and since when; one whose CPE is slow gives way to the next after a time. */
  #prober: object | undefined;
  #probedSince = -Infinity;

  constructor(settings: HealthSettings) {
    this.#settings = settings;
  }

  get ejected(): boolean {
    return this.#ejectedUntil !== 0;
  }

  /** Whether a session may begin now: always when up; one at a time, as a probe, when the time of an ejection is over. */
  admits(now: number): boolean {
    return this.#ejectedUntil === 0 || (now >= this.#ejectedUntil && this.isFree(now, this.#settings.probeMs));
  }

  /** Whether no session probes it, or the one that does has had so many milliseconds. */
  isFree(now: number, forMs: number): boolean {
    return now >= this.#probedSince + forMs;
  }

  /** A session begins as a probe. */
  begin(now: number, prober?: object): void {
    this.#prober = prober;
    this.#probedSince = now;
  }

  /** A session is over, whatever came of it. Returns whether it was the probe: the next one may be let through. */
  over(session: object): boolean {
    if (this.#prober !== session) return false;
    this.#prober = undefined;
    this.#probedSince = -Infinity;
    return true;
  }

  /** The backend answered. Returns whether it was re-admitted by that. */
  succeeded(): boolean {
    if (this.failures === 0) return false;
    this.failures = 0;
    this.#brokenOff.clear();
    if (this.#ejectedUntil === 0) return false;
    this.#ejectedUntil = 0;
    this.#ejections = 0;
    return true;
  }

  /**
   * The backend failed. Returns whether it was ejected by that.
   *
   * @param session Whose request it was.
   * @param brokenOff The client address, where the request itself may be to blame: each counts once in a row.
   */
  failed(now: number, session?: object, brokenOff?: string): boolean {
    const wasUp = this.#ejectedUntil === 0;
    if (wasUp && brokenOff !== undefined) {
      if (this.#brokenOff.has(brokenOff)) return false;
      this.#brokenOff.add(brokenOff);
    }
    this.failures += 1;
    if (wasUp && this.failures < this.#settings.maxFailures) return false;
    if (!wasUp && !this.#hasProbed(now, session)) return false;
    this.#probedSince = -Infinity;
    this.#ejectedUntil = now + Math.min(this.#settings.ejectMs * 2 ** this.#ejections, this.#settings.maxEjectMs);
    this.#ejections += 1;
    return wasUp;
  }

  /** Sessions that were under way when the backend fell fail after it, and some are tried before its time; neither is a probe. */
  #hasProbed(now: number, session: object | undefined): boolean {
    const isProber = this.#prober === session && !this.isFree(now, this.#settings.probeMs);
    return isProber && now >= this.#ejectedUntil;
  }
}
