import type { IncomingMessage } from 'node:http';
import { GatheredBytes } from './gathered-bytes.js';

/** Fewer bytes than these may stay in the pieces they came in. */
const gatherFrom = 256;
/** With so many bytes the connection is not read any more. */
const stopAt = 16_384;

function readNothing(): void {}

/**
 * A request that is read at another's pace. Node keeps what nobody reads in the pieces it came in, up to 64 KiB: in chunks of
 * one byte these are 8 MB. Here the pieces become one, and at 16 KiB the connection is not read any more; at most one read of
 * it (64 KiB) comes on top.
 *
 * To be used while a listener for `readable` is on the request: it does not flow then.
 */
export class UnreadRequest {
  readonly #request: IncomingMessage;
  readonly #gathered = new GatheredBytes();
  #stopped = false;

  constructor(request: IncomingMessage) {
    this.#request = request;
  }

  /** Gathers what has come; to be called on `readable` while nobody wants to read. */
  gather(): void {
    const { readableLength } = this.#request;
    if (readableLength < gatherFrom) return;
    if (this.#gathered.length + readableLength >= stopAt) this.#stop();
    this.#gatherAll();
  }

  /** Returns what has come since the last call, if anything, and has the connection read. */
  take(): Buffer | undefined {
    const gathered = this.#gathered;
    this.go();
    if (gathered.length === 0) return readAll(this.#request);
    this.#gatherAll();
    return gathered.take();
  }

  /** Puts back what was gathered, so that the request can be read as if nothing had been. */
  putBack(): void {
    if (this.#gathered.length > 0 && !this.#request.destroyed) {
      this.#gatherAll();
      this.#request.unshift(this.#gathered.take());
    }
    this.go();
  }

  /** Has the connection read again. */
  go(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    // Node's own shows again.
    Reflect.deleteProperty(this.#request, '_read');
    this.#request.socket.resume();
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    // Node reads the connection again as soon as less than its high-water mark is left, which taking the pieces brings about.
    this.#request._read = readNothing;
    this.#request.socket.pause();
  }

  #gatherAll(): void {
    const bytes = readAll(this.#request);
    if (bytes !== undefined) this.#gathered.append(bytes);
  }
}

/** By its length: this does not end a request whose end has come, and without it Node 26 gives the first piece only. */
function readAll(request: IncomingMessage): Buffer | undefined {
  const { readableLength } = request;
  const bytes: unknown = readableLength === 0 ? undefined : request.read(readableLength);
  return Buffer.isBuffer(bytes) ? bytes : undefined;
}

/** Requests of which nothing is gone: what was read of them here was put back. */
const untouched = new WeakSet<IncomingMessage>();

/** Whether somebody else has read of a request. */
export function wasRead(request: IncomingMessage): boolean {
  return request.readableDidRead && !untouched.has(request);
}

/**
 * Keeps what Node holds of a request small that nobody reads for now, see {@link UnreadRequest}.
 *
 * @returns A function that ends it; the request can then be read as if nothing had been.
 */
export function keepUnread(request: IncomingMessage): () => void {
  const unread = new UnreadRequest(request);
  const onReadable = (): void => unread.gather();
  let isOver = false;
  // Listening for `readable` would end a request that is empty and at its end. By the next tick its end is known if it came
  // with the head, and an end that comes later ends nothing.
  process.nextTick(() => {
    if (isOver || request.destroyed || (request.complete && request.readableLength === 0)) return;
    if (!request.readableDidRead) untouched.add(request);
    request.on('readable', onReadable);
  });
  return () => {
    isOver = true;
    request.off('readable', onReadable);
    unread.putBack();
  };
}

/** Waits for something, and keeps a request small meanwhile that nobody has read of, see {@link keepUnread}. */
export async function whileUnread<T>(request: IncomingMessage, work: Promise<T>): Promise<T> {
  if (wasRead(request)) return work;
  const goOn = keepUnread(request);
  try {
    return await work;
  } finally {
    goOn();
  }
}
