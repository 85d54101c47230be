import { isIP, isIPv6 } from 'node:net';
import { octets } from '../auth/digest-algorithm.js';

/** A ConnectionRequestURL taken apart, with nothing of it changed. */
export interface Origin {
  /** As it was given. */
  readonly text: string;
  /** Whether the connection is to be TLS. TR-069 knows http only; https is there for the odd CPE. */
  readonly secure: boolean;
  /** Host to look up or dial: a name, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Host and port as they were written: the `Host` header. */
  readonly authority: string;
  /**
   * Path and query, one character an octet; `/` where there is none. CPEs compare it textually, so it is sent as it was
   * written: `new URL()` would change it.
   */
  readonly target: string;
  /** Equal for URLs of the same place: for matching, never for sending. */
  readonly key: string;
}

/** Longest origin that is taken, in characters: eight times what TR-098 allows a ConnectionRequestURL. */
const maxLength = 2048;

// eslint-disable-next-line no-control-regex
const unsendable = /[\u0000-\u0020\u007f\\]/;
const shape = /^(https?):\/\/([^/?#]*)([^#]*)/i;

/**
 * Takes a URL apart without normalising it. Nothing for what cannot be sent as it is (spaces, control characters,
 * backslashes) or should not be (userinfo, other schemes, zone ids).
 */
export function parseOrigin(text: string): Origin | undefined {
  if (text.length > maxLength || unsendable.test(text)) return undefined;
  const [, scheme = '', authority = '', rest = ''] = shape.exec(text) ?? [];
  const secure = scheme.toLowerCase() === 'https';
  const [, name = '', bracketed, digits = ''] = /^(\[([^\]]*)\]|[A-Za-z0-9._-]+)(?::(\d{0,5}))?$/.exec(authority) ?? [];
  if (name === '') return undefined;
  if (bracketed !== undefined && (!isIPv6(bracketed) || bracketed.includes('%'))) return undefined;
  const port = digits === '' ? (secure ? 443 : 80) : Number(digits);
  if (port < 1 || port > 65535) return undefined;
  const host = bracketed ?? name;
  const target = octets(rest.startsWith('/') ? rest : `/${rest}`);
  const key = `${secure ? 's' : ''}${host.toLowerCase()} ${port} ${target}`;
  return { text, secure, host, port, authority, target, key };
}

/** Whether the host of an origin is an IP address, and needs no looking up. */
export function isAddress(origin: Origin): boolean {
  return isIP(origin.host) !== 0;
}
