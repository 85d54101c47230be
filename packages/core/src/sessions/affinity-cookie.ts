import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Backend } from '../backends/backend.js';
import { endOfPair } from './cookie-pairs.js';

const cookieName = 'cwmp-proxy';

/** Maximum of own cookies in one request that are compared with the backends; a CPE has one. */
const maxShown = 4;

/** What follows our own pair where a CPE echoes a whole Set-Cookie line (netcwmp, catawampus). */
const attributes: ReadonlySet<string> = new Set([
  'path',
  '$path',
  'domain',
  '$domain',
  '$version',
  'expires',
  'max-age',
  'samesite',
]);
const flags: ReadonlySet<string> = new Set(['httponly', 'secure']);

/** The value of our own cookie in a pair of a Cookie field; `undefined` for any other pair. */
function ownValue(pair: string): string | undefined {
  const equals = pair.indexOf('=');
  if (equals < 0 || pair.slice(0, equals).trim() !== cookieName) return undefined;
  const value = pair.slice(equals + 1).trim();
  const from = value.startsWith('"') ? 1 : 0;
  const to = value.endsWith('"') ? value.length - 1 : value.length;
  const bare = value.slice(from, Math.max(from, to));
  return /[^\w-]/.test(bare) ? undefined : bare;
}

function isAttribute(pair: string): boolean {
  const equals = pair.indexOf('=');
  if (equals < 0) return flags.has(pair.trim().toLowerCase());
  return attributes.has(pair.slice(0, equals).trim().toLowerCase());
}

/**
 * The proxy's own cookie, which names the backend of a session by a keyed hash of its URL: gateways that share a key and
 * their backends, and nothing else, send a CPE to the same backend. Nobody without the key can make one.
 */
export class AffinityCookie {
  readonly #key: string;
  readonly #backends: Iterable<Backend>;
  readonly #values = new WeakMap<Backend, string>();

  constructor(key: string, backends: Iterable<Backend>) {
    this.#key = key;
    this.#backends = backends;
  }

  /** The Set-Cookie value for a CPE whose session is on this backend. */
  setCookie(backend: Backend): string {
    return `${cookieName}=${this.#valueFor(backend)}; Path=/`;
  }

  /** The backend that a request's cookies name. */
  find(rawHeaders: readonly string[]): Backend | undefined {
    let count = 0;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      if (rawHeaders[index]?.toLowerCase() !== 'cookie') continue;
      const cookies = rawHeaders[index + 1] ?? '';
      for (let from = 0, to = 0; from <= cookies.length; from = to + 1) {
        to = endOfPair(cookies, from);
        const shown = ownValue(cookies.slice(from, to));
        if (shown === undefined) continue;
        const backend = this.#named(shown);
        count += 1;
        if (backend !== undefined || count >= maxShown) return backend;
      }
    }
    return undefined;
  }

  #named(shown: string): Backend | undefined {
    const bytes = Buffer.from(shown);
    for (const backend of this.#backends) {
      const own = Buffer.from(this.#valueFor(backend));
      if (own.length === bytes.length && timingSafeEqual(own, bytes)) return backend;
    }
    return undefined;
  }

  #valueFor(backend: Backend): string {
    let value = this.#values.get(backend);
    if (value === undefined) {
      value = createHmac('sha256', this.#key).update(backend.url).digest('base64url').slice(0, 22);
      this.#values.set(backend, value);
    }
    return value;
  }
}

/**
 * A Cookie field without the proxy's own cookie, and without its attributes where the CPE echoes them; `undefined` when
 * nothing is left. Every other byte stays.
 */
export function withoutAffinity(cookies: string): string | undefined {
  if (!cookies.includes(cookieName)) return cookies;
  const kept: string[] = [];
  let keptFrom = 0;
  let ofOwn = false;
  for (let from = 0, to = 0; from <= cookies.length; from = to + 1) {
    to = endOfPair(cookies, from);
    const pair = cookies.slice(from, to);
    ofOwn = ownValue(pair) !== undefined || (ofOwn && isAttribute(pair));
    if (!ofOwn) continue;
    kept.push(cookies.slice(keptFrom, from));
    keptFrom = to + 1;
  }
  kept.push(cookies.slice(keptFrom));
  const left = withoutEnd(kept.join('').trimStart());
  return left === '' ? undefined : left;
}

/** Without separators and white space at the end; backwards, because a regular expression would be quadratic. */
function withoutEnd(text: string): string {
  let end = text.length;
  while (end > 0 && /[;,\s]/.test(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
