import type { IncomingMessage } from 'node:http';
import { timingSafeEqual } from 'node:crypto';
import { type AuthDecision, type Authenticator, usersFault } from './authenticator.js';
import { type DigestAuthorization, readDigestAuthorization } from '../digest/authorization.js';
import { quote } from '../digest/challenge.js';
import { digestAlgorithm, digestHa1, digestResponse } from '../digest/digest-algorithm.js';
import type { NonceState, Nonces } from './nonces.js';

/** The algorithms a challenge of ours offers. MD5 is the one that every peer knows. */
export type OfferedAlgorithm = 'MD5' | 'SHA-256';

/** What is known of a user: the clear password, or H(username ":" realm ":" password) in hex for the algorithm in use. */
export type UserSecret = string | { readonly ha1: string };

/**
 * Finds the secret of a user; nothing when there is no such user. What it throws or rejects with, or no answer within 10 s,
 * fails the request (`ERR_CWMP_USERS_UNAVAILABLE`) and is nobody's guess.
 */
type SecretLookup = (user: {
  /** Clear user name. */
  readonly username: string;
  readonly realm: string;
  /** What an HA1 has to be made with. */
  readonly algorithm: OfferedAlgorithm;
}) => UserSecret | undefined | Promise<UserSecret | undefined>;

/** Options of {@link DigestAuthenticator}. */
export interface DigestAuthenticatorOptions {
  readonly realm: string;
  readonly nonces: Nonces;
  readonly secretOf: SecretLookup;
  /** One challenge for each, in this order. Default MD5 alone: GenieACS takes no two. */
  readonly algorithms?: readonly OfferedAlgorithm[];
  /** Whether the uri that was hashed must be the request target. Default true. Oktopus hashes another. */
  readonly compareUri?: boolean;
  /** Path that proxies in front may take off the request target: a uri that still has it is right too. Default: none. */
  readonly publicPath?: string;
}

/** What became of a Digest answer. */
export type DigestVerdict =
  | { readonly state: NonceState; readonly username: string }
  /** The answer is right, but for another uri than that of the request. */
  | { readonly state: 'other-uri' }
  /** The answer is wrong: a guess, or no answer at all. */
  | { readonly state: 'wrong' };

/** Digest towards those who call (RFC 7616), with nonces that need no memory and are bound to no connection. */
export class DigestAuthenticator implements Authenticator {
  readonly #options: Required<DigestAuthenticatorOptions>;

  constructor(options: DigestAuthenticatorOptions) {
    this.#options = { algorithms: ['MD5'], compareUri: true, publicPath: '', ...options };
  }

  async authenticate(request: IncomingMessage, target: string = request.url ?? ''): Promise<AuthDecision> {
    const verdict = await this.verify(request.headers.authorization ?? '', request.method ?? 'GET', target);
    if (verdict.state === 'fresh') return { pass: true, username: verdict.username };
    return { pass: false, statusCode: 401, challenges: this.challenges(isStale(verdict)) };
  }

  /** The `WWW-Authenticate` fields of a 401, one challenge in each. */
  challenges(stale: boolean): string[] {
    const { realm, nonces, algorithms } = this.#options;
    return algorithms.map((algorithm) => {
      // MD5 is what a challenge without a name means; some parsers stumble over the name.
      const name = algorithm === 'MD5' ? '' : `, algorithm=${algorithm}`;
      return `Digest realm=${quote(realm)}, nonce="${nonces.issue()}", qop="auth"${name}${stale ? ', stale=true' : ''}`;
    });
  }

  /**
   * Verifies a Digest `Authorization`. The nonce is looked at last, so that who does not know the secret learns nothing of
   * it and cannot use it up.
   *
   * @param prefix Path that a proxy in front has taken off this request's target.
   */
  async verify(field: string, method: string, target: string, prefix: string = ''): Promise<DigestVerdict> {
    const given = readDigestAuthorization(field);
    if (given === undefined || !this.#isAcceptable(given)) return { state: 'wrong' };
    const algorithm = digestAlgorithm(given.algorithm) === 'SHA-256' ? 'SHA-256' : 'MD5';
    const { realm, nonces } = this.#options;
    const username = clearUsername(given);
    const secret = await this.secretOf(username, algorithm);
    // An unknown user costs what a known one costs.
    const known = secret !== undefined;
    const ha1 = typeof secret === 'object' ? secret.ha1 : digestHa1(algorithm, username, realm, secret ?? '');
    const { qop, nc, cnonce } = given;
    const response = digestResponse({
      algorithm,
      ha1: ha1.toLowerCase(),
      method,
      uri: given.uri,
      nonce: given.nonce,
      ...(isAbsent(qop) ? {} : { qop: 'auth', nc: nc ?? '', cnonce: cnonce ?? '' }),
    });
    if (!isEqual(given.response.toLowerCase(), response) || !known) return { state: 'wrong' };
    if (!this.#isForTarget(pathOf(given.uri), pathOf(target), prefix)) return { state: 'other-uri' };
    return { state: nonces.use(given.nonce, isAbsent(qop) ? 1 : Number.parseInt(nc ?? '', 16)), username };
  }

  /** The secret of a user; nothing where there is none that can be used. Rejects with `ERR_CWMP_USERS_UNAVAILABLE` where nobody can tell. */
  async secretOf(username: string, algorithm: OfferedAlgorithm): Promise<UserSecret | undefined> {
    const { realm, secretOf } = this.#options;
    try {
      const found: unknown = await secretOf({ username, realm, algorithm });
      // Nobody is let in by an empty password, nor by a hash of nothing.
      if (found === undefined || found === null || found === '') return undefined;
      if (typeof found === 'string') return found;
      const ha1: unknown = typeof found === 'object' && 'ha1' in found ? found.ha1 : undefined;
      if (typeof ha1 === 'string' && isHa1(ha1, algorithm)) return { ha1 };
      throw new TypeError(`expected a password, or { ha1 } in hex for ${algorithm}`);
    } catch (cause) {
      throw usersFault(cause);
    }
  }

  #isAcceptable({ realm, algorithm, qop, nc, cnonce }: DigestAuthorization): boolean {
    const { algorithms } = this.#options;
    const name = digestAlgorithm(algorithm);
    if (realm !== this.#options.realm || !algorithms.some((offered) => offered === name)) return false;
    if (!isAbsent(qop)) {
      if (qop?.toLowerCase() !== 'auth' || cnonce === undefined || !/^[\da-f]{1,8}$/i.test(nc ?? '')) return false;
    }
    return true;
  }

  #isForTarget(uri: string, target: string, prefix: string): boolean {
    const { compareUri, publicPath } = this.#options;
    return !compareUri || uri === target || uri === publicPath + target || uri === prefix + target;
  }
}

/** Whether a right answer came to a nonce that is good no more: it gets another. */
export function isStale({ state }: DigestVerdict): boolean {
  return state !== 'wrong' && state !== 'other-uri' && state !== 'fresh';
}

/** How many characters an HA1 has in hex. */
export function ha1Length(algorithm: OfferedAlgorithm): number {
  return algorithm === 'MD5' ? 32 : 64;
}

/** Whether a text is an HA1 in hex for an algorithm. */
export function isHa1(text: string, algorithm: OfferedAlgorithm): boolean {
  return text.length === ha1Length(algorithm) && /^[\da-f]+$/i.test(text);
}

/** The user name of an answer, which is in UTF-8 on the wire; empty for none. */
export function clearUsername(given: DigestAuthorization | undefined): string {
  return Buffer.from(given?.username ?? '', 'latin1').toString('utf8');
}

function isAbsent(qop: string | undefined): boolean {
  return qop === undefined || qop === '';
}

/** Path and query of a target in origin or absolute form (RFC 9112 §3.2). */
function pathOf(target: string): string {
  return target.replace(/^https?:\/\/[^/?#]*/i, '') || '/';
}

function isEqual(a: string, b: string): boolean {
  const left = Buffer.from(a, 'latin1');
  const right = Buffer.from(b, 'latin1');
  return left.length === right.length && timingSafeEqual(left, right);
}
