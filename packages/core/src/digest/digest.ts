import { randomBytes, timingSafeEqual } from 'node:crypto';
import { formatDigestAuthorization, readDigestAuthorization } from './authorization.js';
import {
  digestAlgorithm,
  type DigestAlgorithm,
  digestHa1,
  digestHash,
  type DigestQop,
  type DigestReading,
  digestResponse,
  octets,
} from './digest-algorithm.js';
import type { DigestChallenge } from './digest-challenge.js';

/** What a Digest challenge is answered with. */
export interface DigestAnswerOptions {
  /** Clear user name. */
  readonly username: string;
  /** Clear password. */
  readonly password: string;
  /** Method of the request that will carry the answer. */
  readonly method: string;
  /** Its target exactly as it will be sent: path and query (RFC 7616 §3.4.6). */
  readonly uri: string;
  /** Its body, for a challenge that wants `auth-int`. Default empty. */
  readonly body?: string | Uint8Array | undefined;
  /** How many times this nonce was used, this time included. Default 1. */
  readonly nonceCount?: number | undefined;
  /** Default 16 random hex digits: netcwmp refuses more than 32. */
  readonly cnonce?: string | undefined;
  /** Default `standard`. */
  readonly reading?: DigestReading | undefined;
}

/**
 * Answers a Digest challenge (RFC 7616 §3.4; RFC 2069 where it has no qop): the value for an `Authorization` header, one
 * character an octet. It names what the challenge named and nothing else, since some CPEs refuse a field they did not send.
 */
export function answerDigest(challenge: DigestChallenge, options: DigestAnswerOptions): string {
  const { username, password, method, uri, body = '', nonceCount = 1, reading = 'standard' } = options;
  const { algorithm, realm, nonce, qop } = challenge;
  const session = algorithm.endsWith('-sess');
  const nc = qop === undefined ? undefined : nonceCount.toString(16).padStart(8, '0');
  const cnonce = qop === undefined && !session ? undefined : (options.cnonce ?? freshCnonce());
  const response = digestResponse({
    algorithm,
    reading,
    ha1: digestHa1(algorithm, username, realm, password, reading),
    method,
    uri,
    nonce,
    body,
    qop,
    nc,
    cnonce,
  });
  const name = octets(username);
  return formatDigestAuthorization({
    username: challenge.userhash ? digestHash(algorithm, `${name}:${realm}`, reading) : name,
    realm,
    nonce,
    uri,
    response,
    algorithm: challenge.algorithmName,
    opaque: challenge.opaque,
    qop,
    nc,
    cnonce,
    userhash: challenge.userhash ? true : undefined,
  });
}

/** Random bytes, bought by the hundred: one call for each cnonce costs as much as its hashes. */
let pool = randomBytes(0);
let poolUsed = 0;

function freshCnonce(): string {
  if (poolUsed === pool.length) {
    pool = randomBytes(800);
    poolUsed = 0;
  }
  poolUsed += 8;
  return pool.toString('hex', poolUsed - 8, poolUsed);
}

/** What a Digest `Authorization` must match to be true. */
export interface DigestExpectation {
  /** Clear user name. */
  readonly username: string;
  /** The realm that was challenged with. */
  readonly realm: string;
  /** Clear password; or `ha1`. */
  readonly password?: string | undefined;
  /** H(username ":" realm ":" password) in hex, of the algorithm in use; or `password`. */
  readonly ha1?: string | undefined;
  /** Method of the request. */
  readonly method: string;
  /** Target of the request, compared with the uri that was hashed. Absent: the caller compares it, or trusts the answer's. */
  readonly uri?: string | undefined;
  /** Body of the request, for `auth-int`. Default empty. */
  readonly body?: string | Uint8Array | undefined;
  /** The algorithms that are taken. Default all. */
  readonly algorithms?: readonly DigestAlgorithm[] | undefined;
  /** Default `standard`. */
  readonly reading?: DigestReading | undefined;
}

/**
 * Whether a Digest `Authorization` was made with this secret for this request. It compares in constant time and keeps
 * nothing: whether the nonce is one's own, fresh and not used before is the caller's to check.
 */
export function verifyDigest(authorization: string, expected: DigestExpectation): boolean {
  const given = readDigestAuthorization(authorization);
  if (given === undefined) return false;
  const algorithm = digestAlgorithm(given.algorithm);
  if (algorithm === undefined || expected.algorithms?.includes(algorithm) === false) return false;
  const qop = readQop(given.qop);
  if (qop === null) return false;
  if (qop !== undefined && (!/^[0-9a-f]{8}$/i.test(given.nc ?? '') || given.cnonce === undefined)) return false;
  if (given.realm !== expected.realm) return false;
  if (expected.uri !== undefined && given.uri !== expected.uri) return false;
  const { reading = 'standard' } = expected;
  const name = octets(expected.username);
  const wantedName = given.userhash === true ? digestHash(algorithm, `${name}:${expected.realm}`, reading) : name;
  const ha1 = expected.ha1 ?? digestHa1(algorithm, expected.username, expected.realm, expected.password ?? '', reading);
  if (expected.ha1 === undefined && expected.password === undefined) return false;
  const response = digestResponse({
    algorithm,
    reading,
    ha1,
    method: expected.method,
    uri: given.uri,
    nonce: given.nonce,
    qop,
    nc: given.nc,
    cnonce: given.cnonce,
    body: expected.body,
  });
  const nameFits = sameText(given.username, wantedName);
  return sameText(given.response.toLowerCase(), response) && nameFits;
}

/** The qop in use; absent is the form of RFC 2069, null is one that is not known. */
function readQop(value: string | undefined): DigestQop | undefined | null {
  const qop = value?.toLowerCase();
  if (qop === undefined || qop === '') return undefined;
  return qop === 'auth' || qop === 'auth-int' ? qop : null;
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a, 'latin1');
  const right = Buffer.from(b, 'latin1');
  return left.length === right.length && timingSafeEqual(left, right);
}
