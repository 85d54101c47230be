import type { WakePolicy } from '../url/wake-policy.js';
import type { CpeConnection, Failure, WakeTls } from './cpe-connection.js';
import { dial } from './dial.js';
import type { OpenConnections } from './open-connections.js';
import type { Origin } from './origin.js';
import type { Reply } from './reply-reader.js';
import { literalAddress, resolveAddresses } from './resolve-host.js';
import type { StopReason } from './wake-attempt.js';
import type { WakeRecord } from './wake-record.js';

/** What a {@link RelayLeg} goes by. */
export interface RelayLegOptions {
  /** Asked before each connection. */
  readonly policy?: WakePolicy;
  readonly tls?: WakeTls;
  /** Longest time for one request of an ACS, in milliseconds. */
  readonly timeoutMs: number;
}

/** One GET to a CPE, on a connection that was held or a fresh one. */
export class RelayLeg {
  readonly #origin: Origin;
  readonly #options: RelayLegOptions;
  readonly #record: WakeRecord;
  readonly #open: OpenConnections;
  readonly #until: number;
  #connection: CpeConnection | undefined;
  #stopped: StopReason | undefined;
  #interrupt: (() => void) | undefined;

  /** @param open All connections that are open. */
  constructor(origin: Origin, options: RelayLegOptions, record: WakeRecord, open: OpenConnections) {
    this.#origin = origin;
    this.#options = options;
    this.#record = record;
    this.#open = open;
    this.#until = performance.now() + options.timeoutMs;
  }

  /** Ends it at once. What has come of an answer still counts. */
  stop(reason: StopReason): void {
    this.#stopped ??= reason;
    this.#connection?.stop(reason);
    this.#interrupt?.();
  }

  /** Hands the connection over to the caller. */
  release(): CpeConnection | undefined {
    const connection = this.#connection;
    this.#connection = undefined;
    return connection;
  }

  /**
   * Sends the GET and resolves with the answer or what came instead. Never rejects.
   *
   * @param held The connection that the challenge came on.
   */
  async send(authorization: string | undefined, held: CpeConnection | undefined): Promise<Reply | Failure> {
    if (held !== undefined) {
      this.#connection = held;
      if (held.reusable) {
        const reply = await this.#request(held, authorization);
        // A CPE that drops the connection between the legs has not read the answer; one that was slow may have.
        if (!('error' in reply) || this.#stopped !== undefined || held.answering) return reply;
      }
      this.release()?.close();
    }
    // The answer goes to the address that has asked for it.
    const addresses = held === undefined ? await this.#addresses() : [held.address];
    if (!Array.isArray(addresses)) return { ...addresses, unreached: true };
    const { policy, tls } = this.#options;
    const connection = await dial(addresses, {
      origin: this.#origin,
      policy,
      tls,
      connections: this.#open,
      record: this.#record,
      timeLeft: () => this.#until - performance.now(),
      onConnection: (dialled) => {
        this.#connection = dialled;
      },
      isStopped: () => this.#stopped !== undefined,
    });
    return 'error' in connection ? connection : this.#request(connection, authorization);
  }

  /** Why it was ended from outside, if it was. */
  get stopped(): StopReason | undefined {
    return this.#stopped;
  }

  async #request(connection: CpeConnection, authorization: string | undefined): Promise<Reply | Failure> {
    this.#record.address = connection.address;
    this.#record.begin(authorization === undefined ? 'request' : 'answer');
    const reply = await connection.get(authorization);
    this.#record.end(reply);
    return reply;
  }

  async #addresses(): Promise<string[] | Failure> {
    const literal = literalAddress(this.#origin);
    if (literal !== undefined) return [literal];
    this.#record.begin('resolve');
    const found = await new Promise<string[] | Failure>((resolve) => {
      this.#interrupt = () => resolve({ error: this.#stopped ?? 'aborted' });
      void resolveAddresses(this.#origin, this.#options.policy).then(resolve);
    });
    this.#interrupt = undefined;
    this.#record.end(Array.isArray(found) ? undefined : found);
    return found;
  }
}
