import type { IncomingMessage } from 'node:http';
import { BoundedMap } from '../bounded-map.js';
import { CwmpProxyError } from '../errors.js';
import { callsPerTurn } from '../in-turns.js';
import { clientGroupOf, unknownAddress } from './client-address.js';
import { keepUnread } from './unread-request.js';

/** A body that found no room in time: `ERR_CWMP_BUSY`. */
export class HeldBytesError extends CwmpProxyError {
  constructor() {
    super('ERR_CWMP_BUSY', 'too many bytes are held, see limits.maxHeldTotalBytes');
  }
}

/** What one client address (an IPv6 /64) has of a room. */
interface Account {
  readonly group: string;
  bytes: number;
  /** Its bodies that wait for room, the first one first. */
  waiting: BoundedMap<Waiter, true> | undefined;
}

/** A body that waits for room. */
interface Waiter {
  readonly bytes: number;
  readonly until: number;
  readonly begin: () => void;
  readonly reject: (error: CwmpProxyError) => void;
}

/** A part of a room. It is released once; what comes after that does nothing. */
export class Hold {
  readonly #room: HeldRoom;
  readonly #account: Account;
  #bytes: number;
  #isReleased = false;

  /** @internal */
  constructor(room: HeldRoom, account: Account, bytes: number) {
    this.#room = room;
    this.#account = account;
    this.#bytes = bytes;
  }

  /** Whether it has to give way if its body comes slowly, because little room is left. */
  get isSqueezed(): boolean {
    return this.#room.isCrowded;
  }

  /**
   * Whether it has to give way in any case, because its address holds more than its share while others wait. The only one of its
   * address has not, however large it is.
   */
  get isOverShare(): boolean {
    return this.#account.bytes > this.#bytes && this.#room.isOverShare(this.#account);
  }

  /** Makes it this long, whether there is room or not. */
  resize(bytes: number): void {
    if (this.#isReleased) return;
    const more = bytes - this.#bytes;
    this.#bytes = bytes;
    this.#room.change(this.#account, more);
  }

  /** Makes it at least this long, twice as long as before if the maximum allows it; whether there was room for that. */
  tryGrow(bytes: number, maxBytes: number): boolean {
    if (bytes <= this.#bytes) return true;
    const target = Math.min(Math.max(2 * this.#bytes, bytes), maxBytes);
    if (bytes > target || !this.#room.hasRoom(this.#account, target - this.#bytes)) return false;
    this.resize(target);
    return true;
  }

  /** Gives all of it back. */
  release(): void {
    this.resize(0);
    this.#isReleased = true;
  }
}

/** What a {@link HeldRoom} works with. */
export interface HeldRoomSettings {
  /** How many bytes are free. */
  free: () => number;
  /** Whether little room is left. */
  isCrowded: () => boolean;
  /** Maximum that one address holds while others wait, in bytes. */
  maxShareBytes: number;
  /** How long a body waits for room, in milliseconds. */
  waitMs: number;
  /** Called when a body begins to wait. */
  onWait: () => void;
  /** Called when bytes were given back. */
  onFree: () => void;
}

/**
 * Room for bytes that are held, shared by all client addresses.
 *
 * - An address gets no more than it leaves free, and no more than its share while others wait. So there is always room for the
 *   next address. An address that holds nothing gets what fits.
 * - Where there is no room, bodies wait. The addresses take turns, each with one body. A large body is not passed over for small
 *   ones, which could keep it waiting for ever. What is larger than the whole room goes alone.
 */
export class HeldRoom {
  readonly #settings: HeldRoomSettings;
  #bytes = 0;
  /** Those that hold something or wait. */
  readonly #accounts = new Map<string, Account>();
  /** Those that wait; the one whose turn it is stands first. */
  readonly #turns = new BoundedMap<Account, true>(Infinity);
  #goesOn = false;
  #isClosed = false;

  constructor(settings: HeldRoomSettings) {
    this.#settings = settings;
  }

  /** How many bytes are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether little room is left. */
  get isCrowded(): boolean {
    return this.#settings.isCrowded();
  }

  /** Whether any body waits. */
  get isWaitedFor(): boolean {
    return this.#turns.size > 0;
  }

  /** Takes room for the client of a request, if there is some and nobody waits for it. */
  tryTake(request: IncomingMessage, bytes: number): Hold | undefined {
    if (this.#turns.size > 0) return undefined;
    const account = this.#accountOf(request);
    return this.hasRoom(account, bytes) ? this.#take(account, bytes) : undefined;
  }

  /**
   * Takes room for a body, or waits for it. The request is not read meanwhile.
   *
   * Rejects with {@link CwmpProxyError}: `ERR_CWMP_BUSY` when there is none in time, `ERR_CWMP_CPE_GONE` when the CPE leaves,
   * `ERR_CWMP_CLOSED`.
   */
  async take(request: IncomingMessage, bytes: number): Promise<Hold> {
    const hold = this.tryTake(request, bytes);
    if (hold !== undefined) return hold;
    if (this.#isClosed) throw closed();
    const { socket } = request;
    if (socket.destroyed) throw clientLeft();
    const goOn = keepUnread(request);
    let onClose: (() => void) | undefined;
    try {
      return await new Promise<Hold>((resolve, reject) => {
        const account = this.#accountOf(request);
        const until = performance.now() + this.#settings.waitMs;
        const waiter: Waiter = { bytes, until, begin: () => resolve(this.#take(account, bytes)), reject };
        onClose = () => {
          this.#leave(account, waiter);
          reject(clientLeft());
        };
        socket.on('close', onClose);
        this.#accounts.set(account.group, account);
        account.waiting ??= new BoundedMap(Infinity);
        account.waiting.set(waiter, true);
        if (account.waiting.size === 1) this.#turns.set(account, true);
        this.#settings.onWait();
        // It may be the others' turn, whose share is less now.
        this.serve();
      });
    } finally {
      if (onClose !== undefined) socket.off('close', onClose);
      goOn();
    }
  }

  /** Gives room to who waits, as far as there is some: to a few in each turn of the event loop. */
  serve(): void {
    for (let steps = 0, passedOver = 0; this.#turns.size > passedOver; steps += 1) {
      if (steps === callsPerTurn) {
        // Where none of them could take it, there is no hurry.
        if (passedOver < callsPerTurn) this.#goOn();
        return;
      }
      const account = this.#turns.oldestKey;
      const waiter = account?.waiting?.oldestKey;
      if (account === undefined || waiter === undefined || !this.#fits(waiter.bytes)) return;
      this.#turns.set(account, true);
      if (this.#isWithinShare(account, waiter.bytes)) {
        // Before it leaves, which forgets an address that holds nothing.
        waiter.begin();
        this.#leave(account, waiter);
        passedOver = 0;
      } else passedOver += 1;
    }
  }

  /** Refuses those whose time is over, all of them in a room that is closed, up to a maximum; how many it refused. */
  expire(now: number, max: number): number {
    let expired = 0;
    for (const account of this.#turns.keys()) {
      for (const waiter of account.waiting?.keys() ?? []) {
        if (waiter.until > now && !this.#isClosed) break;
        if (expired === max) return expired;
        expired += 1;
        this.#leave(account, waiter);
        waiter.reject(this.#isClosed ? closed() : new HeldBytesError());
      }
    }
    return expired;
  }

  /** Lets nobody wait any more; for those who do see {@link expire}. */
  close(): void {
    this.#isClosed = true;
  }

  /** @internal */
  hasRoom(account: Account, bytes: number): boolean {
    return this.#fits(bytes) && this.#isWithinShare(account, bytes);
  }

  /** @internal */
  isOverShare(account: Account): boolean {
    return this.#othersWait(account) && account.bytes > this.#settings.maxShareBytes;
  }

  /** @internal */
  change(account: Account, bytes: number): void {
    account.bytes += bytes;
    this.#bytes += bytes;
    if (bytes >= 0) return;
    this.#forget(account);
    this.#settings.onFree();
  }

  #accountOf(request: IncomingMessage): Account {
    const group = clientGroupOf(request);
    return this.#accounts.get(group) ?? { group, bytes: 0, waiting: undefined };
  }

  #take(account: Account, bytes: number): Hold {
    if (account.bytes === 0) this.#accounts.set(account.group, account);
    account.bytes += bytes;
    this.#bytes += bytes;
    return new Hold(this, account, bytes);
  }

  #leave(account: Account, waiter: Waiter): void {
    account.waiting?.delete(waiter);
    if (account.waiting?.size === 0) this.#turns.delete(account);
    this.#forget(account);
  }

  #forget(account: Account): void {
    if (account.bytes === 0 && !this.#turns.has(account)) this.#accounts.delete(account.group);
  }

  #fits(bytes: number): boolean {
    return bytes <= this.#settings.free() || this.#bytes === 0;
  }

  #isWithinShare(account: Account, bytes: number): boolean {
    // Clients without an address cannot be told from each other.
    if (account.bytes === 0 || account.group === unknownAddress) return true;
    const { free, maxShareBytes } = this.#settings;
    const left = free() - bytes;
    return account.bytes + bytes <= (this.#othersWait(account) ? Math.min(left, maxShareBytes) : left);
  }

  #othersWait(account: Account): boolean {
    return this.#turns.size > (this.#turns.has(account) ? 1 : 0);
  }

  #goOn(): void {
    if (this.#goesOn) return;
    this.#goesOn = true;
    setImmediate(() => {
      this.#goesOn = false;
      this.serve();
    });
  }
}

function clientLeft(): CwmpProxyError {
  return new CwmpProxyError('ERR_CWMP_CPE_GONE', 'the CPE left before its request was read');
}

function closed(): CwmpProxyError {
  return new CwmpProxyError('ERR_CWMP_CLOSED', 'the proxy was closed');
}
