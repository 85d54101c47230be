import {
  type DigestAuthorization,
  formatDigestAuthorization,
  hasControl,
  readDigestAuthorization,
} from '../../digest/authorization.js';
import { parseChallenges, quote } from '../../digest/challenge.js';
import { type DigestChallenge, readDigestChallenge } from '../../digest/digest-challenge.js';
import type { Reply } from '../transports/reply-reader.js';

/** An answer to a challenge; nothing where a field could say more to the CPE than it seems to: whoever asks has shown nothing. */
export function readAnswer(authorization: string): DigestAuthorization | undefined {
  const given = readDigestAuthorization(authorization);
  if (given === undefined) return undefined;
  const { username, realm, nonce, uri, opaque = '', qop = '', nc = '', cnonce = '', algorithm = '', response } = given;
  const tokens = [qop, nc, algorithm, response];
  if (!tokens.every((token) => /^[\w-]*$/.test(token)) || /["\\]/.test(cnonce)) return undefined;
  return [username, realm, nonce, uri, opaque, cnonce].some(hasControl) ? undefined : given;
}

/** The CPE's challenge that any ACS can answer, if there is one. */
export function relayable(reply: Reply): DigestChallenge | undefined {
  for (const one of parseChallenges(reply.challenges)) {
    const challenge = readDigestChallenge(one);
    if (challenge?.algorithm !== 'MD5' || challenge.qop === 'auth-int' || challenge.userhash) continue;
    const { realm, nonce, opaque = '' } = challenge;
    if (![realm, nonce, opaque].some(hasControl)) return challenge;
  }
  return undefined;
}

/** Realm, nonce and opaque as the CPE wrote them, with commas between, `auth` alone, and the algorithm only if it was named. */
export function relayedChallenge({ realm, nonce, opaque, qop, algorithmName, stale }: DigestChallenge): string {
  let field = `Digest realm=${quote(realm)}, nonce=${quote(nonce)}`;
  if (qop !== undefined) field += ', qop="auth"';
  if (opaque !== undefined) field += `, opaque=${quote(opaque)}`;
  if (algorithmName !== undefined) field += ', algorithm=MD5';
  return stale ? `${field}, stale=true` : field;
}

/** The ACS's answer as the CPE wants it: nothing it has not asked for (ucwmp), an opaque that it knows. */
export function relayedAnswer(given: DigestAuthorization, challenge: DigestChallenge | undefined): string {
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
