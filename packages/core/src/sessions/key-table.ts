import type { Backend } from '../backends/backend.js';
import { BoundedMap } from '../bounded-map.js';
import type { Session } from './session.js';

/** What a key leads to. */
export interface KnownCpe {
  /** The session, as long as its backend connection stands. */
  session: Session | undefined;
  backend: Backend;
  /** The address of the CPE that was given the key. */
  readonly address: string | undefined;
}

/** Most keys of ended sessions, and most shared ones, that are remembered as such. */
const maxRemembered = 4_096;

/**
 * From what a CPE can show (hashes of cookies and nonces) to where it was. Bounded: the oldest key goes first. A key that two
 * CPEs were given (`lang=en`, a load balancer's `SERVERID=a`) tells none from the other and leads nowhere: one that is given
 * out while another session has it, and one that was given out before, unless its CPE shows it from the address it had then.
 */
export class KeyTable {
  readonly #known: BoundedMap<string, KnownCpe>;
  /** Keys of sessions that are over, and the address of the CPE that had each. */
  readonly #past = new BoundedMap<string, string | undefined>(maxRemembered);
  readonly #shared = new BoundedMap<string, true>(maxRemembered);

  constructor(maxKeys: number) {
    this.#known = new BoundedMap(maxKeys);
  }

  /** Where the CPE that shows this key was. */
  get(key: string): KnownCpe | undefined {
    return this.#known.get(key);
  }

  /**
   * Notes that a session's CPE was given a key.
   *
   * @param shown The keys that the CPE showed before.
   * @returns whether the key is of use.
   */
  learn(key: string, session: Session, shown: () => readonly string[]): boolean {
    const known = this.#known.get(key);
    if (known?.session === session) return true;
    if (this.#shared.has(key) || !this.#isOfOneCpe(key, known, session, shown)) {
      this.#known.delete(key);
      this.#shared.set(key, true);
      return false;
    }
    this.#known.set(key, { session, backend: session.backend, address: session.address });
    return true;
  }

  /** The session's backend connection is gone; the key still leads to the backend. */
  detach(key: string, session: Session): void {
    const known = this.#known.get(key);
    if (known?.session === session) known.session = undefined;
  }

  /** The session is over, and its key with it. */
  forget(key: string, session: Session): void {
    if (this.#known.get(key)?.session !== session) return;
    this.#known.delete(key);
    this.#past.set(key, session.address);
  }

  #isOfOneCpe(
    key: string,
    known: KnownCpe | undefined,
    { address, backend, heirOf }: Session,
    shown: () => readonly string[],
  ): boolean {
    if (known?.session !== undefined) return known.session === heirOf;
    if (known === undefined && !this.#past.has(key)) return true;
    const before = known === undefined ? this.#past.get(key) : known.address;
    return before === address && (known === undefined || known.backend === backend) && shown().includes(key);
  }
}
