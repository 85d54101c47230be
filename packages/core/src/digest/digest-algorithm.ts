import { hash as hashOnce } from 'node:crypto';

/** The algorithms of RFC 7616 §3.3, by their names on the wire. MD5 is the one that every CPE knows (TR-069 A6 §3.4.4). */
export type DigestAlgorithm = 'MD5' | 'MD5-sess' | 'SHA-256' | 'SHA-256-sess' | 'SHA-512-256' | 'SHA-512-256-sess';

/** Quality of protection: `auth` covers method and uri, `auth-int` the body too. */
export type DigestQop = 'auth' | 'auth-int';

/**
 * How a formula is read where implementations differ. `standard` is the prose of RFC 7616. `as-printed` follows the
 * examples that some stacks were copied from: for MD5-sess the sample code of RFC 2617 §5, which hashes the raw 16 bytes
 * of the first HA1 instead of its hex digits; for SHA-512-256 the example of RFC 7616 §3.9.2, which is SHA-512 cut to 256
 * bits. For the other algorithms both are the same.
 */
export type DigestReading = 'standard' | 'as-printed';

/** What one use of the formulas needs. Text that came from headers is one character an octet, as Node hands it out. */
export interface DigestInput {
  /** Default `MD5`, as for a challenge that names none. */
  readonly algorithm?: DigestAlgorithm | undefined;
  /** Default `standard`. */
  readonly reading?: DigestReading | undefined;
  /** H(username ":" realm ":" password) in hex, see {@link digestHa1}; never the session form. */
  readonly ha1: string;
  /** Method of the request, as sent. */
  readonly method: string;
  /** The digest-uri: the request target as sent, path and query. */
  readonly uri: string;
  /** The nonce of the challenge. */
  readonly nonce: string;
  /** Absent: the formula of RFC 2069, without nc and cnonce. */
  readonly qop?: DigestQop | undefined;
  /** Eight hex digits that count the uses of the nonce. Needed with `qop`. */
  readonly nc?: string | undefined;
  /** Needed with `qop`, and with the `-sess` algorithms. */
  readonly cnonce?: string | undefined;
  /** Body of the request, for `auth-int`. Default empty. */
  readonly body?: string | Uint8Array | undefined;
}

/** The hash of each algorithm, as OpenSSL calls it. */
const hashNames: Readonly<Record<DigestAlgorithm, string>> = {
  MD5: 'md5',
  'MD5-sess': 'md5',
  'SHA-256': 'sha256',
  'SHA-256-sess': 'sha256',
  'SHA-512-256': 'sha512-256',
  'SHA-512-256-sess': 'sha512-256',
};

const byName: ReadonlyMap<string, DigestAlgorithm> = new Map(
  (['MD5', 'MD5-sess', 'SHA-256', 'SHA-256-sess', 'SHA-512-256', 'SHA-512-256-sess'] as const).map((each) => [
    each.toLowerCase(),
    each,
  ]),
);

/** The algorithm of that name, whatever its case; MD5 for none; nothing for one that is not known. */
export function digestAlgorithm(name: string | undefined): DigestAlgorithm | undefined {
  return name === undefined || name === '' ? 'MD5' : byName.get(name.toLowerCase());
}

/** Hash of the algorithm over text of one character an octet, in lower-case hex. */
export function digestHash(algorithm: DigestAlgorithm, text: string, reading: DigestReading = 'standard'): string {
  const cut = reading === 'as-printed' && algorithm.startsWith('SHA-512');
  const hex = hashOnce(
    cut ? 'sha512' : hashNames[algorithm],
    isAscii(text) ? text : Buffer.from(text, 'latin1'),
    'hex',
  );
  return cut ? hex.slice(0, 64) : hex;
}

/** UTF-8 of a text as one character an octet: user names and passwords enter the formulas and headers this way. */
export function octets(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/**
 * The secret of a user that can be stored instead of the password: H(username ":" realm ":" password) in hex.
 *
 * @param username clear name, hashed in UTF-8 like the password.
 * @param realm as in the header.
 */
export function digestHa1(
  algorithm: DigestAlgorithm,
  username: string,
  realm: string,
  password: string,
  reading: DigestReading = 'standard',
): string {
  return digestHash(algorithm, `${octets(username)}:${realm}:${octets(password)}`, reading);
}

/** The `response` of RFC 7616 §3.4.1, and of RFC 2069 where there is no qop. */
export function digestResponse(input: DigestInput): string {
  const { algorithm = 'MD5', reading = 'standard', nonce, qop, nc = '', cnonce = '' } = input;
  const hash = (text: string): string => digestHash(algorithm, text, reading);
  let { ha1 } = input;
  if (algorithm.endsWith('-sess')) {
    const inner = algorithm === 'MD5-sess' && reading === 'as-printed' ? hexToOctets(ha1) : ha1;
    ha1 = hash(`${inner}:${nonce}:${cnonce}`);
  }
  const ha2 =
    qop === 'auth-int'
      ? hash(`${input.method}:${input.uri}:${hash(bodyText(input.body))}`)
      : hash(`${input.method}:${input.uri}`);
  return qop === undefined ? hash(`${ha1}:${nonce}:${ha2}`) : hash(`${ha1}:${nonce}:${nc}:${cnonce}:${qop}:${ha2}`);
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 126) return false;
  return true;
}

function hexToOctets(hex: string): string {
  return Buffer.from(hex, 'hex').toString('latin1');
}

function bodyText(body: string | Uint8Array = ''): string {
  return typeof body === 'string' ? octets(body) : Buffer.from(body).toString('latin1');
}
