const empty = Buffer.alloc(0);

/** Smallest buffer that pieces are copied into, in bytes. */
const minBytes = 512;
/** Memory behind a first piece that is kept whatever part of it is the piece, in bytes: an answer that came with its head. */
const alwaysKeptBytes = 4_096;

/**
 * Bytes that come in pieces and are held as one. It allocates at most twice what it holds, and up to 4 KiB. A list of the
 * pieces would cost more than a hundred bytes for each, and a piece keeps alive the whole memory that it is a part of.
 */
export class GatheredBytes {
  readonly #expected: number;
  #bytes: Buffer = empty;
  #length = 0;

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
    return this.#bytes.length;
  }

  /** Adds a piece. The first is not copied if it has most of the memory behind it, or that is small. */
  append(piece: Buffer): void {
    const length = this.#length + piece.length;
    if (this.#length === 0 && piece.buffer.byteLength <= 2 * piece.length + alwaysKeptBytes) {
      this.#bytes = piece;
    } else {
      if (length > this.#bytes.length) this.#grow(length);
      piece.copy(this.#bytes, this.#length);
    }
    this.#length = length;
  }

  /** Returns all bytes as one Buffer, and holds none any more. */
  take(): Buffer {
    const bytes = this.#bytes.length === this.#length ? this.#bytes : this.#bytes.subarray(0, this.#length);
    this.#bytes = empty;
    this.#length = 0;
    return bytes;
  }

  #grow(length: number): void {
    const bytes = Math.max(minBytes, length, Math.min(2 * length, this.#expected));
    // Not from Node's pool, which a small part would keep alive.
    const grown = Buffer.allocUnsafeSlow(bytes);
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
