import { CwmpProxyError } from '../errors.js';
import { HeldRoom, type Hold, maxAtOnce } from './held-room.js';

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
  readonly #hold: Hold;
  readonly #giveWay: (fault: CwmpProxyError) => void;
  #bytes = 0;
  /** Since when it is measured; and since when it is not. */
  #since = 0;
  #pausedAt = 0;

  /** @internal */
  constructor(arriving: Set<Arrival>, onStart: () => void, hold: Hold, giveWay: (fault: CwmpProxyError) => void) {
    this.#arriving = arriving;
    this.#onStart = onStart;
    this.#hold = hold;
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

  /** @internal Has it end if it has to give way; whether it does. */
  end(now: number, isCrowded: boolean): boolean {
    const speed = this.#speed(now);
    if (speed === Infinity || !((isCrowded && speed < slowBytes) || this.#hold.isOverShare)) return false;
    this.stop();
    this.#hold.release();
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
 * - The last quarter is for the coders of compressed bodies. So a body that is held and waits for them never waits for bodies that
 *   wait for the same. Where rewriting has made bodies longer than there is room for, coders work one at a time.
 * - A request waits for nothing here once it has its coders: what holds room is waiting for its CPE, its backend or its host, whose
 *   time is bounded.
 * - Above half, bodies that bring less than 1 KB a second give way; so do those of an address that holds more than a quarter
 *   while others wait, if they take longer than a second.
 */
export class HoldBudget {
  /** For bodies of requests. */
  readonly bodies: HeldRoom;
  /** For decoders and encoders. */
  readonly coders: HeldRoom;
  /** For bodies of answers; nobody waits for it. */
  readonly answers: HeldRoom;
  readonly #maxBytes: number;
  readonly #arriving = new Set<Arrival>();
  /** Runs while any body waits or arrives. */
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  readonly #startTimer = (): void => {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setInterval(() => this.#sweep(), sweepMs);
    this.#timer.unref();
  };

  /** @param waitMs How long a body waits for room, in milliseconds. */
  constructor(maxBytes: number, waitMs: number) {
    this.#maxBytes = maxBytes;
    const quarter = maxBytes / 4;
    const onFree = (): void => {
      if (this.bodies.isWaitedFor) this.bodies.serve();
      if (this.coders.isWaitedFor) this.coders.serve();
    };
    const settings = { maxShareBytes: quarter, waitMs, onWait: this.#startTimer, onFree };
    const left = (): number => 3 * quarter - this.bodies.bytes - this.answers.bytes;
    this.bodies = new HeldRoom({ ...settings, free: left });
    this.answers = new HeldRoom({ ...settings, free: () => Math.min(left(), quarter - this.answers.bytes) });
    this.coders = new HeldRoom({ ...settings, free: () => (left() < 0 ? 0 : quarter - this.coders.bytes) });
  }

  /** How many bytes are held. */
  get bytes(): number {
    return this.bodies.bytes + this.answers.bytes + this.coders.bytes;
  }

  /**
   * Measures how fast a body comes.
   *
   * @param giveWay Called when it has to give way; its hold is released then.
   */
  arrival(hold: Hold, giveWay: (fault: CwmpProxyError) => void): Arrival {
    return new Arrival(this.#arriving, this.#startTimer, hold, giveWay);
  }

  /** Nobody waits any more, and nothing is left that keeps time. */
  close(): void {
    this.#isClosed = true;
    this.bodies.close();
    this.coders.close();
    this.#stopTimer();
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    if (this.#arriving.size === 0 && !this.bodies.isWaitedFor && !this.coders.isWaitedFor) return this.#stopTimer();
    const now = performance.now();
    let ended = this.bodies.expire(now, maxAtOnce) + this.coders.expire(now, maxAtOnce);
    for (const arrival of this.#arriving) {
      if (ended >= maxAtOnce) break;
      if (arrival.end(now, this.bytes > this.#maxBytes / 2)) ended += 1;
    }
    this.bodies.serve();
    this.coders.serve();
    if (ended >= maxAtOnce) setImmediate(() => this.#sweep());
  }
}
