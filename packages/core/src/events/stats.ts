import type { BackendFigures } from '../backends/backend.js';
import type { WakeOutcome } from '../connection-request/result.js';
import type { CwmpProxyErrorCode } from '../errors.js';
import type { EventListeners, WarningCode } from './events.js';
import type { SessionEnd } from '../sessions/session.js';
import type { RewriteOutcome } from '../soap/message.js';

/** How often each of a few things has happened; what has not happened is absent. */
export type Counts<Name extends string> = { readonly [Each in Name]?: number };

/** What a proxy is doing and has done since it was made. Counts only grow; a difference of two moments is a rate. */
export interface ProxyStats {
  /** Since when is counted. */
  since: Date;
  /** CWMP sessions. */
  sessions: {
    /** Open now. */
    open: number;
    /** Begun so far. */
    started: number;
    /** Ended so far, by reason. */
    ended: Counts<SessionEnd>;
  };
  /** CWMP messages of CPEs so far, by what became of the URLs in them. */
  messages: Counts<RewriteOutcome>;
  /** Requests of CPEs that a backend has answered. */
  exchanges: number;
  /** Wakes so far, by outcome. */
  wakes: Counts<WakeOutcome>;
  /** Bytes that bodies and their coders hold now, see `limits.maxHeldTotalBytes`. */
  heldBytes: number;
  /** Exchanges that failed, by code. */
  failures: Counts<CwmpProxyErrorCode>;
  /** Warnings so far, by code. */
  warnings: Counts<WarningCode>;
  /** Every backend with its figures of this moment. */
  backends: readonly BackendFigures[];
}

/** Counts the events of a proxy. */
export class Tally {
  readonly #since = new Date();
  #started = 0;
  #exchanges = 0;
  readonly #ended = new Map<SessionEnd, number>();
  readonly #messages = new Map<RewriteOutcome, number>();
  readonly #wakes = new Map<WakeOutcome, number>();
  readonly #failures = new Map<CwmpProxyErrorCode, number>();
  readonly #warnings = new Map<WarningCode, number>();

  /** Counts an event. */
  readonly count: EventListeners = {
    sessionStart: () => (this.#started += 1),
    exchange: () => (this.#exchanges += 1),
    sessionEnd: ({ why }) => count(this.#ended, why),
    message: ({ message }) => count(this.#messages, message.outcome),
    wake: ({ outcome }) => count(this.#wakes, outcome),
    failure: ({ error }) => count(this.#failures, error.code),
    warning: ({ code }) => count(this.#warnings, code),
  };

  /** All of it as one plain object. */
  stats(open: number, heldBytes: number, backends: readonly BackendFigures[]): ProxyStats {
    return {
      since: this.#since,
      sessions: { open, started: this.#started, ended: counts(this.#ended) },
      messages: counts(this.#messages),
      exchanges: this.#exchanges,
      wakes: counts(this.#wakes),
      heldBytes,
      failures: counts(this.#failures),
      warnings: counts(this.#warnings),
      backends,
    };
  }
}

function count<Name extends string>(tally: Map<Name, number>, name: Name): void {
  tally.set(name, (tally.get(name) ?? 0) + 1);
}

function counts<Name extends string>(tally: ReadonlyMap<Name, number>): Counts<Name> {
  const plain: { [Each in Name]?: number } = {};
  for (const [name, number] of tally) plain[name] = number;
  return plain;
}
