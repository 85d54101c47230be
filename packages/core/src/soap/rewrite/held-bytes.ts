/** Bytes that are held back, in the pieces they came in; small pieces are put together, since each costs more than it holds. */
const smallBytes = 512;

/** A queue of bytes: pieces go in at one end, any number of bytes goes out at the other. */
export class HeldBytes {
  readonly #pieces: Buffer[] = [];
  /** The first piece that is not out yet. */
  #first = 0;
  /** Where small pieces are put together. */
  #room: Buffer | undefined;
  /** How much of it is used, and from where on it is no piece yet. */
  #used = 0;
  #pieceFrom = 0;

  /** Takes the next bytes. */
  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    // What waits alone will most likely go out whole.
    if (bytes.length <= smallBytes && (this.#used > this.#pieceFrom || this.#first < this.#pieces.length)) {
      this.#append(bytes);
      return;
    }
    this.#closePiece();
    this.#pieces.push(bytes);
  }

  /** Moves so many bytes from the front to `out`, or drops them where there is none. */
  take(count: number, out: Buffer[] | undefined): void {
    this.#closePiece();
    let left = count;
    while (left > 0) {
      const piece = this.#pieces[this.#first];
      if (piece === undefined) return;
      if (left < piece.length) {
        out?.push(piece.subarray(0, left));
        this.#pieces[this.#first] = piece.subarray(left);
        return;
      }
      out?.push(piece);
      left -= piece.length;
      this.#first += 1;
    }
    if (this.#first < this.#pieces.length) return;
    this.#pieces.length = 0;
    this.#first = 0;
    this.#room = undefined;
    this.#used = this.#pieceFrom = 0;
  }

  #append(bytes: Buffer): void {
    let room = this.#room;
    if (room === undefined || this.#used + bytes.length > room.length) {
      this.#closePiece();
      // Twice as much as the last one held, up to a limit.
      room = Buffer.allocUnsafe(Math.min(Math.max(2 * smallBytes, 2 * (room?.length ?? 0)), 64 * smallBytes));
      this.#room = room;
      this.#used = this.#pieceFrom = 0;
    }
    this.#used += bytes.copy(room, this.#used);
  }

  /** What was put together becomes a piece; what comes next is put behind it in the same room. */
  #closePiece(): void {
    if (this.#room === undefined || this.#used === this.#pieceFrom) return;
    this.#pieces.push(this.#room.subarray(this.#pieceFrom, this.#used));
    this.#pieceFrom = this.#used;
  }
}
