import { BoundedMap } from '../bounded-map.js';
import { AddressLimitError } from '../http/address-limit.js';
import { unknownAddress } from '../http/client-address.js';
import type { Session } from './session.js';

/** What one client address holds. */
interface Share {
  /** Sessions whose backend connection stands: those that run, that wait for their CPE, and that have ended. */
  held: number;
  /** Those of them that have ended and have no request under way, the oldest first. */
  ended: BoundedMap<Session, true> | undefined;
}

/** How many sessions each client address holds (an IPv6 /64 counts as one). An entry ends with its last session. */
export class AddressShares {
  readonly #maxPerAddress: number;
  readonly #shares = new Map<string, Share>();

  constructor(maxPerAddress: number) {
    this.#maxPerAddress = maxPerAddress;
  }

  /**
   * Makes sure that an address may begin one more session.
   *
   * @returns a session of the address that has ended and must give way first, if there is one.
   * @throws {@link AddressLimitError}
   */
  admit(group: string): Session | undefined {
    const share = this.#shares.get(group);
    if (group === unknownAddress || share === undefined || share.held < this.#maxPerAddress) return undefined;
    const oldest = share.ended?.oldestKey;
    if (oldest === undefined) throw new AddressLimitError(group, 'sessions', 'limits.maxSessionsPerAddress');
    return oldest;
  }

  begun({ addressGroup: group }: Session): void {
    const share = this.#shares.get(group);
    if (share === undefined) this.#shares.set(group, { held: 1, ended: undefined });
    else share.held += 1;
  }

  /** The session has ended; its backend connection stands until it is dropped. */
  ended(session: Session): void {
    const share = this.#shares.get(session.addressGroup);
    if (share === undefined) return;
    share.ended ??= new BoundedMap(Infinity);
    share.ended.set(session, true);
  }

  /** A request comes on a session that has ended. */
  kept(session: Session): void {
    this.#shares.get(session.addressGroup)?.ended?.delete(session);
  }

  /** The session's backend connection is closed. */
  dropped(session: Session): void {
    const share = this.#shares.get(session.addressGroup);
    if (share === undefined) return;
    share.held -= 1;
    share.ended?.delete(session);
    if (share.held === 0) this.#shares.delete(session.addressGroup);
  }
}
