import { basicAuthorization } from '../../digest/authorization.js';
import { parseChallenges } from '../../digest/challenge.js';
import { answerDigest } from '../../digest/digest.js';
import type { DigestAlgorithm, DigestReading } from '../../digest/digest-algorithm.js';
import { chooseDigestChallenge, type DigestChallenge } from '../../digest/digest-challenge.js';
import { shortageOfCode } from '../../http/local-shortage.js';
import { CpeConnection, type Failure } from './cpe-connection.js';
import type { Credentials } from '../credentials.js';
import { dial, type DialSettings } from './dialer.js';
import { isAllowed } from '../cpe-url.js';
import type { Reply } from './reply-reader.js';
import type { WakePlace } from '../wake/wake-limits.js';
import type { WakeRecord } from '../record.js';
import type { WakeOutcome, WakeResult } from '../result.js';

/** What an attempt of any kind goes by. */
export interface AttemptSettings extends Pick<
  DialSettings,
  'origin' | 'policy' | 'tls' | 'connections' | 'timeLeft' | 'onNext'
> {
  /** The addresses that the host of the origin stands for. The next is for where none before it could be reached. */
  readonly addresses: readonly string[];
  /** Its place among all wakes. */
  readonly place: WakePlace;
  /** Called before the CPE is turned to. */
  readonly onAsk: () => void;
}

/** One attempt to wake a CPE. */
export interface Attempt {
  /** Runs it to its end, and closes its connections. Rejects only for a fault of ours or of what was plugged in. */
  run(): Promise<WakeOutcome>;
  /** Ends it at once. What has come of an answer still counts. */
  stop(reason: StopReason): void;
}

/** What an attempt with credentials goes by besides. */
export interface CredentialSettings {
  readonly allowBasic: boolean;
  readonly preferredAlgorithm: DigestAlgorithm | undefined;
  /** Asked for once the CPE has challenged. */
  readonly pairs: () => readonly Credentials[] | Promise<readonly Credentials[]>;
  /** Whether there may be none because nobody knows which device it is. */
  readonly isUnknown: () => boolean;
}

/** The first pause before another attempt, in milliseconds; each further one is twice as long, with a quarter of chance. */
export const firstPauseMs = 250;

/** Why something was ended from outside. */
export type StopReason = 'timeout' | 'aborted' | 'overloaded';

type Plan = DigestChallenge | 'basic';

/** One attempt to wake a CPE: the GET, and the GET that answers its challenge. */
export class HttpTransport implements Attempt {
  readonly #settings: AttemptSettings;
  readonly #how: CredentialSettings;
  readonly #record: WakeRecord;
  /** Those that are still to be tried; once one was reached, only that one. */
  #addresses: readonly string[];
  #connection: CpeConnection | undefined;
  /** The other of the two connections of a CPE that was asked on both. */
  #second: CpeConnection | undefined;
  #stopped: StopReason | undefined;
  #interrupt: (() => void) | undefined;

  constructor(settings: AttemptSettings, how: CredentialSettings, record: WakeRecord) {
    this.#settings = settings;
    this.#how = how;
    this.#addresses = settings.addresses;
    this.#record = record;
  }

  async run(): Promise<WakeOutcome> {
    try {
      const reply = await this.#send('request', undefined);
      if ('error' in reply) return this.#outcomeOfFailure(reply);
      if (reply.status === 401) return this.#stopped ?? (await this.#authenticate(reply));
      if (isSuccess(reply.status)) this.#note('none');
      return outcomeOfStatus(reply.status);
    } finally {
      this.#connection?.close();
      this.#second?.close();
    }
  }

  stop(reason: StopReason): void {
    this.#stopped ??= reason;
    this.#connection?.stop(reason);
    this.#second?.stop(reason);
    this.#interrupt?.();
  }

  async #authenticate(first: Reply): Promise<WakeOutcome> {
    const challenged = this.#choose(first);
    if (challenged === undefined) {
      if (offersBasic(first)) this.#record.scheme = 'basic';
      return 'scheme-unsupported';
    }
    this.#note(challenged);
    const pairs = await this.#askForPairs();
    if (this.#stopped !== undefined) return this.#stopped;
    if (pairs.length === 0) return this.#how.isUnknown() ? 'unknown' : 'no-credentials';
    let plan: Plan = challenged;
    let renewed = false;
    let reading: DigestReading = 'standard';
    let nonceCount = 1;
    for (let index = 0; ;) {
      const pair = pairs[index];
      if (pair === undefined) return 'credentials-refused';
      const connection = this.#connection;
      const reply = await this.#send('answer', this.#authorization(plan, pair, reading, nonceCount));
      if ('error' in reply) return this.#outcomeOfFailure(reply);
      if (reply.status !== 401) return outcomeOfStatus(reply.status);
      if (this.#stopped !== undefined) return this.#stopped;
      const next: Plan = this.#choose(reply) ?? plan;
      // The secret was not refused if the nonce was too old, known on another connection only, or replaced by the one for
      // the second connection.
      const moved =
        (this.#connection !== connection && this.#connection?.reusable === true) || this.#second !== undefined;
      if (!renewed && next !== 'basic' && plan !== 'basic' && (next.stale || (moved && next.nonce !== plan.nonce))) {
        renewed = true;
      } else if (reading === 'standard' && plan !== 'basic' && hasTwoReadings(plan.algorithm)) {
        reading = 'as-printed';
      } else {
        reading = 'standard';
        index += 1;
      }
      nonceCount = next !== 'basic' && plan !== 'basic' && next.nonce === plan.nonce ? nonceCount + 1 : 1;
      plan = next;
    }
  }

  /** Sends a request on the connection that stands, else on a fresh one; once more when a CPE drops it unanswered. */
  async #send(what: 'request' | 'answer', authorization: string | undefined): Promise<Reply | Failure> {
    const { place } = this.#settings;
    let dialled = 0;
    for (;;) {
      if (this.#connection?.reusable !== true) {
        const failure = await this.#dial();
        if (failure !== undefined) return failure;
        dialled += 1;
      }
      const turn = place.talk();
      if (turn !== undefined) await waitForTurn(this.#record, turn, () => this.#stopped !== undefined);
      const connection = this.#connection;
      if (this.#stopped !== undefined || connection === undefined) return { error: this.#stopped ?? 'closed' };
      this.#record.begin(what);
      const isFirst = what === 'request' && dialled === 1;
      const end = await (isFirst ? this.#askPatiently(connection) : connection.get(authorization));
      if (!('error' in end)) place.answered();
      // Of an answer that was cut short only the status counts, and a 401 needs more than that.
      const isCut = this.#stopped !== undefined && !('error' in end) && end.status === 401;
      this.#record.end(end, isCut ? this.#stopped : undefined);
      if (!('error' in end) || this.#stopped !== undefined) return end;
      // On a connection that was used before anything may be in the way; on a fresh one only a drop is worth a second.
      if (dialled > 1 || (dialled === 1 && connection.answering) || (isFirst && this.#second !== undefined)) return end;
    }
  }

  /**
   * Sends the first request. A CPE that stays silent for half the time that is left may have lost it, as some do, or may
   * be slow: it is asked on a second connection too, and the first answer counts, whichever it comes on.
   */
  async #askPatiently(first: CpeConnection): Promise<Reply | Failure> {
    const answer = first.get(undefined);
    const [address] = this.#addresses;
    if (address === undefined || !(await this.#isSilent(first, answer))) return answer;
    const { origin, policy, tls, connections } = this.#settings;
    if (!isAllowed(policy, origin, address)) return answer;
    this.#record.end({ error: 'silent' });
    this.#record.begin('request');
    const second = new CpeConnection(origin, address, tls, connections);
    this.#second = second;
    const secondAnswer = second.open().then((failure) => failure ?? second.get(undefined));
    const { connection, end } = await firstReply([first, answer], [second, secondAnswer]);
    this.#connection = connection;
    this.#second = connection === first ? second : first;
    this.#second.close();
    return end;
  }

  #isSilent(connection: CpeConnection, answer: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve) => {
      const half = Math.ceil(this.#settings.timeLeft() / 2);
      const timer = setTimeout(() => resolve(!connection.answering), half).unref();
      void answer.then(() => {
        clearTimeout(timer);
        resolve(false);
      });
    });
  }

  /** Connects to the first of the addresses that can be reached; from then on to no other. */
  async #dial(): Promise<Failure | undefined> {
    this.#connection?.close();
    const { origin, policy, tls, connections, timeLeft, place, onAsk, onNext } = this.#settings;
    const room = place.connect();
    if (room !== undefined) await waitForTurn(this.#record, room, () => this.#stopped !== undefined);
    if (this.#stopped !== undefined) return { error: this.#stopped };
    onAsk();
    // One literal: options that begin with a copy are slow to read (ARCHITECTURE.md).
    const reached = await dial(this.#addresses, {
      origin,
      policy,
      tls,
      connections,
      timeLeft,
      onNext,
      onAsk,
      record: this.#record,
      onConnection: (connection) => {
        this.#connection = connection;
      },
      isStopped: () => this.#stopped !== undefined,
    });
    if ('error' in reached) return reached;
    this.#addresses = [reached.address];
    return undefined;
  }

  async #askForPairs(): Promise<readonly Credentials[]> {
    const given = this.#how.pairs();
    if (!(given instanceof Promise)) return given;
    this.#record.begin('credentials');
    const pairs = await new Promise<readonly Credentials[] | undefined>((resolve) => {
      this.#interrupt = () => resolve(undefined);
      void given.then(resolve);
    });
    this.#interrupt = undefined;
    this.#record.end(pairs === undefined ? { error: this.#stopped ?? 'aborted' } : undefined);
    return pairs ?? [];
  }

  #choose(reply: Reply): Plan | undefined {
    const digest = chooseDigestChallenge(parseChallenges(reply.challenges), this.#how.preferredAlgorithm);
    return digest ?? (this.#how.allowBasic && offersBasic(reply) ? 'basic' : undefined);
  }

  #note(plan: Plan | 'none'): void {
    this.#record.scheme = typeof plan === 'string' ? plan : 'digest';
    this.#record.algorithm = typeof plan === 'string' ? undefined : plan.algorithm;
  }

  #authorization(plan: Plan, pair: Credentials, reading: DigestReading, nonceCount: number): string {
    this.#note(plan);
    const { username, password } = pair;
    if (plan === 'basic') return basicAuthorization(username, password);
    return answerDigest(plan, {
      username,
      password,
      method: 'GET',
      uri: this.#settings.origin.target,
      reading,
      nonceCount,
    });
  }

  #outcomeOfFailure(failure: Failure): WakeOutcome {
    return this.#stopped ?? outcomeOfFailure(failure);
  }
}

/** Waits for a place among all wakes, which is a leg of its own. */
export async function waitForTurn(record: WakeRecord, turn: Promise<void>, isStopped: () => boolean): Promise<void> {
  record.begin('turn');
  await turn;
  if (!isStopped()) record.end();
}

/** The connection that answers first; when none does, the one that failed last. */
function firstReply(
  ...asked: readonly (readonly [CpeConnection, Promise<Reply | Failure>])[]
): Promise<{ readonly connection: CpeConnection; readonly end: Reply | Failure }> {
  return new Promise((resolve) => {
    let pending = asked.length;
    for (const [connection, answer] of asked) {
      void answer.then((end) => {
        pending -= 1;
        if (!('error' in end) || pending === 0) resolve({ connection, end });
      });
    }
  });
}

function offersBasic(reply: Reply): boolean {
  return parseChallenges(reply.challenges).some(({ scheme }) => scheme.toLowerCase() === 'basic');
}

function isSuccess(status: number): boolean {
  return status === 200 || status === 204;
}

/** The outcome that a final status of a CPE comes to. */
export function outcomeOfStatus(status: number): WakeOutcome {
  return isSuccess(status) ? 'accepted' : status === 503 ? 'busy' : 'refused';
}

/** Whether a CPE was given credentials and did not take them; some say 403. */
export function hasRefusedCredentials({ outcome, status, scheme }: WakeResult): boolean {
  if (outcome === 'credentials-refused') return true;
  return outcome === 'refused' && status === 403 && (scheme === 'digest' || scheme === 'basic');
}

/** The outcome that a name without an address, or a connection that cannot be made or brings no answer, comes to. */
export function outcomeOfFailure(failure: Failure): WakeOutcome {
  if (failure.error === 'forbidden') return 'forbidden';
  if (shortageOfCode(failure.error) !== undefined) return 'overloaded';
  return failure.unreached === true ? 'unreachable' : 'protocol-error';
}

function hasTwoReadings(algorithm: DigestAlgorithm): boolean {
  return algorithm === 'MD5-sess' || algorithm === 'SHA-512-256' || algorithm === 'SHA-512-256-sess';
}
