import { BoundedMap } from '../bounded-map.js';
import { unknownAddress } from '../http/client-address.js';
import { isAddress } from './lone-addresses.js';
import type { Session } from './session.js';

/** What a key leads to. */
export interface KnownCpe {
  /** The session, as long as its backend connection stands. */
  session: Session | undefined;
  /** Name of the backend when there is no session; not the backend itself, which may be removed and added again. */
  backend: string;
  /** The address of the CPE that was given the key. */
  readonly address: string;
  /** The group that the address is counted in. */
  readonly addressGroup: string;
  /** The device that was given the key, as far as it is known. */
  device: string | undefined;
}

/** How many keys a {@link KeyTable} holds. */
export interface KeyLimits {
  maxKeys: number;
  /** Maximum number of keys of one client address. */
  maxKeysPerAddress: number;
}

/** Maximum number of keys of ended sessions, and of keys that are out of use, that are remembered as such. */
const maxRemembered = 4_096;

/** How long an address is out of use as a key after two CPEs were seen at it, in milliseconds. */
const addressOutOfUseMs = 600_000;

/**
 * From what a CPE can show (hashes of cookies and nonces, its address) to where it was. Bounded, in all and for each client address, so that none takes the place of the others: the oldest
 * key goes first.
 *
 * A key that two CPEs have (`lang=en`, a load balancer's `SERVERID=a`) tells none from the other: it is put out of use. What
 * tells two CPEs from one that comes again is the DeviceId of their Informs; where one of them is not known, a CPE that shows the
 * key from the address it had is taken for the same one.
 */
export class KeyTable {
  readonly #limits: KeyLimits;
  readonly #known = new BoundedMap<string, KnownCpe>(Infinity);
  /** The keys of each client address, the oldest first. */
  readonly #ofAddress = new Map<string, BoundedMap<string, true>>();
  /** Keys of sessions that are over, and the CPE that had each. */
  readonly #past = new BoundedMap<string, Pick<KnownCpe, 'address' | 'device'>>(maxRemembered);
  /** Keys out of use, and until when. */
  readonly #out = new BoundedMap<string, number>(maxRemembered);

  constructor(limits: KeyLimits) {
    this.#limits = limits;
  }

  /** Where the CPE that shows this key was. */
  get(key: string): KnownCpe | undefined {
    return this.#known.get(key);
  }

  /**
   * Notes that a session's CPE was given a key.
   *
   * @param accepted Whether the ACS took the CPE for what it says it is: it answered with no 401.
   * @param shown The keys that the CPE showed before.
   */
  learn(key: string, session: Session, accepted: boolean, shown: () => readonly string[]): void {
    if (this.#known.get(key)?.session === session) return;
    if ((this.#out.get(key) ?? 0) > performance.now()) {
      // What is given out often is remembered for longer.
      if (!isAddress(key)) this.putOut(key);
      return;
    }
    const verdict = this.#judge(key, session, accepted, shown);
    if (verdict === 'same CPE') this.give(key, session);
    else if (verdict === 'two CPEs') this.putOut(key);
  }

  /** From now on the key leads to this session. */
  give(key: string, session: Session): void {
    this.#delete(key);
    const { address, addressGroup, device, backend } = session;
    this.#known.set(key, { session, backend: backend.url, address, addressGroup, device });
    session.keys.add(key);
    let own = this.#ofAddress.get(addressGroup);
    if (own === undefined) {
      own = new BoundedMap(Infinity);
      this.#ofAddress.set(addressGroup, own);
    }
    own.set(key, true);
    const { maxKeys, maxKeysPerAddress } = this.#limits;
    const isOverShare = own.size > maxKeysPerAddress && addressGroup !== unknownAddress;
    const tooOld = isOverShare ? own.oldestKey : this.#known.size > maxKeys ? this.#known.oldestKey : undefined;
    if (tooOld !== undefined) this.#delete(tooOld);
  }

  /** Two CPEs have the key: it leads nobody anywhere any more; an address only for a while, as it may be given to another CPE. */
  putOut(key: string): void {
    this.#delete(key);
    this.#out.set(key, isAddress(key) ? performance.now() + addressOutOfUseMs : Infinity);
  }

  /** The session's backend connection is gone; the key still leads to the backend. */
  detach(key: string, session: Session): void {
    const known = this.#known.get(key);
    if (known?.session !== session) return;
    known.session = undefined;
    known.backend = session.backend.url;
    known.device = session.device;
  }

  /** The session is over, and its key with it. */
  forget(key: string, session: Session): void {
    if (this.#known.get(key)?.session !== session) return;
    const { address, device } = session;
    this.#delete(key);
    this.#past.set(key, { address, device });
  }

  #delete(key: string): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    known.session?.keys.delete(key);
    this.#known.delete(key);
    const own = this.#ofAddress.get(known.addressGroup);
    own?.delete(key);
    if (own?.size === 0) this.#ofAddress.delete(known.addressGroup);
  }

  /** Whether the CPE that had the key, if one had, and that of a session which is given it now are one. */
  #judge(
    key: string,
    { heirOf, address, device, number }: Session,
    accepted: boolean,
    shown: () => readonly string[],
  ): 'same CPE' | 'two CPEs' | 'cannot tell' {
    const known = this.#known.get(key);
    const before = known ?? this.#past.get(key);
    if (before === undefined) return 'same CPE';
    const other = known?.session;
    if (other !== undefined && other === heirOf) return 'same CPE';
    const deviceBefore = other === undefined ? before.device : other.device;
    if (device !== undefined && deviceBefore !== undefined) {
      if (device !== deviceBefore) return 'two CPEs';
      // A CPE has one session at a time, its latest. Who is not accepted yet may only say that it is this CPE.
      return other === undefined || (accepted && other.number < number) ? 'same CPE' : 'cannot tell';
    }
    if (!shown().includes(key)) return 'two CPEs';
    if (before.address !== address) return 'cannot tell';
    return other === undefined ? 'same CPE' : 'two CPEs';
  }
}
