import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { AnswerReader, type RawAnswer } from './raw-answer.js';

/** A TCP connection to write requests on as they are, byte for byte. */
export class RawConnection {
  readonly socket: Socket;
  readonly #reader = new AnswerReader();
  #ended = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    const wake = (): void => this.#wake();
    socket
      .on('data', (chunk: Buffer) => {
        this.#reader.push(chunk);
        wake();
      })
      .on('error', (error) => {
        this.#error = error;
        wake();
      })
      .on('end', () => {
        this.#ended = true;
        wake();
      })
      .on('close', () => {
        this.#ended = true;
        wake();
      });
  }

  static async open(
    port: number,
    options: { allowHalfOpen?: boolean; localAddress?: string } = {},
  ): Promise<RawConnection> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, ...options });
    const connection = new RawConnection(socket);
    await once(socket, 'connect');
    return connection;
  }

  /** Whether the peer has closed, as far as it is known. */
  get ended(): boolean {
    return this.#ended;
  }

  write(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next answer; rejects when the connection closes before it is whole. */
  async answer(method = 'POST'): Promise<RawAnswer> {
    for (;;) {
      const answer = this.#reader.next(method, this.#ended);
      if (answer !== undefined) return answer;
      if (this.#ended || this.#error !== undefined) {
        throw new Error(`closed before the answer was whole, ${this.#reader.left} bytes in`, { cause: this.#error });
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async exchange(bytes: string | Buffer, method = 'POST'): Promise<RawAnswer> {
    this.write(bytes);
    return this.answer(method);
  }

  /** Resolves when the peer has closed. */
  async closed(): Promise<void> {
    if (!this.socket.destroyed) await once(this.socket, 'close');
  }

  /** Closes with a FIN. */
  async close(): Promise<void> {
    this.socket.end();
    this.socket.resume();
    await this.closed();
  }

  /** Closes with a RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}
