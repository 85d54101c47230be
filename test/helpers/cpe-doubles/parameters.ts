import { type RfcChallenge, rfcResponse } from '../rfc-digest.js';
import { cpeCredentials } from './conversation.js';

/** Parameters of an Authorization as a lenient CPE reads them. */
export function parameters(authorization: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name = '', quoted, token = ''] of authorization.matchAll(
    /([a-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g,
  )) {
    found.set(name, quoted?.replaceAll(/\\(.)/g, '$1') ?? token);
  }
  return found;
}

/** Whether the response is right for these fields, over the uri that is given or the one the CPE insists on. */
export function isRight(
  found: ReadonlyMap<string, string>,
  challenge: Omit<RfcChallenge, 'username' | 'password'>,
  uri: string = found.get('uri') ?? '',
): boolean {
  if (found.get('nonce') !== challenge.nonce || found.get('realm') !== challenge.realm) return false;
  const wanted = rfcResponse(
    { ...cpeCredentials, ...challenge },
    'GET',
    uri,
    challenge.qop === undefined ? undefined : found.get('qop'),
    found.get('nc'),
    found.get('cnonce'),
  );
  return found.get('response') === wanted;
}

let count = 0;

/** A nonce of that many hex digits that was not given out before. */
export function freshNonce(digits = 32): string {
  count += 1;
  return count.toString(16).padStart(digits, '3f');
}
