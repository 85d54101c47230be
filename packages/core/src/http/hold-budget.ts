import { CwmpProxyError } from '../errors.js';
import { callsPerTurn } from '../in-turns.js';
import { HeldRoom, type Hold } from './held-room.js';

/** Bodies that bring less than this in a second give way first, in bytes. */
const slowBytes = 1_024;
/** How long a body may take before it can be called slow, in milliseconds. */
const patienceMs = 1_000;
/** After so many milliseconds a body's speed is measured anew: what it brought at first does not count for ever. */
const windowMs = 5_000;
const sweepMs = 250;

/** The fault of a body that gave way to others. */
function tooSlow(): CwmpProxyError {
  const message = 'the request body comes too slowly for what is held, see limits.maxHeldTotalBytes';
  return new CwmpProxyError('ERR_CWMP_REQUEST_TIMEOUT', message);
}

/** A body that comes. Its speed is measured while it is waited for. */
export class Arrival {
  readonly #arriving: Set<Arrival>;
  readonly #onStart: () => void;
  readonly #holds: readonly Hold[];
  readonly #giveWay: (fault: CwmpProxyError) => void;
  #bytes = 0;
  /** Since when it is measured; and since when it is not. */
  #since = 0;
  #pausedAt = 0;

  /** @internal */
  constructor(
    arriving: Set<Arrival>,
    onStart: () => void,
    holds: readonly Hold[],
    giveWay: (fault: CwmpProxyError) => void,
  ) {
    this.#arriving = arriving;
    this.#onStart = onStart;
    this.#holds = holds;
    this.#giveWay = giveWay;
  }

  /** Says that the body is waited for. */
  start(): void {
    if (this.#arriving.has(this)) return;
    this.#since += performance.now() - this.#pausedAt;
    this.#arriving.add(this);
    this.#onStart();
  }

  /** Says that so many bytes of it have come. */
  came(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Says that it is not waited for: it is over, or nobody takes it at the moment. */
  stop(): void {
    if (this.#arriving.delete(this)) this.#pausedAt = performance.now();
  }

  /** @internal Says that for so many milliseconds nothing was read of any body. */
  notRead(ms: number): void {
    this.#since += ms;
  }

  /** @internal Has it end if it has to give way; whether it does. */
  end(now: number): boolean {
    const speed = this.#speed(now);
    const isSlow = speed < slowBytes;
    if (speed === Infinity || !this.#holds.some((hold) => hold.isOverShare || (isSlow && hold.isSqueezed)))
      return false;
    this.stop();
    for (const hold of this.#holds) hold.release();
    this.#giveWay(tooSlow());
    return true;
  }

  /** Bytes a second; `Infinity` while that cannot be told yet. */
  #speed(now: number): number {
    const ms = now - this.#since;
    if (ms < patienceMs) return Infinity;
    const speed = (this.#bytes * 1_000) / ms;
    if (ms > windowMs) {
      this.#since = now;
      this.#bytes = 0;
    }
    return speed;
  }
}

/**
 * Bounds what all bodies in flight hold together, with a session or without one.
 *
 * - Three quarters are for bodies of requests, and within these a quarter at most for answers. An answer that finds no room is
 *   streamed.
 * - The last quarter is for the coders of compressed bodies, and half of that at most for those of streams: they last as long as
 *   their CPE and backend like, and whole bodies do not wait for them.
 * - A body that is held and waits for coders never waits for bodies that wait for the same. Where rewriting has made bodies longer
 *   than there is room for, coders work one at a time.
 * - A request waits for nothing here once it has its coders: what holds room is waiting for its CPE, its backend or its host, whose
 *   time is bounded.
 * - Above half, bodies that bring less than 1 KB a second give way; so do those of an address that holds more than a quarter
 *   while others wait, if they take longer than a second.
 */
export class HoldBudget {
  /** For bodies of requests. */
  readonly bodies: HeldRoom;
  /** For decoders and encoders of bodies that are whole. */
  readonly coders: HeldRoom;
  /** For decoders and encoders of bodies that are streamed. */
  readonly streamCoders: HeldRoom;
  /** For bodies of answers; nobody waits for it. */
  readonly answers: HeldRoom;
  /** Those that are waited for. */
  readonly #rooms: readonly HeldRoom[];
  readonly #arriving = new Set<Arrival>();
  /** Runs while any body waits or arrives. */
  #timer: NodeJS.Timeout | undefined;
  #sweptAt = 0;
  #isClosed = false;
  readonly #startTimer = (): void => {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#sweptAt = performance.now();
    this.#timer = setInterval(() => this.#onTick(), sweepMs);
    this.#timer.unref();
  };

  /** @param waitMs How long a body waits for room, in milliseconds. */
  constructor(maxBytes: number, waitMs: number) {
    const quarter = maxBytes / 4;
    const left = (): number => 3 * quarter - this.bodies.bytes - this.answers.bytes;
    const leftForCoders = (): number => (left() < 0 ? 0 : quarter - this.coders.bytes - this.streamCoders.bytes);
    const roomOf = (bytes: number, free: () => number, isCrowded: () => boolean): HeldRoom =>
      new HeldRoom({
        free,
        isCrowded,
        maxShareBytes: bytes / 4,
        waitMs,
        onWait: this.#startTimer,
        onFree: this.#serve,
      });
    const isHalf = (): boolean => this.bytes > maxBytes / 2;
    this.bodies = roomOf(maxBytes, left, isHalf);
    this.answers = roomOf(quarter, () => Math.min(left(), quarter - this.answers.bytes), isHalf);
    this.coders = roomOf(quarter, leftForCoders, isHalf);
    this.streamCoders = roomOf(
      quarter / 2,
      () => Math.min(leftForCoders(), quarter / 2 - this.streamCoders.bytes),
      () => this.streamCoders.bytes > quarter / 4,
    );
    this.#rooms = [this.bodies, this.coders, this.streamCoders];
  }

  /** How many bytes are held. */
  get bytes(): number {
    return this.bodies.bytes + this.answers.bytes + this.coders.bytes + this.streamCoders.bytes;
  }

  /**
   * Measures how fast a body comes.
   *
   * @param holds The room that it has.
   * @param giveWay Called when it has to give way; the room is given back then.
   */
  arrival(holds: readonly Hold[], giveWay: (fault: CwmpProxyError) => void): Arrival {
    return new Arrival(this.#arriving, this.#startTimer, holds, giveWay);
  }

  /** Nobody waits any more, and nothing is left that keeps time. */
  close(): void {
    this.#isClosed = true;
    for (const room of this.#rooms) room.close();
    this.#stopTimer();
    this.#sweep();
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  readonly #serve = (): void => {
    for (const room of this.#rooms) if (room.isWaitedFor) room.serve();
  };

  #onTick(): void {
    const now = performance.now();
    const lateMs = now - this.#sweptAt - sweepMs;
    this.#sweptAt = now;
    // The event loop was busy: what has come meanwhile is read next, and no CPE was slow by that.
    if (lateMs > sweepMs) for (const arrival of this.#arriving) arrival.notRead(lateMs + sweepMs);
    this.#sweep();
  }

  #sweep(): void {
    if (this.#arriving.size === 0 && !this.#rooms.some(({ isWaitedFor }) => isWaitedFor)) return this.#stopTimer();
    const now = performance.now();
    let ended = 0;
    for (const room of this.#rooms) ended += room.expire(now, callsPerTurn - ended);
    for (const arrival of this.#arriving) {
      if (ended >= callsPerTurn) break;
      if (arrival.end(now)) ended += 1;
    }
    this.#serve();
    if (ended >= callsPerTurn) setImmediate(() => this.#sweep());
  }
}
