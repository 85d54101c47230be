import type { WakePolicy } from '../url/wake-policy.js';
import { CpeConnection, type Failure, type WakeTls } from './cpe-connection.js';
import type { OpenConnections } from './open-connections.js';
import { isAllowed, type Origin } from './origin.js';
import type { Reply } from './reply-reader.js';
import { literalAddress, resolveHost } from './resolve-host.js';
import type { WakeRecord } from './wake-record.js';
import type { WakeOutcome } from './wake-result.js';

/** What a {@link RelayLeg} goes by. */
export interface RelayLegOptions {
  /** Asked before each connection. */
  readonly policy?: WakePolicy;
  readonly tls?: WakeTls;
}

/** One GET to a CPE, on a connection that was held or a fresh one. */
export class RelayLeg {
  readonly #origin: Origin;
  readonly #options: RelayLegOptions;
  readonly #record: WakeRecord;
  readonly #open: OpenConnections;
  #connection: CpeConnection | undefined;
  #stopped: 'timeout' | 'aborted' | undefined;
  #interrupt: (() => void) | undefined;

  /** @param open All connections that are open. */
  constructor(origin: Origin, options: RelayLegOptions, record: WakeRecord, open: OpenConnections) {
    this.#origin = origin;
    this.#options = options;
    this.#record = record;
    this.#open = open;
  }

  /** Ends it at once. What has come of an answer still counts. */
  stop(reason: 'timeout' | 'aborted'): void {
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
    const { target, authority } = this.#origin;
    const text =
      `GET ${target} HTTP/1.1\r\nHost: ${authority}\r\n` +
      (authorization === undefined ? '' : `Authorization: ${authorization}\r\n`) +
      'User-Agent: cwmp-proxy\r\n\r\n';
    if (held !== undefined) {
      this.#connection = held;
      if (held.reusable) {
        const reply = await this.#request(held, text, authorization);
        // A CPE that drops the connection between the legs has not read the answer; one that was slow may have.
        if (!('error' in reply) || this.#stopped !== undefined || held.answering) return reply;
      }
      this.release()?.close();
    }
    const address = await this.#address();
    if (typeof address !== 'string') return { ...address, unreached: true };
    this.#record.address = address;
    this.#record.begin('connect');
    const connection = new CpeConnection(this.#origin, address, this.#options.tls, this.#open);
    this.#connection = connection;
    const failure = await connection.open();
    this.#record.end(failure);
    if (failure !== undefined) return { ...failure, unreached: true };
    return this.#request(connection, text, authorization);
  }

  /** What a failure comes to. */
  outcomeOfFailure(failure: Failure): WakeOutcome {
    if (this.#stopped !== undefined) return this.#stopped;
    if (failure.error === 'forbidden') return 'forbidden';
    return failure.unreached === true ? 'unreachable' : 'protocol-error';
  }

  async #request(connection: CpeConnection, text: string, authorization: string | undefined): Promise<Reply | Failure> {
    this.#record.begin(authorization === undefined ? 'request' : 'answer');
    const reply = await connection.exchange(text);
    this.#record.end(reply);
    return reply;
  }

  async #address(): Promise<string | Failure> {
    const { policy } = this.#options;
    let address: string | Failure | undefined = literalAddress(this.#origin);
    if (address === undefined) {
      this.#record.begin('resolve');
      address = await new Promise<string | Failure>((resolve) => {
        this.#interrupt = () => resolve({ error: this.#stopped ?? 'aborted' });
        void resolveHost(this.#origin, policy).then(resolve);
      });
      this.#interrupt = undefined;
      this.#record.end(typeof address === 'string' ? undefined : address);
    }
    if (this.#stopped !== undefined) return { error: this.#stopped };
    if (typeof address === 'string' && !isAllowed(policy, this.#origin, address)) return { error: 'forbidden' };
    return address;
  }
}
