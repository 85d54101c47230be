import { addressGroup } from '../../http/client-address.js';
import { canonicalAddress } from '../../policy/ip-address.js';
import { FairLimit, type Guest } from './fair-limit.js';
import { Patience } from './patience.js';

/** Sizes of {@link WakeLimits}. */
export interface WakeLimitSizes {
  /** Maximum number of CPEs that are talked to at once. Default 256. */
  readonly maxWakes?: number;
  /** Maximum number of CPEs that are connected to at once, or are silent. Default 2 048, of one network at most 512. */
  readonly maxConnecting?: number;
  /** Maximum number of names that are looked up at once. Default 32, for one asker at most three quarters of them. */
  readonly maxLookups?: number;
}

/** Maximum number of CPEs of one IPv4 /24 or IPv6 /64 that are connected to at once, or are silent. */
const maxConnectingOfBlock = 512;

/**
 * Maximum number of CPEs that are dialled in one turn of the event loop: some milliseconds. With fewer, a process that has much else to do
 * in each turn dials too slowly.
 */
const maxDialledPerTurn = 64;

/** How long a name server may be silent while other names wait to be looked up, in milliseconds. */
const lookupPatienceMs = 300;

/** How many names are looked up at once, how many CPEs are connected to, and how many are talked to. Shared by all wakes of a proxy. */
export class WakeLimits {
  /** Names that are looked up. Those who ask take turns. */
  readonly lookups: FairLimit;
  /** Those that are being connected to, and those that have given their turn up for they were silent. */
  readonly connecting: FairLimit;
  /** Those that are talked to. */
  readonly turns: FairLimit;
  readonly patience: Patience = new Patience();

  constructor({ maxWakes = 256, maxConnecting = 2_048, maxLookups = 32 }: WakeLimitSizes = {}) {
    const placesOfBlock = Math.min(maxConnecting, maxConnectingOfBlock);
    this.connecting = new FairLimit({
      places: maxConnecting,
      placesOfBlock,
      // Where thousands come at once, the first of them are woken before the last are dialled.
      perTurn: maxDialledPerTurn,
      patienceMs: () => this.patience.endMs,
    });
    this.lookups = new FairLimit({
      places: maxLookups,
      placesOfBlock: Math.ceil((3 * maxLookups) / 4),
      patienceMs: () => lookupPatienceMs,
    });
    this.turns = new FairLimit({ places: maxWakes, patienceMs: () => this.patience.turnMs });
  }
}

/** A seat in one of the limits. */
class Seat implements Guest {
  readonly block: string;
  readonly lane: string;
  readonly limit: FairLimit;
  silentSince = 0;
  isTaken = false;
  /** Ends the wait for it. */
  onEnd: (() => void) | undefined;
  #place: WakePlace | undefined;

  constructor(limit: FairLimit, place: WakePlace) {
    this.limit = limit;
    this.block = place.block;
    this.lane = place.lane;
    this.#place = place;
  }

  start(): void {
    this.isTaken = true;
    this.onEnd?.();
  }

  giveWay(): void {
    this.#place?.giveWay(this.limit);
  }

  leave(): void {
    // A table of the limit that V8 has replaced by another may refer to it until the next great collection: so not to the wake.
    this.#place = undefined;
    this.limit.leave(this);
    this.onEnd?.();
    this.onEnd = undefined;
  }
}

/**
 * The place of one wake in {@link WakeLimits}: among those that are connected to, then with a turn. A CPE that is silent while
 * others wait loses the turn, but not the wake, and gets one again when it has answered.
 */
export class WakePlace {
  /** The network of the address that is dialled. */
  block: string;
  /** Wakes of one lane take turns with those of others at the same network. */
  readonly lane: string;
  readonly #limits: WakeLimits;
  readonly #crowdedOut: () => void;
  #seat: Seat | undefined;
  #wanted: Seat | undefined;
  #isFirst: boolean;

  /**
   * @param address The address that is dialled.
   * @param isFirst Whether it gets its turn before others of its network.
   * @param crowdedOut Called when the wake has to end, because its CPE is silent and others wait.
   */
  constructor(limits: WakeLimits, address: string, lane: string, isFirst: boolean, crowdedOut: () => void) {
    this.#limits = limits;
    this.block = blockOf(address);
    this.lane = lane;
    this.#isFirst = isFirst;
    this.#crowdedOut = crowdedOut;
  }

  /** Whether it waits for others to leave. */
  get isWaiting(): boolean {
    return this.#wanted !== undefined;
  }

  /** Before the CPE is connected to. Resolves when it may be; nothing when it may be now. */
  connect(): Promise<void> | undefined {
    if (this.#seat === undefined) return this.#take(this.#limits.connecting);
    this.#seat.limit.heard(this.#seat);
    return undefined;
  }

  /** Before another address of the CPE is connected to. Resolves when it may be; nothing when it may be now. */
  moveTo(address: string): Promise<void> | undefined {
    this.leave();
    this.block = blockOf(address);
    return this.connect();
  }

  /** Before the CPE is sent something. Resolves when it may be; nothing when it may be now. */
  talk(): Promise<void> | undefined {
    const { turns } = this.#limits;
    if (this.#seat?.limit !== turns) return this.#take(turns);
    turns.heard(this.#seat);
    return undefined;
  }

  /** The CPE has answered what it was sent. */
  answered(): void {
    if (this.#seat === undefined) return;
    this.#limits.patience.answered(performance.now() - this.#seat.silentSince);
    this.#seat.limit.heard(this.#seat);
  }

  /** It has been silent for too long while others wait: for a turn, or for the place that it has without one. */
  giveWay(limit: FairLimit): void {
    const { connecting } = this.#limits;
    if (limit === connecting) {
      this.#crowdedOut();
      return;
    }
    const seat = new Seat(connecting, this);
    seat.silentSince = this.#seat?.silentSince ?? 0;
    // It is behind nobody when its CPE answers.
    this.#isFirst = true;
    this.#sit(seat);
    connecting.force(seat);
  }

  /** The wake is over, or pauses. A wait ends too. */
  leave(): void {
    this.#wanted?.leave();
    this.#wanted = undefined;
    this.#seat?.leave();
    this.#seat = undefined;
  }

  #take(limit: FairLimit): Promise<void> | undefined {
    const seat = new Seat(limit, this);
    limit.enter(seat, this.#isFirst);
    if (seat.isTaken) {
      this.#sit(seat);
      return undefined;
    }
    this.#wanted = seat;
    // It is not the CPE that keeps it waiting.
    if (this.#seat !== undefined) this.#seat.limit.excuse(this.#seat);
    return new Promise((resolve) => {
      seat.onEnd = () => {
        if (seat.isTaken && this.#wanted === seat) this.#sit(seat);
        resolve();
      };
    });
  }

  #sit(seat: Seat): void {
    this.#wanted = undefined;
    const before = this.#seat;
    this.#seat = seat;
    before?.leave();
  }
}

/** The network of an address: an IPv4 /24 or an IPv6 /64. */
function blockOf(address: string): string {
  const group = addressGroup(canonicalAddress(address));
  return group.includes(':') ? group : group.slice(0, group.lastIndexOf('.'));
}
