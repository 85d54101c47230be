import type { Backend } from '../backends/backend.js';
import type { Session } from './session.js';

/** What a key leads to. */
export interface KnownCpe {
  /** The session, as long as its backend connection stands. */
  session: Session | undefined;
  /** The backend; `undefined` for a key that more than one CPE was given, which leads nowhere. */
  backend: Backend | undefined;
}

/** From what a CPE can show (hashes of cookies and nonces) to where it was. Bounded: the oldest key goes first. */
export class KeyTable {
  readonly #known = new Map<string, KnownCpe>();
  readonly #maxKeys: number;

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  /** Where the CPE that shows this key was. */
  get(key: string): KnownCpe | undefined {
    const known = this.#known.get(key);
    return known?.backend === undefined ? undefined : known;
  }

  /**
   * Notes that a session's CPE was given a key. A key that another session's CPE has too (`lang=en`) tells none from the
   * other and is put out of use. Returns whether the key is of use.
   */
  learn(key: string, session: Session): boolean {
    const known = this.#known.get(key);
    if (known !== undefined) {
      if (known.session === session) return true;
      // Without a session the key is that of a CPE that came back to its backend on a new connection.
      if (known.session !== undefined || known.backend !== session.backend) known.backend = undefined;
      known.session = known.backend === undefined ? undefined : session;
      return known.backend !== undefined;
    }
    this.#known.set(key, { session, backend: session.backend });
    if (this.#known.size > this.#maxKeys) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    return true;
  }

  /** The session's backend connection is gone; the key still leads to the backend. */
  detach(key: string, session: Session): void {
    const known = this.#known.get(key);
    if (known?.session === session) known.session = undefined;
  }

  /** The session is over, and its key with it. */
  forget(key: string, session: Session): void {
    if (this.#known.get(key)?.session === session) this.#known.delete(key);
  }
}
