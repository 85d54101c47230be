import { randomBytes } from 'node:crypto';
import { type DigestAuthorization, formatDigestAuthorization, readDigestAuthorization } from '../auth/authorization.js';
import { parseChallenges, quote } from '../auth/challenge.js';
import { type DigestChallenge, readDigestChallenge } from '../auth/digest-challenge.js';
import type { WakePolicy } from '../url/wake-policy.js';
import { CpeConnection, type Failure, type WakeTls } from './cpe-connection.js';
import { isAllowed, type Origin, parseOrigin } from './origin.js';
import { RelayTable } from './relay-table.js';
import type { Reply } from './reply-reader.js';
import { literalAddress, resolveHost } from './resolve-host.js';
import { outcomeOfStatus } from './wake-attempt.js';
import { WakeRecord } from './wake-record.js';
import type { WakeEvent, WakeOutcome, WakeResult } from './wake-result.js';

/** Options of {@link Relay}. */
export interface RelayOptions {
  readonly policy?: WakePolicy;
  readonly tls?: WakeTls;
  /** Longest time for one request of an ACS, in milliseconds. */
  readonly timeoutMs: number;
  /** Most challenges, and connections with them, that are held at once. Default 256. */
  readonly maxHeld?: number;
  /** How long a challenge is held for its answer, in milliseconds. Default 5 000. */
  readonly heldMs?: number;
  /** Told about each wake as it ends. Must not throw. */
  readonly onWake?: (event: WakeEvent) => void;
}

/** What came of a request that was relayed. */
export type RelayAnswer =
  | {
      /** The CPE asks for credentials. */
      readonly challenge: string;
      /** Whether it has refused some just now. */
      readonly refused: boolean;
    }
  | {
      readonly challenge?: undefined;
      /** How the wake ended; `scheme-unsupported` where the CPE's challenge cannot be relayed. */
      readonly result: WakeResult;
    };

/**
 * Digest end to end between an ACS and a CPE, without a secret in between (RFC 7616 §3.6): the CPE's challenge goes to the ACS,
 * the ACS's answer to the CPE, on the same connection if it still stands. What is relayed is MD5 with `auth` or no qop, which
 * every ACS can answer; several challenges become one, `auth-int` goes, and the fields are put as the pickiest CPE wants them.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #table: RelayTable;
  readonly #running = new Set<CpeConnection>();
  readonly #maxRunning: number;
  readonly #idPrefix = randomBytes(4).toString('hex');
  #count = 0;
  #pending = 0;
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
    const end = (outcome: WakeOutcome): RelayAnswer => {
      const result = record.result(outcome, since);
      this.#count += 1;
      this.#options.onWake?.({ id: `${this.#idPrefix}-${this.#count}`, origin, ...result });
      return { result };
    };
    const parsed = parseOrigin(origin);
    if (parsed === undefined) return end('bad-origin');
    if (this.#closed || signal.aborted) return end('aborted');
    if (this.#pending >= this.#maxRunning) return end('overloaded');
    this.#pending += 1;
    try {
      return await this.#exchange(parsed, authorization, signal, record, end);
    } finally {
      this.#pending -= 1;
    }
  }

  /** Closes all connections. */
  close(): void {
    this.#closed = true;
    this.#table.close();
    for (const connection of this.#running) connection.stop('aborted');
  }

  async #exchange(
    origin: Origin,
    authorization: string | undefined,
    signal: AbortSignal,
    record: WakeRecord,
    end: (outcome: WakeOutcome) => RelayAnswer,
  ): Promise<RelayAnswer> {
    const given = authorization === undefined ? undefined : readAnswer(authorization);
    const held = given === undefined ? undefined : this.#table.take(origin.key, given.nonce);
    const leg = new RelayLeg(origin, this.#options, record, this.#running);
    const stop = (): void => leg.stop('aborted');
    const timer = setTimeout(() => leg.stop('timeout'), this.#options.timeoutMs).unref();
    signal.addEventListener('abort', stop);
    try {
      const answer = given === undefined ? undefined : relayedAnswer(given, held?.challenge);
      const reply = await leg.send(answer, held?.connection);
      if ('error' in reply) return end(leg.outcomeOfFailure(reply));
      if (reply.status !== 401) {
        record.scheme = given === undefined ? 'none' : 'digest';
        return end(outcomeOfStatus(reply.status));
      }
      const challenge = relayable(reply);
      if (challenge === undefined) return end('scheme-unsupported');
      record.scheme = 'digest';
      record.algorithm = challenge.algorithm;
      const connection = leg.release();
      if (connection !== undefined && !this.#closed) this.#table.hold(origin.key, { challenge, connection });
      const refused = given !== undefined && !challenge.stale;
      if (refused) end('credentials-refused');
      return { challenge: relayedChallenge(challenge), refused };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      leg.release()?.close();
    }
  }
}

/** One GET to a CPE, on a connection that was held or a fresh one. */
class RelayLeg {
  readonly #origin: Origin;
  readonly #options: RelayOptions;
  readonly #record: WakeRecord;
  readonly #running: Set<CpeConnection>;
  #connection: CpeConnection | undefined;
  #stopped: 'timeout' | 'aborted' | undefined;
  #interrupt: (() => void) | undefined;

  constructor(origin: Origin, options: RelayOptions, record: WakeRecord, running: Set<CpeConnection>) {
    this.#origin = origin;
    this.#options = options;
    this.#record = record;
    this.#running = running;
  }

  stop(reason: 'timeout' | 'aborted'): void {
    this.#stopped ??= reason;
    this.#connection?.stop(reason);
    this.#interrupt?.();
  }

  /** Hands the connection over to the caller. */
  release(): CpeConnection | undefined {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) this.#running.delete(connection);
    return connection;
  }

  async send(authorization: string | undefined, held: CpeConnection | undefined): Promise<Reply | Failure> {
    const { target, authority } = this.#origin;
    const text =
      `GET ${target} HTTP/1.1\r\nHost: ${authority}\r\n` +
      (authorization === undefined ? '' : `Authorization: ${authorization}\r\n`) +
      'User-Agent: cwmp-proxy\r\n\r\n';
    if (held !== undefined) {
      this.#own(held);
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
    const connection = new CpeConnection(this.#origin, address, this.#options.tls);
    this.#own(connection);
    const failure = await connection.open();
    this.#record.end(failure);
    if (failure !== undefined) return { ...failure, unreached: true };
    return this.#request(connection, text, authorization);
  }

  outcomeOfFailure(failure: Failure): WakeOutcome {
    if (this.#stopped !== undefined) return this.#stopped;
    if (failure.error === 'forbidden') return 'forbidden';
    return failure.unreached === true ? 'unreachable' : 'protocol-error';
  }

  #own(connection: CpeConnection): void {
    this.#connection = connection;
    this.#running.add(connection);
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

/** An answer to a challenge; nothing where its tokens are none, which could say more to the CPE than they seem to. */
function readAnswer(authorization: string): DigestAuthorization | undefined {
  const given = readDigestAuthorization(authorization);
  if (given === undefined) return undefined;
  const { qop = '', nc = '', cnonce = '', algorithm = '', response } = given;
  const tokens = [qop, nc, algorithm, response];
  return tokens.every((token) => /^[\w-]*$/.test(token)) && !/["\\]/.test(cnonce) ? given : undefined;
}

/** The CPE's challenge that any ACS can answer, if there is one. */
function relayable(reply: Reply): DigestChallenge | undefined {
  for (const one of parseChallenges(reply.challenges)) {
    const challenge = readDigestChallenge(one);
    if (challenge?.algorithm === 'MD5' && challenge.qop !== 'auth-int' && !challenge.userhash) return challenge;
  }
  return undefined;
}

/** Realm, nonce and opaque as the CPE wrote them, with commas between, `auth` alone, and the algorithm only if it was named. */
function relayedChallenge({ realm, nonce, opaque, qop, algorithmName, stale }: DigestChallenge): string {
  let field = `Digest realm=${quote(realm)}, nonce=${quote(nonce)}`;
  if (qop !== undefined) field += ', qop="auth"';
  if (opaque !== undefined) field += `, opaque=${quote(opaque)}`;
  if (algorithmName !== undefined) field += ', algorithm=MD5';
  return stale ? `${field}, stale=true` : field;
}

/** The ACS's answer as the CPE wants it: nothing it has not asked for (ucwmp), an opaque that it knows. */
function relayedAnswer(given: DigestAuthorization, challenge: DigestChallenge | undefined): string {
  const { username, realm, nonce, uri, response, qop, nc, cnonce } = given;
  const algorithm = challenge === undefined ? given.algorithm : challenge.algorithmName;
  const opaque = challenge === undefined ? given.opaque : challenge.opaque;
  return formatDigestAuthorization({
    username,
    realm,
    nonce,
    uri,
    response,
    ...(algorithm !== undefined && { algorithm }),
    ...(opaque !== undefined && opaque !== '' && { opaque }),
    ...(qop !== undefined &&
      qop !== '' && { qop, ...(nc !== undefined && { nc }), ...(cnonce !== undefined && { cnonce }) }),
  });
}
