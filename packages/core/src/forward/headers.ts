import { isAsserted } from './asserted-fields.js';
import { withoutAffinity } from '../sessions/affinity-cookie.js';

/**
 * Hop-by-hop fields (RFC 9110 §7.6.1) and those that frame the message (RFC 9112 §6): each leg has
 * its own.
 */
const ofOneLeg = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'content-length',
]);

/** Fields of a request that are the proxy's own towards the backend, or are meant for the proxy. */
const ofTheProxy = new Set(['host', 'expect', 'proxy-authorization', 'proxy-authenticate']);

/**
 * Lower-case names of the fields of a CPE's request that do not go on.
 *
 * @param replaced The proxy's own towards the backend.
 */
export function droppedFields(replaced: Iterable<string>): ReadonlySet<string> {
  return new Set([...ofOneLeg, ...ofTheProxy, ...replaced]);
}

/**
 * The fields of a CPE's request that go on to the backend: names' case, order and repetition as they came.
 *
 * @param dropped As {@link droppedFields} gives them.
 * @param believed Lower-case names of those {@link isAsserted asserted} fields that go on, because a trusted proxy sent them.
 */
export function requestHeaders(
  rawHeaders: readonly string[],
  dropped: ReadonlySet<string>,
  believed?: ReadonlySet<string>,
): string[] {
  const named = namedByConnection(rawHeaders);
  const kept: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const lowerCase = name.toLowerCase();
    let key = lowerCase;
    // A lenient backend may read "Content_Length" as "Content-Length"; CGI makes one name of all such.
    if (unusual.test(key)) key = key.replaceAll(/[^a-z\d-]/g, '-');
    if (dropped.has(key) || named?.has(key) === true) continue;
    // In its own spelling alone: a trusted proxy may have let another one of its client pass.
    if (isAsserted(key) && believed?.has(lowerCase) !== true) continue;
    const value = rawHeaders[index + 1] ?? '';
    const passed = key === 'cookie' ? withoutAffinity(value) : value;
    if (passed !== undefined) kept.push(name, passed);
  }
  return kept;
}

const unusual = /[^a-z\d-]/;

/** What the proxy needs to know of an answer's head, beside the fields that go on. */
export interface ResponseHead {
  /** The fields that go on to the CPE: names' case, order and repetition as they came. */
  headers: string[];
  /** Length of the body, when the backend gave it; then it is among the fields. */
  length: number | undefined;
  /** Whether the body came in chunks. */
  chunked: boolean;
  /** Whether the backend says that it closes its connection after this answer. */
  closes: boolean;
}

/** The fields of a backend's answer that go on to the CPE. */
export function responseHead(fields: readonly string[]): ResponseHead {
  const named = namedByConnection(fields);
  const head: ResponseHead = { headers: [], length: undefined, chunked: false, closes: named?.has('close') ?? false };
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    let value = fields[index + 1] ?? '';
    const key = name.toLowerCase();
    if (key === 'content-length') {
      // Repeated lengths agree; the CPE gets one.
      if (head.length !== undefined) continue;
      head.length = Number(value);
    } else if (ofOneLeg.has(key) || named?.has(key) === true) {
      head.chunked ||= key === 'transfer-encoding';
      continue;
    } else if (key === 'www-authenticate') {
      value = withoutAuthInt(value);
    }
    head.headers.push(name, value);
  }
  return head;
}

/**
 * Takes `auth-int` out of a challenge that offers `auth` too: it would have the CPE sign a body that the rewriter changes
 * (RFC 7616 §3.4.3), and GenieACS offers it.
 */
function withoutAuthInt(challenge: string): string {
  return challenge.replace(/(\bqop\s*=\s*")([^"]*)"/gi, (whole, start: string, list: string) => {
    const offers = list.split(',').map((offer) => offer.trim());
    const kept = offers.filter((offer) => offer.toLowerCase() !== 'auth-int');
    return kept.length === 0 || kept.length === offers.length ? whole : `${start}${kept.join(',')}"`;
  });
}

function namedByConnection(fields: readonly string[]): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    named ??= new Set();
    for (const token of (fields[index + 1] ?? '').split(',')) named.add(token.trim().toLowerCase());
  }
  return named;
}
