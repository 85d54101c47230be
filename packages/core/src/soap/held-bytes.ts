/** Bytes that are held back, in the pieces they came in; small pieces are put together, since each costs more than it holds. */
const smallBytes = 512;

/** A queue of bytes: pieces go in at one end, any number of bytes goes out at the other. */
export class HeldBytes {
  readonly #pieces: Buffer[] = [];
  /** The first piece that is not out yet. */
  #first = 0;
  /** The last piece, where it has room for more: how much of it is used. */
  #room: Buffer | undefined;
  #used = 0;

  /** Takes the next bytes. */
  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    // What waits alone will most likely go out whole.
    if (bytes.length > smallBytes || this.#first === this.#pieces.length) {
      this.#room = undefined;
      this.#pieces.push(bytes);
    } else this.#append(bytes);
  }

  /** Moves so many bytes from the front to `out`, or drops them where there is none. */
  take(count: number, out: Buffer[] | undefined): void {
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
  }

  #append(bytes: Buffer): void {
    let room = this.#room;
    const used = this.#used;
    if (room === undefined || used + bytes.length > room.length) {
      // Twice as much as the last one held, up to a limit.
      room = Buffer.allocUnsafe(Math.min(Math.max(2 * smallBytes, 2 * (room?.length ?? 0)), 64 * smallBytes));
      this.#room = room;
      this.#used = bytes.copy(room);
      this.#pieces.push(room.subarray(0, this.#used));
      return;
    }
    this.#used += bytes.copy(room, used);
    const last = this.#pieces.length - 1;
    const tail = this.#pieces[last];
    if (tail !== undefined) this.#pieces[last] = room.subarray(used - tail.length, this.#used);
  }
}
