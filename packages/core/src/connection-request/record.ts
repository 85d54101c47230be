import type { DigestChallenge } from '../digest/digest-challenge.js';
import type { Reply } from './transports/reply-reader.js';
import type { InformNotice, WakeLeg, WakeOutcome, WakeResult } from './result.js';
import type { Failure } from './transports/cpe-connection.js';

/** What is known of a wake while it is under way: the legs so far and what the CPE showed of itself. */
export class WakeRecord {
  /** The last status that the CPE answered with. */
  status: number | undefined;
  /** How the CPE authenticates. */
  scheme: 'none' | 'basic' | 'digest' | undefined;
  /** The Digest algorithm that was answered with. */
  algorithm: string | undefined;
  /** The IP address that is dialled. */
  address: string | undefined;
  /** The challenge of the CPE that an ACS is to answer. */
  challenge: DigestChallenge | undefined;

  readonly #legs: WakeLeg[] = [];
  #what: WakeLeg['what'] | undefined;
  #since = 0;

  /** The leg that is under way. */
  get what(): WakeLeg['what'] | undefined {
    return this.#what;
  }

  /** Whether nothing has happened yet. */
  get isEmpty(): boolean {
    return this.#legs.length === 0 && this.#what === undefined;
  }

  /** A leg begins. */
  begin(what: WakeLeg['what']): void {
    this.#what = what;
    this.#since = performance.now();
  }

  /** The leg that was begun has ended, with an answer (cut short for this reason, if at all), an error or well. */
  end(how?: Reply | Failure, cutShort?: string): void {
    if (this.#what === undefined) return;
    const what = this.#what;
    const ms = elapsed(this.#since);
    this.#what = undefined;
    if (how === undefined) {
      this.#legs.push({ what, ms });
    } else if ('error' in how) {
      this.#legs.push({ what, ms, error: how.error });
    } else {
      this.status = how.status;
      const { status } = how;
      this.#legs.push(cutShort === undefined ? { what, status, ms } : { what, status, ms, error: cutShort });
    }
  }

  /**
   * What it comes to for one that waited for it.
   *
   * @param unfinished what to write of a leg that is still under way.
   * @param last a leg of the caller's own behind all others.
   */
  result(
    outcome: WakeOutcome,
    since: number,
    more: { readonly unfinished?: string; readonly last?: WakeLeg; readonly inform?: InformNotice } = {},
  ): WakeResult {
    const legs = [...this.#legs];
    if (this.#what !== undefined && more.unfinished !== undefined) {
      legs.push({ what: this.#what, ms: elapsed(this.#since), error: more.unfinished });
    }
    if (more.last !== undefined) legs.push(more.last);
    const result: { -readonly [K in keyof WakeResult]: WakeResult[K] } = { outcome, legs, ms: elapsed(since) };
    if (this.status !== undefined) result.status = this.status;
    if (this.scheme !== undefined) result.scheme = this.scheme;
    if (this.algorithm !== undefined) result.algorithm = this.algorithm;
    if (this.address !== undefined) result.address = this.address;
    if (more.inform !== undefined) result.inform = more.inform;
    return result;
  }
}

/** Milliseconds since then, to a hundredth. */
export function elapsed(since: number): number {
  return Math.round((performance.now() - since) * 100) / 100;
}
