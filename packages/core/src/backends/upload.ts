import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

/** Hears of an {@link Upload}. */
export interface UploadListener {
  /** Bytes have gone. */
  onProgress(): void;
  /** All has gone. */
  onDone(): void;
  /** The body has failed, or was destroyed before its end. */
  onError(error: Error): void;
}

/** Sends a streamed body, no faster than the backend takes it. Nothing is read before {@link start}. */
export class Upload {
  /** Whether all has gone. */
  isDone = false;
  readonly #body: Readable;
  readonly #socket: Socket;
  readonly #isChunked: boolean;
  readonly #listener: UploadListener;

  constructor(body: Readable, socket: Socket, isChunked: boolean, listener: UploadListener) {
    this.#body = body;
    this.#socket = socket;
    this.#isChunked = isChunked;
    this.#listener = listener;
    body.on('error', this.#onError).on('close', this.#onClose);
    if (body.destroyed) process.nextTick(this.#onClose);
  }

  /** Begins; the socket is connected. */
  start(): void {
    // Its last segment is not to wait for the acknowledgement of the one before.
    this.#socket.setNoDelay(true);
    this.#socket.on('drain', this.#onDrain);
    this.#body.on('end', this.#onEnd).on('data', this.#onData);
  }

  /** Sends no more. */
  stop(): void {
    this.#socket.off('drain', this.#onDrain);
    this.#body
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('close', this.#onClose)
      .off('error', this.#onError);
    // It may fail yet.
    this.#body.on('error', () => {});
  }

  readonly #onData = (piece: Buffer): void => {
    if (piece.length === 0) return;
    let isWanted: boolean;
    if (this.#isChunked) {
      this.#socket.cork();
      this.#socket.write(`${piece.length.toString(16)}\r\n`, 'latin1');
      this.#socket.write(piece);
      isWanted = this.#socket.write('\r\n', 'latin1');
      this.#socket.uncork();
    } else isWanted = this.#socket.write(piece);
    this.#listener.onProgress();
    if (!isWanted) this.#body.pause();
  };

  readonly #onDrain = (): void => {
    this.#listener.onProgress();
    this.#body.resume();
  };

  readonly #onEnd = (): void => {
    if (this.#isChunked) this.#socket.write('0\r\n\r\n', 'latin1');
    this.isDone = true;
    this.stop();
    this.#listener.onDone();
  };

  readonly #onError = (error: Error): void => {
    this.stop();
    this.#listener.onError(error);
  };

  readonly #onClose = (): void => this.#onError(new Error('the body ended too early'));
}
