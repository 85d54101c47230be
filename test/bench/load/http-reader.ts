/** What an {@link HttpReader} tells of the messages it meets. */
export interface HttpEvents {
  /** A head is whole: start line and fields, without the empty line. */
  head(head: string): void;
  /** The next bytes of the body, chunk sizes taken out. */
  body(part: Buffer): void;
  /** The message is whole. */
  end(): void;
}

const lengthField = /\r\ncontent-length: *(\d+)/i;
const chunkedField = /\r\ntransfer-encoding: *chunked/i;
const bodilessStatus = /^HTTP\/1\.[01] (?:1\d\d|204|304)/;

/**
 * Reads HTTP/1.1 messages off a socket for as little as it can: the load generator and the backend share a core, and what
 * they take is not measured. It trusts its peer and checks nothing.
 */
export class HttpReader {
  readonly #events: HttpEvents;
  #kept: Buffer | undefined;
  #state: 'head' | 'body' | 'chunk-size' | 'chunk' | 'trailer' = 'head';
  /** Bytes of the body, or of the chunk and its line end, that are still to come. */
  #left = 0;

  constructor(events: HttpEvents) {
    this.#events = events;
  }

  push(chunk: Buffer): void {
    let bytes = this.#kept === undefined ? chunk : Buffer.concat([this.#kept, chunk]);
    this.#kept = undefined;
    while (bytes.length > 0) {
      const rest = this.#step(bytes);
      if (rest === undefined) {
        this.#kept = bytes;
        return;
      }
      bytes = rest;
    }
  }

  /** Takes one part of a message and returns what follows it; `undefined` when the part is not there whole. */
  #step(bytes: Buffer): Buffer | undefined {
    if (this.#state === 'head') return this.#readHead(bytes);
    if (this.#state === 'body') return this.#readBody(bytes);
    if (this.#state === 'chunk') return this.#readChunk(bytes);
    const end = bytes.indexOf('\r\n');
    if (end === -1) return undefined;
    if (this.#state === 'trailer') {
      if (end === 0) this.#finish();
    } else {
      const size = Number.parseInt(bytes.toString('latin1', 0, end), 16);
      this.#state = size === 0 ? 'trailer' : 'chunk';
      this.#left = size + 2;
    }
    return bytes.subarray(end + 2);
  }

  #readHead(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const head = bytes.toString('latin1', 0, end);
    this.#events.head(head);
    if (chunkedField.test(head)) {
      this.#state = 'chunk-size';
    } else {
      this.#left = bodilessStatus.test(head) ? 0 : Number(lengthField.exec(head)?.[1] ?? 0);
      this.#state = 'body';
      if (this.#left === 0) this.#finish();
    }
    return bytes.subarray(end + 4);
  }

  #readBody(bytes: Buffer): Buffer {
    const part = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= part.length;
    this.#events.body(part);
    if (this.#left === 0) this.#finish();
    return bytes.subarray(part.length);
  }

  #readChunk(bytes: Buffer): Buffer {
    const part = bytes.subarray(0, this.#left);
    // The last two of the bytes that are left are the line end.
    const data = part.subarray(0, Math.max(0, this.#left - 2));
    this.#left -= part.length;
    if (data.length > 0) this.#events.body(data);
    if (this.#left === 0) this.#state = 'chunk-size';
    return bytes.subarray(part.length);
  }

  #finish(): void {
    this.#state = 'head';
    this.#events.end();
  }
}
