import { Duplex, type Transform } from 'node:stream';

/** A zlib stream, which tells how many bytes it has used of what was written to it. */
export type Coder = Transform & { readonly bytesWritten: number };

/** How a {@link CodingStage} works. */
export interface CodingStageOptions {
  /** Makes the coder, given the first bytes. */
  create(head: Buffer): Coder;
  /** How many first bytes `create` needs. */
  headBytes: number;
  /** Called with the bytes taken and given so far after each output; an error it returns ends the stage. */
  check?(bytesIn: number, bytesOut: number): Error | undefined;
  /** What a fault of the coder is told as. */
  toError?(cause: Error): Error;
  /** Called where bytes stand behind the end of what the coder has read; the error it returns ends the stage. */
  atRest?(bytes: number): Error;
}

/** A stage takes one chunk at a time: many small ones, up to Node's high-water mark, would cost more than they hold. */
export const oneChunk: Readonly<{ highWaterMark: number }> = { highWaterMark: 1 };

/**
 * A stream stage around a zlib stream that is made when the first bytes have come, since `deflate` comes in two kinds. A
 * stage that nothing is written to gives nothing: an empty body stays empty. Holds back `headBytes` at most.
 */
export class CodingStage extends Duplex {
  readonly #options: CodingStageOptions;
  #coder: Coder | undefined;
  #head: Buffer = Buffer.alloc(0);
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(options: CodingStageOptions) {
    super(oneChunk);
    this.#options = options;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#bytesIn += chunk.length;
    // A failed write is told by the coder's `error` event, which ends this stage.
    const written = (error?: Error | null): void => {
      if (!error) callback();
    };
    if (this.#coder !== undefined) {
      this.#coder.write(chunk, written);
      return;
    }
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    if (this.#head.length < this.#options.headBytes) return callback();
    this.#start().write(this.#head, written);
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#bytesIn === 0) this.push(null);
    else {
      const coder = this.#coder;
      if (coder === undefined) this.#start().end(this.#head);
      else coder.end();
    }
    callback();
  }

  override _read(): void {
    this.#coder?.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#coder?.destroy();
    callback(error);
  }

  #start(): Coder {
    const options = this.#options;
    const coder = options.create(this.#head);
    this.#coder = coder;
    coder.on('data', (part: Buffer) => {
      this.#bytesOut += part.length;
      const fault = options.check?.(this.#bytesIn, this.#bytesOut);
      if (fault !== undefined) this.destroy(fault);
      else if (!this.push(part)) coder.pause();
    });
    coder.on('end', () => {
      const rest = this.#bytesIn - coder.bytesWritten;
      const fault = rest > 0 ? options.atRest?.(rest) : undefined;
      if (fault === undefined) this.push(null);
      else this.destroy(fault);
    });
    coder.on('error', (error: Error) => this.destroy(options.toError?.(error) ?? error));
    return coder;
  }
}
