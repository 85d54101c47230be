import { isUtf8 } from 'node:buffer';
import { type Challenge, parseChallenges, quote } from './challenge.js';
import { octets } from './digest-algorithm.js';

/** A user name and a password, as they came in a Basic `Authorization`. */
export interface BasicPair {
  readonly username: string;
  readonly password: string;
}

/** Reads an `Authorization` header field: its scheme and parameters, or its token68. Nothing when there is no scheme. */
export function parseAuthorization(field: string): Challenge | undefined {
  return parseChallenges(field, 1)[0];
}

/** `Basic …` for the pair, in UTF-8 (RFC 7617 §2.1). */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** The pair in a Basic `Authorization`; the first colon parts them (RFC 7617 §2). Nothing for any other field. */
export function readBasicPair(field: string): BasicPair | undefined {
  const encoded = /^basic +([A-Za-z0-9+/\-_]*={0,2})$/i.exec(field.trimEnd())?.[1];
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  // Older ACSs send Latin-1, whatever the challenge says.
  const pair = bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
  const colon = pair.indexOf(':');
  return colon < 0 ? undefined : { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

/** What a Digest `Authorization` says, in the values of the wire. */
export interface DigestAuthorization {
  /** The clear name in octets, or its hash where `userhash` is set. */
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  readonly response: string;
  readonly algorithm?: string | undefined;
  readonly opaque?: string | undefined;
  readonly qop?: string | undefined;
  readonly nc?: string | undefined;
  readonly cnonce?: string | undefined;
  readonly userhash?: boolean | undefined;
}

/**
 * Writes a Digest `Authorization` field, quoted as RFC 7616 §3.4 says and with nothing that is not given. `username`
 * stands first and `response` last: the Orange agent looks for the one, ucwmp stumbles over an unquoted last field.
 */
export function formatDigestAuthorization(fields: DigestAuthorization): string {
  let text = `Digest username=${quote(fields.username)}, realm=${quote(fields.realm)}, nonce=${quote(fields.nonce)}, uri=${quote(fields.uri)}`;
  if (fields.algorithm !== undefined) text += `, algorithm=${fields.algorithm}`;
  if (fields.opaque !== undefined) text += `, opaque=${quote(fields.opaque)}`;
  if (fields.qop !== undefined) text += `, qop=${fields.qop}, nc=${fields.nc ?? ''}, cnonce="${fields.cnonce ?? ''}"`;
  else if (fields.cnonce !== undefined) text += `, cnonce="${fields.cnonce}"`;
  if (fields.userhash === true) text += ', userhash=true';
  return `${text}, response="${fields.response}"`;
}

/** Reads a Digest `Authorization` field; nothing for another scheme or where a field that is always needed is missing. */
export function readDigestAuthorization(field: string): DigestAuthorization | undefined {
  const parsed = parseAuthorization(field);
  if (parsed?.scheme.toLowerCase() !== 'digest') return undefined;
  const { params } = parsed;
  const username = params.get('username') ?? extendedUsername(params.get('username*'));
  const realm = params.get('realm');
  const nonce = params.get('nonce');
  const uri = params.get('uri');
  const response = params.get('response');
  if (username === undefined || realm === undefined || nonce === undefined) return undefined;
  if (uri === undefined || response === undefined) return undefined;
  const algorithm = params.get('algorithm');
  const opaque = params.get('opaque');
  const qop = params.get('qop');
  const nc = params.get('nc');
  const cnonce = params.get('cnonce');
  return {
    username,
    realm,
    nonce,
    uri,
    response,
    ...(algorithm !== undefined && { algorithm }),
    ...(opaque !== undefined && { opaque }),
    ...(qop !== undefined && { qop }),
    ...(nc !== undefined && { nc }),
    ...(cnonce !== undefined && { cnonce }),
    ...(params.get('userhash')?.toLowerCase() === 'true' && { userhash: true }),
  };
}

/** `username*=UTF-8''J%C3%A4s` (RFC 8187), in octets; it may spell what no field can hold, as a line break. */
function extendedUsername(value: string | undefined): string | undefined {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(value ?? '')?.[1];
  if (encoded === undefined) return undefined;
  try {
    const name = octets(decodeURIComponent(encoded));
    return hasControl(name) ? undefined : name;
  } catch {
    return undefined;
  }
}

/** Whether a text holds a control character: a line break in a user name would end the header field it stands in. */
export function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 32 || code === 127) return true;
  }
  return false;
}
