import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createHash, timingSafeEqual } from 'node:crypto';
import { clientGroupOf, clientOf } from '../http/client-address.js';
import { whileThere } from '../http/client-left.js';
import { type AuthDecision, tooManyFailures } from './authenticator.js';
import { readBasicPair, readDigestAuthorization } from '../digest/authorization.js';
import { type CpeIdentity, readCpeUsername } from './cpe-username.js';
import { digestHa1 } from '../digest/digest-algorithm.js';
import {
  clearUsername,
  DigestAuthenticator,
  isStale,
  type OfferedAlgorithm,
  type UserSecret,
} from './digest-authenticator.js';
import { GuessLimiter, longestCheckMs } from './guess-limiter.js';
import { Nonces } from './nonces.js';

/** The CPE whose secret is wanted. */
export interface CpeUser {
  /** As the CPE wrote it. */
  readonly username: string;
  /** What the user name says, where it is written as TR-069 A6 §3.4.4 wants it. */
  readonly device?: CpeIdentity;
  readonly realm: string;
  /** What an HA1 has to be made with. */
  readonly algorithm: OfferedAlgorithm;
}

/** Secrets of CPEs by user name, or a function that finds one. */
export type CpeSecrets =
  Readonly<Record<string, UserSecret>> | ((cpe: CpeUser) => UserSecret | undefined | Promise<UserSecret | undefined>);

/** Options of {@link CpeAuthenticator}. */
export interface CpeAuthenticatorOptions {
  readonly users: CpeSecrets;
  readonly schemes: readonly ('digest' | 'basic')[];
  readonly algorithms: readonly OfferedAlgorithm[];
  readonly realm: string;
  readonly compareUri: boolean;
  /** Called with the address of a CPE that answers rightly, but for another uri. */
  readonly onOtherUri: (address: string) => void;
}

interface Known {
  readonly username: string;
  /** The client that it is: a proxy in front may put several on one connection. */
  readonly address: string;
  /** The field that was accepted last: some CPEs send it again and again. */
  readonly field: string;
}

/**
 * Asks CPEs who they are before their messages reach a backend. Who has shown it on a connection is known there until the
 * connection ends, as with the ACSs of the field: many CPEs answer one challenge a session, and never count the nonce. A new
 * connection, and other credentials, are asked anew; nonces are bound to no connection, since a Fritz!Box answers on another.
 */
export class CpeAuthenticator {
  readonly #options: CpeAuthenticatorOptions;
  readonly #digest: DigestAuthenticator;
  readonly #limiter = new GuessLimiter();
  readonly #known = new WeakMap<Socket, Known>();

  constructor(options: CpeAuthenticatorOptions) {
    this.#options = options;
    const { users, realm, algorithms, compareUri } = options;
    const secrets = typeof users === 'function' ? undefined : new Map(Object.entries(users));
    this.#digest = new DigestAuthenticator({
      realm,
      algorithms,
      compareUri,
      nonces: new Nonces(),
      secretOf: (user) => {
        if (typeof users !== 'function') return secrets?.get(user.username);
        const device = readCpeUsername(user.username);
        return users({ ...user, ...(device !== undefined && { device }) });
      },
    });
  }

  /**
   * @param response Tells when the CPE has left.
   *
   * Rejects with {@link CwmpProxyError} as {@link GuessLimiter.check} does.
   */
  async authenticate(request: IncomingMessage, response: ServerResponse, target: string): Promise<AuthDecision> {
    const { socket } = request;
    const { address, prefix } = clientOf(request);
    const known = this.#known.get(socket);
    const field = request.headers.authorization;
    if (known?.address === address && (field === undefined || field === known.field)) {
      return { pass: true, username: known.username };
    }
    if (field === undefined) return this.#refusal(false);
    const basic = this.#options.schemes.includes('basic') ? readBasicPair(field) : undefined;
    const claimed = basic?.username ?? clearUsername(readDigestAuthorization(field));
    // CPEs behind one address must not lock each other out.
    const guesser = createHash('sha256')
      .update(`${clientGroupOf(request)} ${claimed}`)
      .digest('base64');
    let username: string | undefined;
    let stale = false;
    let isOtherUri = false;
    const check = async (): Promise<boolean> => {
      if (basic !== undefined) {
        if (await this.#isRight(basic.username, basic.password)) ({ username } = basic);
      } else if (this.#options.schemes.includes('digest')) {
        const verdict = await this.#digest.verify(field, request.method ?? 'POST', target, prefix);
        if (verdict.state === 'fresh') ({ username } = verdict);
        stale = isStale(verdict);
        isOtherUri = verdict.state === 'other-uri';
      }
      return username === undefined && !stale && !isOtherUri;
    };
    const retryAfter = await whileThere(response, (signal) =>
      this.#limiter.check(guesser, check, { signal, longestMs: longestCheckMs }),
    );
    if (retryAfter > 0) return tooManyFailures(retryAfter);
    if (isOtherUri) this.#options.onOtherUri(address);
    if (username === undefined) return this.#refusal(stale);
    this.#known.set(socket, { username, address, field });
    return { pass: true, username };
  }

  async #isRight(username: string, password: string): Promise<boolean> {
    const { realm } = this.#options;
    const secret = await this.#digest.secretOf(username, 'MD5');
    const wanted = typeof secret === 'object' ? secret.ha1 : digestHa1('MD5', username, realm, secret ?? '');
    const given = Buffer.from(digestHa1('MD5', username, realm, password));
    const expected = Buffer.from(wanted.toLowerCase());
    return expected.length === given.length && timingSafeEqual(given, expected) && secret !== undefined;
  }

  #refusal(stale: boolean): AuthDecision {
    const { schemes, realm } = this.#options;
    const challenges = schemes.includes('digest') ? this.#digest.challenges(stale) : [];
    if (schemes.includes('basic')) challenges.push(`Basic realm="${realm}"`);
    return { pass: false, statusCode: 401, challenges };
  }
}
