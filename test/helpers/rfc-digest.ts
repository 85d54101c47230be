import { createHash } from 'node:crypto';

/** What the server of a Digest challenge knows. */
export interface RfcChallenge {
  readonly username: string;
  readonly password: string;
  readonly realm: string;
  readonly nonce: string;
  /** As challenged; absent when the challenge named none. */
  readonly algorithm?: string;
  /** The list that was offered; absent for the form of RFC 2069. */
  readonly qop?: string;
  readonly opaque?: string;
  readonly userhash?: boolean;
}

const hashes: Record<string, string> = { MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' };

const kd = (algorithm: string, text: string): string =>
  createHash(hashes[algorithm.replace(/-sess$/, '')] ?? 'unknown')
    .update(text, 'utf8')
    .digest('hex');

/**
 * The fields of a Digest Authorization read by the ABNF of RFC 7616 §3.4 and RFC 9110 §11.2 and nothing else; a string
 * that says what is wrong where it does not fit.
 */
export function readByRfc(value: string): Map<string, { value: string; quoted: boolean }> | string {
  const fields = new Map<string, { value: string; quoted: boolean }>();
  const list = /^Digest ([\s\S]+)$/.exec(value)?.[1];
  if (list === undefined) return 'no Digest scheme';
  const item = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+\-.^_`|~0-9A-Za-z]+))(?:, |$)/y;
  while (item.lastIndex < list.length) {
    const found = item.exec(list);
    if (found === null) return `not an auth-param list: ${list}`;
    const [, name = '', quoted, token = ''] = found;
    if (fields.has(name)) return `${name} twice`;
    fields.set(name, { value: quoted?.replaceAll(/\\(.)/g, '$1') ?? token, quoted: quoted !== undefined });
  }
  return fields;
}

/** The request-digest of RFC 7616 §3.4.1, or of RFC 2069 without qop. */
export function rfcResponse(
  challenge: RfcChallenge,
  method: string,
  uri: string,
  qop?: string,
  nc?: string,
  cnonce?: string,
): string {
  const algorithm = challenge.algorithm ?? 'MD5';
  const h = (text: string): string => kd(algorithm, text);
  const userRealmPass = h(`${challenge.username}:${challenge.realm}:${challenge.password}`);
  const ha1 = algorithm.endsWith('-sess') ? h(`${userRealmPass}:${challenge.nonce}:${cnonce ?? ''}`) : userRealmPass;
  const ha2 = qop === 'auth-int' ? h(`${method}:${uri}:${h('')}`) : h(`${method}:${uri}`);
  if (qop === undefined) return h(`${ha1}:${challenge.nonce}:${ha2}`);
  return h(`${ha1}:${challenge.nonce}:${nc ?? ''}:${cnonce ?? ''}:${qop}:${ha2}`);
}

/** What a server that goes by the RFC alone would say against this Authorization; empty when it would take it. */
export function complaintsByRfc(value: string, challenge: RfcChallenge, method: string, target: string): string[] {
  const fields = readByRfc(value);
  if (typeof fields === 'string') return [fields];
  const complaints: string[] = [];
  const need = (name: string, wanted: string | undefined, quoted: boolean): void => {
    const field = fields.get(name);
    if (wanted === undefined && field !== undefined) complaints.push(`${name} was not asked for`);
    if (wanted !== undefined && field?.value !== wanted) complaints.push(`${name} is ${field?.value}, not ${wanted}`);
    if (field !== undefined && field.quoted !== quoted) complaints.push(`${name} is in the wrong dress`);
  };
  const session = challenge.algorithm?.endsWith('-sess') === true;
  const qop = fields.get('qop')?.value;
  const nc = fields.get('nc')?.value;
  const cnonce = fields.get('cnonce')?.value;
  const hash = kd(challenge.algorithm ?? 'MD5', `${challenge.username}:${challenge.realm}`);
  need('username', challenge.userhash === true ? hash : challenge.username, true);
  need('realm', challenge.realm, true);
  need('nonce', challenge.nonce, true);
  need('uri', target, true);
  need('algorithm', challenge.algorithm, false);
  need('opaque', challenge.opaque, true);
  need('userhash', challenge.userhash === true ? 'true' : undefined, false);
  if (challenge.qop === undefined) {
    need('qop', undefined, false);
    need('nc', undefined, false);
    if (!session) need('cnonce', undefined, true);
  } else {
    if (qop === undefined || !challenge.qop.split(/, ?/).includes(qop)) complaints.push(`qop ${qop} was not offered`);
    if (fields.get('qop')?.quoted === true) complaints.push('qop is in the wrong dress');
    if (!/^[0-9a-f]{8}$/.test(nc ?? '')) complaints.push('nc is not eight hex digits');
    if (fields.get('cnonce')?.quoted !== true) complaints.push('cnonce is in the wrong dress');
  }
  need('response', rfcResponse(challenge, method, target, qop, nc, cnonce), true);
  return complaints;
}
