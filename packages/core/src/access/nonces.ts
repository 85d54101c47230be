import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** How nonces are issued. */
export interface NonceOptions {
  /** How long a nonce is good, in milliseconds. Default 300 000. */
  maxAgeMs?: number;
  /**
   * Of how many nonces the uses are remembered, 13 bytes each; a power of two. One that this many newer ones have followed is
   * stale. Default 131 072.
   */
  window?: number;
  /** The clock, in milliseconds. Default `Date.now`. */
  now?: () => number;
}

/** What a nonce is worth: `fresh` may pass; of the others the client may try again with a new one. */
export type NonceState = 'fresh' | 'stale' | 'replayed' | 'unknown';

/** Uses behind the highest that may still come, in any order. */
const countsBehind = 32;
const macLength = 10;
const nonceBytes = 4 + 4 + 4 + macLength;

/**
 * Issues nonces that carry their own time, number and signature, so that none has to be kept to be recognised, whatever
 * connection it comes back on. Only the uses are: of the last so many nonces, in a ring that never grows. A nonce has 30
 * characters, since netcwmp keeps no more than 32.
 */
export class Nonces {
  readonly #key = randomBytes(32);
  readonly #salt = randomBytes(4);
  readonly #maxAgeMs: number;
  readonly #window: number;
  readonly #now: () => number;
  #issued = randomBytes(4).readUInt32BE();
  /** By number, modulo the window: the number itself, the highest count, and which of those behind it were used. */
  #numbers: Uint32Array | undefined;
  #highest: Uint32Array | undefined;
  #behind: Uint32Array | undefined;
  #used: Uint8Array | undefined;

  constructor({ maxAgeMs = 300_000, window = 131_072, now = Date.now }: NonceOptions = {}) {
    this.#maxAgeMs = maxAgeMs;
    this.#window = window;
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
    const ageMs = this.#now() - bytes.readUInt32BE(0) * 1_000;
    const number = bytes.readUInt32BE(4);
    // Numbers wrap around; a nonce is young by the time in it.
    if (ageMs > this.#maxAgeMs || (this.#issued - number) >>> 0 >= this.#window) return 'stale';
    return this.#count(number, count) ? 'fresh' : 'replayed';
  }

  /** Whether a nonce was issued here, however long ago. */
  isOwn(nonce: string): boolean {
    const bytes = Buffer.from(nonce, 'base64url');
    return bytes.length === nonceBytes && timingSafeEqual(this.#mac(bytes), bytes.subarray(nonceBytes - macLength));
  }

  #count(number: number, count: number): boolean {
    const numbers = (this.#numbers ??= new Uint32Array(this.#window));
    const highest = (this.#highest ??= new Uint32Array(this.#window));
    const behind = (this.#behind ??= new Uint32Array(this.#window));
    const used = (this.#used ??= new Uint8Array(this.#window));
    const slot = number % this.#window;
    if (count < 1 || !Number.isSafeInteger(count)) return false;
    if (used[slot] !== 1 || numbers[slot] !== number) {
      used[slot] = 1;
      numbers[slot] = number;
      highest[slot] = count;
      behind[slot] = 0;
      return true;
    }
    const top = highest[slot] ?? 0;
    const seen = behind[slot] ?? 0;
    if (count > top) {
      const step = count - top;
      behind[slot] = step > countsBehind ? 0 : ((step === 32 ? 0 : seen << step) | (1 << (step - 1))) >>> 0;
      highest[slot] = count;
      return true;
    }
    const back = top - count;
    if (back === 0 || back > countsBehind) return false;
    const bit = (1 << (back - 1)) >>> 0;
    if ((seen & bit) !== 0) return false;
    behind[slot] = (seen | bit) >>> 0;
    return true;
  }

  #mac(nonce: Buffer): Buffer {
    const signed = nonce.subarray(0, nonceBytes - macLength);
    return createHmac('sha256', this.#key).update(signed).digest().subarray(0, macLength);
  }
}
