import { hasControl } from './authorization.js';
import { type Challenge, parseChallenges } from './challenge.js';
import { digestAlgorithm, type DigestAlgorithm, type DigestQop } from './digest-algorithm.js';

/** A Digest challenge that can be answered (RFC 7616 §3.3). */
export interface DigestChallenge {
  /** As received; empty when the challenge has none. */
  readonly realm: string;
  readonly nonce: string;
  /** What the answer will be made with; MD5 when the challenge names none. */
  readonly algorithm: DigestAlgorithm;
  /** The name as the challenge wrote it; absent when it named none, and then the answer names none. */
  readonly algorithmName?: string;
  /** `auth` if offered, else `auth-int`, else absent: the answer then takes the form of RFC 2069. */
  readonly qop?: DigestQop;
  /** To be sent back as it came; absent when it was not sent. */
  readonly opaque?: string;
  /** The nonce of the last answer was too old, the secret was right. */
  readonly stale: boolean;
  /** The user name is wanted as a hash. */
  readonly userhash: boolean;
}

/**
 * Strength, weakest first. SHA-256 stands over SHA-512-256, because the printed example of the latter is wrong in
 * RFC 7616 §3.9.2 and stacks follow it; a plain algorithm stands over its session form, because that one has two readings.
 */
const weakestFirst: readonly DigestAlgorithm[] = [
  'MD5-sess',
  'MD5',
  'SHA-512-256-sess',
  'SHA-512-256',
  'SHA-256-sess',
  'SHA-256',
];

/** The Digest challenge in a parsed one; nothing when it is of another scheme, names an unknown algorithm or no nonce. */
export function readDigestChallenge(challenge: Challenge): DigestChallenge | undefined {
  if (challenge.scheme.toLowerCase() !== 'digest') return undefined;
  const { params } = challenge;
  const algorithmName = params.get('algorithm');
  const algorithm = digestAlgorithm(algorithmName);
  const nonce = params.get('nonce');
  if (algorithm === undefined || nonce === undefined) return undefined;
  // What is no text of a field could end the field that it is sent back in.
  if ([...params.values()].some(hasControl)) return undefined;
  const qop = chooseQop(params.get('qop'));
  const opaque = params.get('opaque');
  return {
    realm: params.get('realm') ?? '',
    nonce,
    algorithm,
    stale: isTrue(params.get('stale')),
    userhash: isTrue(params.get('userhash')),
    ...(algorithmName !== undefined && algorithmName !== '' && { algorithmName }),
    ...(qop !== undefined && { qop }),
    ...(opaque !== undefined && { opaque }),
  };
}

/**
 * The Digest challenge to answer among all that a server sent: the strongest that is supported; of equal ones the first.
 *
 * @param preferred an algorithm to take before any stronger one, if it is offered.
 */
export function chooseDigestChallenge(
  challenges: readonly Challenge[] | string | readonly string[],
  preferred?: DigestAlgorithm,
): DigestChallenge | undefined {
  let best: DigestChallenge | undefined;
  for (const challenge of parsed(challenges)) {
    const digest = readDigestChallenge(challenge);
    if (digest === undefined) continue;
    if (best === undefined || rank(digest, preferred) > rank(best, preferred)) best = digest;
  }
  return best;
}

function parsed(challenges: readonly Challenge[] | string | readonly string[]): readonly Challenge[] {
  if (typeof challenges === 'string') return parseChallenges(challenges);
  return challenges.flatMap((each) => (typeof each === 'string' ? parseChallenges(each) : [each]));
}

function rank(challenge: DigestChallenge, preferred: DigestAlgorithm | undefined): number {
  return challenge.algorithm === preferred ? weakestFirst.length : weakestFirst.indexOf(challenge.algorithm);
}

function chooseQop(list: string | undefined): DigestQop | undefined {
  if (list === undefined) return undefined;
  const offered = list.toLowerCase().split(/[\s,]+/);
  return offered.includes('auth') ? 'auth' : offered.includes('auth-int') ? 'auth-int' : undefined;
}

function isTrue(value: string | undefined): boolean {
  return value?.toLowerCase() === 'true';
}
