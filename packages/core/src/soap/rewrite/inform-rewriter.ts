import { Transform, type TransformCallback, type TransformOptions } from 'node:stream';
import type { CwmpMessage } from '../message.js';
import { MessageRewriter, type RewriteOptions } from './rewrite-stream.js';
import { inSlices, type Stepwise } from '../scan/time-slices.js';

/** How much of a chunk is read in one step. */
const partBytes = 1 << 14;
/** More pieces than this, which one step gives, are put together. */
const maxParts = 4;

/**
 * Rewrites each ConnectionRequestURL in a message that streams through, in identity coding. Emits `message`, with the
 * {@link CwmpMessage}, once: after the last byte was read and before `end`. What `rewriteUrl` throws ends the stream.
 *
 * It holds back the first byte, until the second tells UTF-16, and from the beginning of a Value that may have to be replaced
 * to its end: at most 48 KiB. Everything else leaves with the chunk it came in. A long chunk is read in slices, between which
 * the event loop goes on.
 */
export class InformRewriter extends Transform {
  readonly #rewriter: MessageRewriter;
  #final: CwmpMessage | undefined;

  /** @param stream How the stream works: its `highWaterMark`, Node's by default. */
  constructor(options: RewriteOptions, stream?: Pick<TransformOptions, 'highWaterMark'>) {
    super(stream);
    this.#rewriter = new MessageRewriter(options);
  }

  /** What the message was: final once the stream has ended, until then as far as it was read. */
  get message(): CwmpMessage {
    return this.#final ?? this.#rewriter.message();
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, callback: TransformCallback): void {
    const fail = (error: unknown): void => callback(error instanceof Error ? error : new Error(String(error)));
    let later: Promise<void> | undefined;
    try {
      later = inSlices(this.#reading(chunk));
    } catch (error) {
      return fail(error);
    }
    if (later === undefined) callback();
    // oxlint-disable-next-line promise/no-callback-in-promise -- a stream knows no promise
    else void later.then(() => callback(), fail);
  }

  override _flush(callback: TransformCallback): void {
    try {
      for (const part of this.#rewriter.end()) this.push(part);
    } catch (error) {
      return callback(error instanceof Error ? error : new Error(String(error)));
    }
    this.#final = this.#rewriter.message();
    this.emit('message', this.#final);
    callback();
  }

  /** The reading of a chunk, a part in each step. */
  #reading(chunk: Uint8Array): Stepwise {
    let at = 0;
    return {
      step: () => {
        if (this.destroyed) return false;
        const part = chunk.length > partBytes ? chunk.subarray(at, at + partBytes) : chunk;
        at += partBytes;
        const parts = this.#rewriter.push(part);
        // Whoever takes them has a cost for each.
        if (parts.length > maxParts) this.push(Buffer.concat(parts));
        else for (const bytes of parts) this.push(bytes);
        return at < chunk.length;
      },
    };
  }
}
