import { randomBytes } from 'node:crypto';
import { OpenConnections } from './open-connections.js';
import { type Origin, parseOrigin } from './origin.js';
import { readAnswer, relayable, relayedAnswer, relayedChallenge } from './relay-fields.js';
import { RelayLeg, type RelayLegOptions } from './relay-leg.js';
import { RelayTable } from './relay-table.js';
import { outcomeOfFailure, outcomeOfStatus } from './wake-attempt.js';
import { WakeRecord } from './wake-record.js';
import type { WakeEvent, WakeOutcome, WakeResult } from './wake-result.js';

/** Options of {@link Relay}. */
export interface RelayOptions extends RelayLegOptions {
  /** Most challenges, and connections with them, that are held at once. Default 256. */
  readonly maxHeld?: number;
  /** How long a challenge is held for its answer, in milliseconds. Default 5 000. */
  readonly heldMs?: number;
  /** Told about each wake as it ends. Must not throw. */
  readonly onWake?: (event: WakeEvent) => void;
}

/** What came of a request that was relayed. */
export type RelayAnswer = {
  /** Whether the CPE has refused the answer of the ACS just now. */
  readonly refused: boolean;
} & (
  | {
      /** The CPE asks for credentials. */
      readonly challenge: string;
    }
  | {
      readonly challenge?: undefined;
      /** How the wake ended; `scheme-unsupported` where the CPE's challenge cannot be relayed. */
      readonly result: WakeResult;
    }
);

/**
 * Digest end to end between an ACS and a CPE, without a secret in between (RFC 7616 §3.6): the CPE's challenge goes to the ACS,
 * the ACS's answer to the CPE, on the same connection if it still stands. What is relayed is MD5 with `auth` or no qop, which
 * every ACS can answer; several challenges become one, `auth-int` goes, and the fields are put as the pickiest CPE wants them.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #table: RelayTable;
  readonly #connections = new OpenConnections();
  readonly #maxRunning: number;
  readonly #idPrefix = randomBytes(4).toString('hex');
  readonly #legs = new Set<RelayLeg>();
  #count = 0;
  #closed = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#maxRunning = options.maxHeld ?? 256;
    this.#table = new RelayTable(this.#maxRunning, options.heldMs ?? 5_000);
  }

  /**
   * Hands on one request. Never rejects.
   *
   * @param authorization The ACS's answer to an earlier challenge; none the first time.
   */
  async ask(origin: string, authorization: string | undefined, signal: AbortSignal): Promise<RelayAnswer> {
    const record = new WakeRecord();
    const since = performance.now();
    const end = (outcome: WakeOutcome, refused = false): RelayAnswer => {
      const result = record.result(outcome, since);
      this.#count += 1;
      this.#options.onWake?.({ id: `${this.#idPrefix}-${this.#count}`, origin, ...result });
      return { result, refused };
    };
    const parsed = parseOrigin(origin);
    if (parsed === undefined) return end('bad-origin');
    if (this.#closed || signal.aborted) return end('aborted');
    if (this.#legs.size >= this.#maxRunning) return end('overloaded');
    return this.#exchange(parsed, authorization, signal, record, end);
  }

  /** Ends all as `aborted`, and closes all connections. */
  close(): void {
    this.#closed = true;
    for (const leg of this.#legs) leg.stop('aborted');
    this.#table.close();
    this.#connections.close();
  }

  /** Whether a connection from this address and port is one of its own. */
  isOwnEnd(address: string | undefined, port: number | undefined): boolean {
    return this.#connections.isOwn(address, port);
  }

  async #exchange(
    origin: Origin,
    authorization: string | undefined,
    signal: AbortSignal,
    record: WakeRecord,
    end: (outcome: WakeOutcome, refused?: boolean) => RelayAnswer,
  ): Promise<RelayAnswer> {
    const given = authorization === undefined ? undefined : readAnswer(authorization);
    const held = given === undefined ? undefined : this.#table.take(origin.key, given.nonce);
    const leg = new RelayLeg(origin, this.#options, record, this.#connections);
    this.#legs.add(leg);
    const stop = (): void => leg.stop('aborted');
    const timer = setTimeout(() => leg.stop('timeout'), this.#options.timeoutMs).unref();
    signal.addEventListener('abort', stop);
    try {
      const answer = given === undefined ? undefined : relayedAnswer(given, held?.challenge);
      const reply = await leg.send(answer, held?.connection);
      if ('error' in reply) return end(leg.stopped ?? outcomeOfFailure(reply));
      if (reply.status !== 401) {
        record.scheme = given === undefined ? 'none' : 'digest';
        return end(outcomeOfStatus(reply.status), given !== undefined && reply.status === 403);
      }
      const challenge = relayable(reply);
      if (challenge === undefined) {
        return given === undefined ? end('scheme-unsupported') : end('credentials-refused', true);
      }
      record.scheme = 'digest';
      record.algorithm = challenge.algorithm;
      const connection = leg.release();
      if (connection !== undefined && !this.#closed) this.#table.hold(origin.key, { challenge, connection });
      const refused = given !== undefined && !challenge.stale;
      if (refused) end('credentials-refused');
      return { challenge: relayedChallenge(challenge), refused };
    } finally {
      this.#legs.delete(leg);
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      leg.release()?.close();
    }
  }
}
