const empty = Buffer.alloc(0);

/** Pieces from this length on are kept as they are, in bytes. */
const largeBytes = 4_096;
/** Smallest and largest buffer that small pieces are copied into, in bytes. */
const minTailBytes = 512;
const maxTailBytes = 65_536;

/**
 * Bytes that come in pieces, of any size, and are held. It allocates at most twice what it holds, and 8 KiB. A list of all the
 * pieces would cost more than a hundred bytes for each, and a piece keeps alive the whole memory that it is a part of. What is
 * long is put together once, when it is taken: to grow one buffer leaves as much behind for the garbage collector again.
 */
export class GatheredBytes {
  readonly #expected: number;
  /** Pieces and full buffers in front of the tail, if there are any. */
  #parts: Buffer[] | undefined;
  /** The last piece that was kept, or the buffer that small ones are copied into; how much of it is used. */
  #tail: Buffer = empty;
  #used = 0;
  #length = 0;
  #allocated = 0;

  /** @param expected How many bytes there will be, where that is known: no more is allocated then. */
  constructor(expected: number = Infinity) {
    this.#expected = expected;
  }

  /** How many bytes it holds. */
  get length(): number {
    return this.#length;
  }

  /** How many bytes it has allocated. */
  get allocated(): number {
    return this.#allocated;
  }

  /** Adds a piece. It is not copied if it is large and has most of the memory behind it, or if it is the first and that is small. */
  append(piece: Buffer): void {
    const behind = piece.buffer.byteLength - 2 * piece.length;
    if (behind <= largeBytes && (piece.length >= largeBytes || this.#length === 0)) {
      this.#seal();
      this.#tail = piece;
      this.#used = piece.length;
      this.#allocated += piece.length;
    } else this.#copy(piece);
    this.#length += piece.length;
  }

  /** Returns all bytes as one Buffer, and holds none any more. */
  take(): Buffer {
    const last = this.#used === this.#tail.length ? this.#tail : this.#tail.subarray(0, this.#used);
    const bytes = this.#parts === undefined ? last : joined([...this.#parts, last], this.#length);
    this.clear();
    return bytes;
  }

  /** Lets go of all bytes. */
  clear(): void {
    this.#parts = undefined;
    this.#tail = empty;
    this.#used = 0;
    this.#length = 0;
    this.#allocated = 0;
  }

  #copy(piece: Buffer): void {
    const used = this.#used + piece.length;
    if (used > this.#tail.length) {
      if (used <= maxTailBytes) this.#growTail(used);
      else {
        this.#seal();
        this.#growTail(piece.length);
      }
    }
    piece.copy(this.#tail, this.#used);
    this.#used += piece.length;
  }

  #growTail(used: number): void {
    const others = this.#length - this.#used;
    const bytes = Math.max(minTailBytes, used, Math.min(2 * used, maxTailBytes, this.#expected - others));
    // Not from Node's pool, which a small part would keep alive.
    const tail = Buffer.allocUnsafeSlow(bytes);
    this.#tail.copy(tail, 0, 0, this.#used);
    this.#allocated += bytes - this.#tail.length;
    this.#tail = tail;
  }

  /** Makes a part of the tail. */
  #seal(): void {
    if (this.#used > 0) (this.#parts ??= []).push(this.#tail.subarray(0, this.#used));
    this.#tail = empty;
    this.#used = 0;
  }
}

function joined(parts: readonly Buffer[], length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const part of parts) at += part.copy(bytes, at);
  return bytes;
}
