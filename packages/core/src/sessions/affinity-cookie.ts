import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Backend } from '../backends/backend.js';

const cookieName = 'cwmp-proxy';

/** A pair of a Cookie field, or an attribute that a CPE echoes of a whole Set-Cookie line (netcwmp, catawampus). */
const ownPair = /^\s*cwmp-proxy\s*=\s*"?([\w-]*)"?\s*$/;
const attribute = /^\s*(?:\$?path|\$?domain|\$version|expires|max-age|samesite)\s*=|^\s*(?:httponly|secure)\s*$/i;

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
    for (let index = 0; index < rawHeaders.length; index += 2) {
      if (rawHeaders[index]?.toLowerCase() !== 'cookie') continue;
      for (const pair of (rawHeaders[index + 1] ?? '').split(/[;,]/)) {
        const shown = ownPair.exec(pair)?.[1];
        const backend = shown === undefined ? undefined : this.#named(shown);
        if (backend !== undefined) return backend;
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
  let ofOwn = false;
  for (const pair of cookies.split(/(?<=[;,])/)) {
    const bare = pair.replace(/[;,]$/, '');
    ofOwn = ownPair.test(bare) || (ofOwn && attribute.test(bare));
    if (!ofOwn) kept.push(pair);
  }
  const left = kept.join('').replace(/^\s+|[;,\s]+$/g, '');
  return left === '' ? undefined : left;
}
