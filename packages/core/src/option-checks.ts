import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { CwmpProxyError } from './errors.js';

/** Options after their check: each has its value or its default. */
export type Complete<Options> = { [Name in keyof Options]-?: Exclude<Options[Name], undefined> };

/** What is known of TLS here, as plain JavaScript could hand it in. */
interface TlsOptions {
  ca?: unknown;
  cert?: unknown;
  key?: unknown;
  servername?: unknown;
  rejectUnauthorized?: unknown;
  minVersion?: unknown;
  ciphers?: unknown;
}

/** @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` naming the option by its path. */
export function refuseOption(path: string, what: string): never {
  throw new CwmpProxyError('ERR_CWMP_OPTION', `${path}: ${what}`);
}

/** Checks that a group of options is an object that holds known options only: a misspelt one must not be ignored. */
export function checkGroup(path: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuseOption(path, 'expected an object');
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    refuseOption(path === 'options' ? key : `${path}.${key}`, `unknown option; known are ${known.join(', ')}`);
  }
}

/** Checks a whole number within bounds; `undefined` gives the default. */
export function wholeNumber(path: string, value: unknown, fallback: number, min: number, max: number): number {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  return refuseOption(path, `expected a whole number from ${min} to ${max}`);
}

/** Checks true or false; `undefined` gives the default. */
export function trueOrFalse(path: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  return typeof value === 'boolean' ? value : refuseOption(path, 'expected true or false');
}

/** Checks a time of up to an hour, in milliseconds; `undefined` gives the default. */
export function milliseconds(path: string, value: unknown, fallback: number): number {
  return wholeNumber(path, value, fallback, 1, 3_600_000);
}

/** Checks an absolute http or https URL that holds no user, no query and no fragment. */
export function httpUrl(path: string, value: unknown): URL {
  const text = value instanceof URL ? value.href : value;
  if (typeof text !== 'string' || !URL.canParse(text)) return refuseOption(path, 'expected an absolute http(s) URL');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return refuseOption(path, 'expected an http(s) URL');
  if (url.username !== '' || url.password !== '') return refuseOption(path, 'expected a URL without user and password');
  // An empty one shows in no part of the URL.
  if (/[?#]/.test(url.href)) return refuseOption(path, 'expected a URL without query and fragment');
  return url;
}

/** A path without slashes at its end; backwards, because a regular expression would be quadratic. */
export function withoutEndSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path.charAt(end - 1) === '/') end -= 1;
  return path.slice(0, end);
}

/** Checks one of a few words; `undefined` gives the first. */
export function oneOf<Word extends string | number>(
  path: string,
  value: unknown,
  words: readonly [Word, ...Word[]],
): Word {
  if (value === undefined) return words[0];
  return words.find((word) => word === value) ?? refuseOption(path, `expected one of ${words.join(', ')}`);
}

/** Checks a list of some of a few words. */
export function choose<Word extends string>(at: string, value: unknown, words: readonly Word[]): readonly Word[] {
  const given: readonly unknown[] = Array.isArray(value) ? value : [];
  const chosen = words.filter((word) => given.includes(word));
  if (chosen.length === 0 || chosen.length !== given.length) refuseOption(at, `expected some of ${words.join(', ')}`);
  const inOrder = given.flatMap((one) => chosen.filter((word) => word === one));
  return Object.freeze(inOrder);
}

/** Fields that a CPE and an ACS need: one that is replaced in each request is taken away from both. */
const needed =
  /^(?:accept|authorization|client-cert|connection|content|cookie|expect|forwarded|host|keep-alive|proxy|soapaction|te|trailer|transfer-encoding|upgrade|user-agent|via|x-forwarded)(?:-|$)/i;

/** Checks the name of a header field of the proxy's own: a plain name, for lenient servers take `_` for `-`. */
export function checkFieldName(at: string, value: unknown): void {
  if (typeof value !== 'string' || !/^[A-Za-z][A-Za-z\d-]*$/.test(value)) {
    return refuseOption(at, 'expected the name of a header field, of letters, digits and hyphens');
  }
  if (needed.test(value)) refuseOption(at, 'expected a field that has no other use');
}

/** Whether a value is an object that literals and JSON make: the entries of a `Map` or of a class are no keys of it. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null);
}

/** What is said of {@link isOnePair}. */
export const onePair =
  "expected passwords by user name, { acs: 'secret' }; this would be two users, 'username' and 'password'";

/** Whether an object that should hold passwords by user name has the shape of `credentials`: `{ username, password }`. */
export function isOnePair(users: object): boolean {
  return Object.keys(users).sort().join() === 'password,username';
}

/** Checks a realm, which has to stand between quotes in a challenge. */
export function checkRealm(at: string, value: unknown): void {
  if (typeof value === 'string' && /^[ !#-[\]-~]+$/.test(value)) return;
  refuseOption(at, 'expected printable ASCII without quotes or backslashes');
}

/**
 * Checks how TLS is to be done: Node throws for wrong types and keys when it connects, and ignores authorities that it cannot
 * read.
 */
export function checkTls(path: string, tls: TlsOptions, known: readonly (keyof TlsOptions)[]): void {
  checkGroup(path, tls, known);
  const { ca, cert, key, servername, rejectUnauthorized, minVersion, ciphers } = tls;
  const authorities: readonly unknown[] = Array.isArray(ca) ? ca : [ca];
  if (ca !== undefined && (authorities.length === 0 || !authorities.every(holdsCertificates))) {
    refuseOption(`${path}.ca`, `expected certificates, ${pem}, or a list of such`);
  }
  if (cert !== undefined && !holdsCertificates(cert)) refuseOption(`${path}.cert`, `expected a certificate, ${pem}`);
  if (key !== undefined && !isPem(key)) refuseOption(`${path}.key`, `expected a private key, ${pem}`);
  if ((cert === undefined) !== (key === undefined)) {
    refuseOption(`${path}.${cert === undefined ? 'cert' : 'key'}`, 'expected cert and key together');
  }
  if (isPem(cert) && isPem(key)) {
    checkContext(`${path}.cert`, 'expected a certificate that TLS can use', { cert });
    checkContext(`${path}.key`, `expected the private key of cert without a passphrase, ${pem}`, { cert, key });
  }
  if (servername !== undefined && !isHostName(servername)) {
    refuseOption(`${path}.servername`, 'expected a host name, not an address');
  }
  if (minVersion !== undefined) {
    oneOf(`${path}.minVersion`, minVersion, ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']);
  }
  if (ciphers !== undefined) {
    if (typeof ciphers !== 'string') refuseOption(`${path}.ciphers`, 'expected cipher suites in a text');
    checkContext(`${path}.ciphers`, 'expected cipher suites that OpenSSL knows', { ciphers });
  }
  trueOrFalse(`${path}.rejectUnauthorized`, rejectUnauthorized, true);
}

const pem = 'in PEM as a text or Buffer (not the path of a file)';

function isPem(value: unknown): value is string | Buffer {
  return typeof value === 'string' || Buffer.isBuffer(value);
}

function holdsCertificates(value: unknown): boolean {
  if (!isPem(value)) return false;
  const text = value.toString();
  let count = 0;
  let end = 0;
  for (const { index } of text.matchAll(/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g)) {
    if (index < end) continue;
    const last = text.indexOf('-----END ', index);
    end = last < 0 ? -1 : text.indexOf('-----', last + 9) + 5;
    if (end < 5) break;
    if (!isCertificate(text.slice(index, end))) return false;
    count += 1;
  }
  return count > 0;
}

function isCertificate(block: string): boolean {
  try {
    return new X509Certificate(block).raw.length > 0;
  } catch {
    return false;
  }
}

function checkContext(path: string, what: string, options: SecureContextOptions): void {
  try {
    createSecureContext(options);
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    refuseOption(path, what + why);
  }
}

function isHostName(value: unknown): boolean {
  return typeof value === 'string' && isIP(value) === 0 && /^[\w-]+(?:\.[\w-]+)*$/.test(value);
}
