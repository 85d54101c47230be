import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** How a CPE's connection-request server challenges; the defaults are those of most devices. */
export interface DigestHabits {
  /** Offer `qop="auth"` (RFC 7616). Without it the answer is computed as in RFC 2069. Default true. */
  readonly qop?: boolean;
  /** Send `algorithm`, in quotes or not. Default: not sent, which means MD5. */
  readonly algorithm?: 'MD5' | '"MD5"';
  /** Text that goes after the other parameters, for instance `opaque="5ccc"`. */
  readonly also?: string;
  /** The path that the CPE puts into its hash, whatever was asked for; easycwmp always takes `/`. */
  readonly path?: string;
}

/** Who may wake a CPE. */
export interface DigestCredentials {
  readonly username: string;
  readonly password: string;
}

/** Digest as a CPE's connection-request server speaks it: MD5 with `qop=auth` (RFC 2617 §3.2, RFC 7616 §3.4). */
export class DigestGuard {
  readonly #credentials: DigestCredentials;
  readonly #realm: string;
  readonly #habits: DigestHabits;
  /** The highest `nc` seen with each nonce. */
  readonly #nonces = new Map<string, number>();

  constructor(credentials: DigestCredentials, realm: string, habits: DigestHabits = {}) {
    this.#credentials = credentials;
    this.#realm = realm;
    this.#habits = habits;
  }

  /** A new challenge for `WWW-Authenticate`. The last sixteen nonces are good. */
  challenge(): string {
    const nonce = randomBytes(16).toString('hex');
    this.#nonces.set(nonce, 0);
    const [eldest] = this.#nonces.keys();
    if (this.#nonces.size > 16 && eldest !== undefined) this.#nonces.delete(eldest);
    const { qop = true, algorithm, also } = this.#habits;
    const parameters = [`realm="${this.#realm}"`, `nonce="${nonce}"`];
    if (qop) parameters.push('qop="auth"');
    if (algorithm !== undefined) parameters.push(`algorithm=${algorithm}`);
    if (also !== undefined) parameters.push(also);
    return `Digest ${parameters.join(', ')}`;
  }

  /** Whether this `Authorization` value answers one of our challenges for this very request. */
  accepts(authorization: string | undefined, method: string, target: string): boolean {
    if (!authorization?.startsWith('Digest ')) return false;
    const given = parametersOf(authorization.slice('Digest '.length));
    const nonce = given.get('nonce') ?? '';
    const lastCount = this.#nonces.get(nonce);
    if (lastCount === undefined || given.get('realm') !== this.#realm) return false;
    if (given.get('username') !== this.#credentials.username) return false;
    const uri = this.#habits.path ?? target;
    if (this.#habits.path === undefined && given.get('uri') !== target) return false;

    const { qop = true } = this.#habits;
    if (qop) {
      const count = Number.parseInt(given.get('nc') ?? '', 16);
      if (given.get('qop') !== 'auth' || !(count > lastCount) || !given.get('cnonce')) return false;
      this.#nonces.set(nonce, count);
    }
    const expected = digestResponse({
      ...this.#credentials,
      realm: this.#realm,
      nonce,
      method,
      uri,
      ...(qop ? { nc: given.get('nc') ?? '', cnonce: given.get('cnonce') ?? '' } : {}),
    });
    const response = Buffer.from(given.get('response') ?? '');
    return response.length === expected.length && timingSafeEqual(response, Buffer.from(expected));
  }
}

/** What an MD5 response is computed from; without `nc` and `cnonce` it is the RFC 2069 form. */
export interface DigestInput extends DigestCredentials {
  readonly realm: string;
  readonly nonce: string;
  readonly method: string;
  readonly uri: string;
  readonly nc?: string;
  readonly cnonce?: string;
}

/** The `response` of RFC 2617 §3.2.2.1 for MD5 and `qop=auth`. */
export function digestResponse(input: DigestInput): string {
  const secret = md5(`${input.username}:${input.realm}:${input.password}`);
  const request = md5(`${input.method}:${input.uri}`);
  if (input.nc === undefined) return md5(`${secret}:${input.nonce}:${request}`);
  return md5(`${secret}:${input.nonce}:${input.nc}:${input.cnonce ?? ''}:auth:${request}`);
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

function parametersOf(text: string): Map<string, string> {
  const pairs = text.matchAll(/(?<![\w*])([\w*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g);
  return new Map([...pairs].map(([, name = '', quoted, token]) => [name.toLowerCase(), quoted ?? token ?? '']));
}
