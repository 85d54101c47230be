import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { BoundedMap } from '../bounded-map.js';

/** How nonces are issued. */
export interface NonceOptions {
  /**
   * Key that other instances of the proxy have too: their nonces are good here. Default: a random one, and only own nonces are good.
   * The uses are counted at each instance, so that an answer can be repeated once at each other one: a nonce is good for a short
   * time only.
   */
  key?: string | undefined;
  /** How long a nonce is good, in milliseconds. Default 300 000, with a `key` 60 000. */
  maxAgeMs?: number;
  /**
   * Of how many nonces the uses are remembered, 12 bytes each; a power of two. One that this many newer ones have followed is
   * stale. Default 131 072.
   */
  window?: number;
  /** Maximum of nonces of other instances whose uses are remembered. Default 16 384. */
  maxForeign?: number;
  /** The clock, in milliseconds. Default `Date.now`. */
  now?: () => number;
}

/** Which counts of a nonce have been used: the highest, and as bits those behind it. */
interface Uses {
  readonly top: number;
  readonly behind: number;
}

/** What a nonce is worth: `fresh` may pass; of the others the client may try again with a new one. */
export type NonceState = 'fresh' | 'stale' | 'replayed' | 'unknown';

/** Uses behind the highest that may still come, in any order. */
const countsBehind = 32;
/** The nc of a Digest answer has eight hex digits. */
const maxCount = 0xffff_ffff;
const macLength = 10;
const nonceBytes = 4 + 4 + 4 + macLength;

/**
 * Issues nonces that carry their own time, number and signature, so that none has to be kept to be recognised, whatever
 * connection it comes back on. Only the uses are: of the last so many nonces, in a ring that never grows. A nonce has 30
 * characters, since netcwmp keeps no more than 32.
 */
export class Nonces {
  readonly #key: Buffer;
  readonly #salt = randomBytes(4);
  readonly #maxAgeMs: number;
  readonly #window: number;
  readonly #now: () => number;
  #issued = randomBytes(4).readUInt32BE();
  /** By number, modulo the window: the number itself, the highest count (0 for none), and which of those behind it were used. */
  #numbers: Uint32Array | undefined;
  #highest: Uint32Array | undefined;
  #behind: Uint32Array | undefined;
  /** Uses of the nonces of other instances. */
  readonly #foreign: BoundedMap<string, Uses>;
  readonly #maxForeign: number;
  /** The time in a nonce of another instance whose uses had to be forgotten, in seconds; none from before it is good. */
  #forgottenAt = 0;

  constructor({ key, maxAgeMs, window = 131_072, maxForeign = 16_384, now = Date.now }: NonceOptions = {}) {
    this.#key = key === undefined ? randomBytes(32) : createHmac('sha256', key).update('cwmp-proxy nonce 1').digest();
    this.#maxAgeMs = maxAgeMs ?? (key === undefined ? 300_000 : 60_000);
    this.#window = window;
    this.#maxForeign = maxForeign;
    this.#foreign = new BoundedMap(maxForeign);
    this.#now = now;
  }

  /** A nonce that was never issued before. */
  issue(): string {
    this.#issued = (this.#issued + 1) >>> 0;
    const nonce = Buffer.alloc(nonceBytes);
    const ms = this.#now();
    nonce.writeUInt32BE(Math.floor(ms / 1_000) >>> 0, 0);
    nonce.writeUInt32BE(this.#issued, 4);
    this.#salt.copy(nonce, 8);
    this.#mac(nonce).copy(nonce, nonceBytes - macLength);
    return nonce.toString('base64url');
  }

  /**
   * Uses a nonce. To be called once the answer is known to be right, so that nobody else can use it up.
   *
   * @param count The nc of the answer; 1 where it has none, so that such a nonce is good once.
   */
  use(nonce: string, count: number): NonceState {
    const bytes = Buffer.from(nonce, 'base64url');
    if (bytes.length !== nonceBytes || bytes.toString('base64url') !== nonce) return 'unknown';
    if (!timingSafeEqual(this.#mac(bytes), bytes.subarray(nonceBytes - macLength))) return 'unknown';
    const seconds = bytes.readUInt32BE(0);
    const ageMs = this.#now() - seconds * 1_000;
    if (Math.abs(ageMs) > this.#maxAgeMs) return 'stale';
    if (count < 1 || count > maxCount || !Number.isInteger(count)) return 'replayed';
    if (!bytes.subarray(8, 12).equals(this.#salt)) return this.#useForeign(nonce, seconds, count);
    const number = bytes.readUInt32BE(4);
    // Numbers wrap around; a nonce is young by the time in it.
    if ((this.#issued - number) >>> 0 >= this.#window) return 'stale';
    return this.#useOwn(number, count) ? 'fresh' : 'replayed';
  }

  /** Whether a nonce was issued here, or where the same key is, however long ago. */
  isOwn(nonce: string): boolean {
    const bytes = Buffer.from(nonce, 'base64url');
    return bytes.length === nonceBytes && timingSafeEqual(this.#mac(bytes), bytes.subarray(nonceBytes - macLength));
  }

  #useOwn(number: number, count: number): boolean {
    const numbers = (this.#numbers ??= new Uint32Array(this.#window));
    const highest = (this.#highest ??= new Uint32Array(this.#window));
    const behind = (this.#behind ??= new Uint32Array(this.#window));
    const slot = number % this.#window;
    const isKnown = numbers[slot] === number;
    const uses = counted(isKnown ? { top: highest[slot] ?? 0, behind: behind[slot] ?? 0 } : unused, count);
    if (uses === undefined) return false;
    numbers[slot] = number;
    highest[slot] = uses.top;
    behind[slot] = uses.behind;
    return true;
  }

  #useForeign(nonce: string, seconds: number, count: number): NonceState {
    if (seconds <= this.#forgottenAt) return 'stale';
    const uses = counted(this.#foreign.get(nonce) ?? unused, count);
    if (uses === undefined) return 'replayed';
    const { oldestKey } = this.#foreign;
    if (oldestKey !== undefined && this.#foreign.size >= this.#maxForeign && !this.#foreign.has(nonce)) {
      this.#forgottenAt = Math.max(this.#forgottenAt, Buffer.from(oldestKey, 'base64url').readUInt32BE(0));
    }
    this.#foreign.set(nonce, uses);
    return 'fresh';
  }

  #mac(nonce: Buffer): Buffer {
    const signed = nonce.subarray(0, nonceBytes - macLength);
    return createHmac('sha256', this.#key).update(signed).digest().subarray(0, macLength);
  }
}

const unused: Uses = { top: 0, behind: 0 };

/** The uses with one more; nothing where the count has been used, or is too far behind. */
function counted({ top, behind }: Uses, count: number): Uses | undefined {
  if (count > top) {
    const step = count - top;
    if (top === 0 || step > countsBehind) return { top: count, behind: 0 };
    return { top: count, behind: ((step === 32 ? 0 : behind << step) | (1 << (step - 1))) >>> 0 };
  }
  const back = top - count;
  if (back === 0 || back > countsBehind) return undefined;
  const bit = (1 << (back - 1)) >>> 0;
  return (behind & bit) === 0 ? { top, behind: (behind | bit) >>> 0 } : undefined;
}
