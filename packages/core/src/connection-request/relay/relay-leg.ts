import type { DigestAuthorization } from '../../digest/authorization.js';
import type { CpeConnection, Failure } from '../transports/cpe-connection.js';
import { dial } from '../transports/dialer.js';
import { cpeKey } from '../cpe-url.js';
import type { RelayTable } from './held-challenges.js';
import { relayable, relayedAnswer } from './relay-fields.js';
import type { Reply } from '../transports/reply-reader.js';
import {
  type Attempt,
  type AttemptSettings,
  outcomeOfFailure,
  outcomeOfStatus,
  type StopReason,
  waitForTurn,
} from '../transports/http-transport.js';
import type { WakeRecord } from '../record.js';
import type { WakeOutcome } from '../result.js';

/** What a {@link RelayAttempt} hands on. */
export interface RelayedRequest {
  /** The ACS's answer to an earlier challenge; none the first time. */
  readonly given: DigestAuthorization | undefined;
  readonly table: RelayTable;
  /** For whom the connection is good, see {@link channelOf}. */
  readonly channel: string;
  /** Whether another challenge of the CPE that is held makes room for this. */
  readonly replaces: boolean;
  /** Called when the CPE has accepted an answer to a challenge that was held. */
  readonly onProven: () => void;
}

/** Hands one GET of an ACS on to a CPE, on the connection that its challenge came on or a fresh one. */
export class RelayAttempt implements Attempt {
  readonly #settings: AttemptSettings;
  readonly #record: WakeRecord;
  readonly #relayed: RelayedRequest;
  #isProof = false;
  #connection: CpeConnection | undefined;
  #stopped: StopReason | undefined;

  constructor(settings: AttemptSettings, record: WakeRecord, relayed: RelayedRequest) {
    this.#settings = settings;
    this.#record = record;
    this.#relayed = relayed;
  }

  /** A challenge that can be handed to the ACS is `no-credentials`, and stands in the record. */
  async run(): Promise<WakeOutcome> {
    try {
      const reply = await this.#send();
      if ('error' in reply) return this.#stopped ?? outcomeOfFailure(reply);
      const { given, table, channel, replaces, onProven } = this.#relayed;
      const isAnswer = given !== undefined;
      if (reply.status !== 401) {
        this.#record.scheme = isAnswer ? 'digest' : 'none';
        const outcome = outcomeOfStatus(reply.status);
        if (this.#isProof && outcome === 'accepted') onProven();
        return outcome;
      }
      if (this.#stopped !== undefined) return this.#stopped;
      const challenge = relayable(reply);
      if (challenge === undefined) return isAnswer ? 'credentials-refused' : 'scheme-unsupported';
      this.#record.scheme = 'digest';
      this.#record.algorithm = challenge.algorithm;
      this.#record.challenge = challenge;
      if (this.#connection !== undefined) {
        const cpe = cpeKey(this.#settings.origin, this.#connection.address);
        table.hold(cpe, { challenge, connection: this.#connection, channel }, replaces);
        this.#connection = undefined;
      }
      return isAnswer && !challenge.stale ? 'credentials-refused' : 'no-credentials';
    } finally {
      this.#connection?.close();
    }
  }

  stop(reason: StopReason): void {
    this.#stopped ??= reason;
    this.#connection?.stop(reason);
  }

  async #send(): Promise<Reply | Failure> {
    const { origin, addresses, policy, tls, connections, timeLeft, place, onAsk, onNext } = this.#settings;
    const { given, table, channel, replaces } = this.#relayed;
    const held = given && table.take(cpeKey(origin, addresses[0] ?? ''), channel, given.nonce);
    this.#isProof = held !== undefined;
    const authorization = given && relayedAnswer(given, held?.challenge);
    if (held !== undefined) {
      this.#connection = held.connection;
      if (held.connection.reusable) {
        const reply = await this.#request(held.connection, authorization);
        // A CPE that drops the connection between the legs has not read the answer; one that was slow may have.
        if (!('error' in reply) || this.#stopped !== undefined || held.connection.answering) return reply;
      }
      held.connection.close();
    }
    const room = place.connect();
    if (room !== undefined) await waitForTurn(this.#record, room, () => this.#stopped !== undefined);
    if (this.#stopped !== undefined) return { error: this.#stopped };
    if (replaces) onAsk();
    // The answer goes to the address that has asked for it.
    const connection = await dial(held === undefined ? addresses : [held.connection.address], {
      origin,
      policy,
      tls,
      connections,
      record: this.#record,
      timeLeft,
      onNext,
      onAsk: replaces ? onAsk : undefined,
      onConnection: (dialled) => {
        this.#connection = dialled;
      },
      isStopped: () => this.#stopped !== undefined,
    });
    return 'error' in connection ? connection : this.#request(connection, authorization);
  }

  async #request(connection: CpeConnection, authorization: string | undefined): Promise<Reply | Failure> {
    const { place } = this.#settings;
    this.#record.address = connection.address;
    const turn = place.talk();
    if (turn !== undefined) await waitForTurn(this.#record, turn, () => this.#stopped !== undefined);
    if (this.#stopped !== undefined) return { error: this.#stopped };
    this.#record.begin(authorization === undefined ? 'request' : 'answer');
    const reply = await connection.get(authorization);
    if (!('error' in reply)) place.answered();
    this.#record.end(reply);
    return reply;
  }
}
