import { hash, randomBytes } from 'node:crypto';
import { endOfPair } from './cookie-pairs.js';

/** Keys of other processes, and of this one's past, must not match. */
const salt = randomBytes(16).toString('base64');

/** Maximum of cookies, and of nonces, of one request or answer that are looked at; an RFC 6265 user agent keeps 50. */
const maxKeys = 64;

/**
 * By what a returning CPE can be recognised: the Digest nonce that its Authorization quotes, then each cookie that it sends.
 * Keys are hashes, so that the table of sessions holds no credential.
 */
export function keysOfRequest(rawHeaders: readonly string[]): string[] {
  const nonces: string[] = [];
  const cookies: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const value = rawHeaders[index + 1] ?? '';
    switch ((rawHeaders[index] ?? '').toLowerCase()) {
      case 'cookie':
        for (let from = 0, to = 0; from <= value.length && cookies.length < maxKeys; from = to + 1) {
          to = endOfPair(value, from);
          addCookie(cookies, value.slice(from, to));
        }
        break;
      case 'authorization':
        addNonce(nonces, value);
        break;
      default:
    }
  }
  return nonces.concat(cookies);
}

/** Whether a key is that of a nonce. */
export function isNonce(key: string): boolean {
  return key.startsWith('n');
}

/** By what the CPE that gets this answer can be recognised when it returns. */
export function keysOfAnswer(headers: readonly string[]): string[] {
  const keys: string[] = [];
  for (let index = 0; index < headers.length && keys.length < maxKeys; index += 2) {
    const name = headers[index] ?? '';
    if (name.length !== 10 && name.length !== 16) continue;
    const value = headers[index + 1] ?? '';
    switch (name.toLowerCase()) {
      case 'set-cookie':
        addCookie(keys, value.split(';', 1)[0] ?? '');
        break;
      case 'www-authenticate':
        addNonce(keys, value);
        break;
      default:
    }
  }
  return keys;
}

/**
 * What tells one device from another: a hash of the parts of its DeviceId that it keeps for life (TR-069 A6 §3.4.4).
 * `undefined` where it has no serial number.
 */
export function keyOfDevice(oui: string, productClass: string, serialNumber: string): string | undefined {
  return serialNumber === '' ? undefined : keyOf('device', `${oui} ${productClass} ${serialNumber}`);
}

function addCookie(keys: string[], pair: string): void {
  const text = pair.trim();
  const equals = text.indexOf('=');
  const quoted = text.slice(equals + 1);
  const isQuoted = quoted.length > 1 && quoted.startsWith('"') && quoted.endsWith('"');
  const value = isQuoted ? quoted.slice(1, -1) : quoted;
  if (equals > 0 && value !== '' && !text.startsWith('cwmp-proxy='))
    keys.push(keyOf('cookie', `${text.slice(0, equals)}=${value}`));
}

function addNonce(keys: string[], value: string): void {
  if (!/\bdigest\b/i.test(value)) return;
  for (const [, quoted, token] of value.matchAll(/[\s,]nonce\s*=\s*(?:"([^"]*)"|([^\s,"]+))/gi)) {
    if (keys.length >= maxKeys) return;
    keys.push(keyOf('nonce', quoted ?? token ?? ''));
  }
}

function keyOf(kind: 'cookie' | 'nonce' | 'device', text: string): string {
  return kind.charAt(0) + hash('sha256', salt + text, 'base64').slice(0, 22);
}
