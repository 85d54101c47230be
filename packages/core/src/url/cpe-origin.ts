import { isIP } from 'node:net';
import { CwmpProxyError } from '../errors.js';

/** A CPE's own URL, taken apart without changing a byte of what will be sent. */
export interface CpeOrigin {
  scheme: 'http' | 'https';
  /** IP address without brackets, or host name in lower case. */
  host: string;
  /** Whether `host` is a name, to be looked up. */
  isName: boolean;
  port: number;
  /** `host` and port as they stand in the URL, for the `Host` field. */
  authority: string;
  /** Request target: path and query as they stand in the URL, in UTF-8 with one character an octet; `/` for an empty path. */
  target: string;
}

const maxUrlLength = 2_048;

/**
 * Takes apart a URL that a wake is to call, by a grammar much narrower than that of the URL standard: `new URL()` would
 * make an address of `0x7f.1`, `2130706433` or `①②⑦.0.0.1`, a slash of a backslash, and drop tabs. Allowed are http
 * and https; IPv4 in four plain decimal parts, IPv6 in brackets without a zone, names of letters, digits, hyphens and underscores; a port
 * from 1 to 65535 without leading zeros; path and query without spaces, control characters and backslashes. User, password
 * and fragment are refused.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_BAD_ORIGIN` (400), before any lookup.
 */
export function readCpeOrigin(url: string): CpeOrigin {
  if (url.length > maxUrlLength) refuse(`is longer than ${maxUrlLength} characters`);
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u0020\u007f\\\p{Surrogate}]/u.test(url)) refuse('holds a control character, a space or a backslash');
  const parts = /^(https?):\/\/([^/?#]*)([^#]*)(#?)/i.exec(url);
  if (parts === null) return refuse('is not an absolute http or https URL');
  const [, protocol = '', authority = '', rest = '', fragment = ''] = parts;
  if (fragment !== '') refuse('holds a fragment');
  if (authority.includes('@')) refuse('holds a user');
  const scheme = protocol.toLowerCase() === 'https' ? 'https' : 'http';
  const [, bracketed, plain, digits] = /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(authority) ?? [];
  const port = digits === undefined ? (scheme === 'https' ? 443 : 80) : readPort(digits);
  const path = rest.startsWith('/') ? rest : `/${rest}`;
  const target = /[^!-~]/.test(path) ? Buffer.from(path, 'utf8').toString('latin1') : path;
  if (bracketed !== undefined) {
    if (isIP(bracketed) !== 6 || bracketed.includes('%')) refuse('names no IPv6 address in its brackets');
    return { scheme, host: bracketed.toLowerCase(), isName: false, port, authority, target };
  }
  const isName = isIP(plain ?? '') !== 4;
  // Before it is lower-cased: the Kelvin sign becomes a plain k.
  if (isName && !isHostName(plain ?? '')) refuse('names no host in its plain form');
  return { scheme, host: (plain ?? '').toLowerCase(), isName, port, authority, target };
}

/** Whether a CPE can be called by this URL: what may be rewritten is what may be woken. */
export function isCpeOrigin(url: string): boolean {
  try {
    readCpeOrigin(url);
    return true;
  } catch {
    return false;
  }
}

/** Letters, digits, hyphens and underscores, in labels; a last label that reads as a number would make it an address in disguise. */
function isHostName(text: string): boolean {
  if (text.length > 253) return false;
  const labels = text.split('.');
  if (!labels.every((label) => /^[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?$/i.test(label))) return false;
  return !/^(?:\d+|0x[\da-f]*)$/i.test(labels.at(-1) ?? '');
}

function readPort(digits: string): number {
  const port = /^[1-9]\d{0,4}$/.test(digits) ? Number(digits) : 0;
  return port >= 1 && port <= 65_535 ? port : refuse('names no port from 1 to 65535');
}

function refuse(what: string): never {
  throw new CwmpProxyError('ERR_CWMP_BAD_ORIGIN', `the CPE's URL ${what}`);
}
