import { Transform, type TransformCallback } from 'node:stream';
import type { CwmpMessage } from './message.js';
import { MessageRewriter, type RewriteOptions } from './message-rewriter.js';

/** The events of an {@link InformRewriter}. */
export interface InformRewriterEvents {
  /** What the message was; once, after its last byte was read and before `end`. */
  message: [message: CwmpMessage];
}

/**
 * Rewrites each ConnectionRequestURL in a message that streams through, in identity coding. It holds back a Value that may
 * have to be replaced, at most {@link maxHeldBytes}, and the first byte; everything else leaves with its chunk.
 */
export class InformRewriter extends Transform {
  readonly #rewriter: MessageRewriter;
  #final: CwmpMessage | undefined;

  constructor(options: RewriteOptions) {
    super();
    this.#rewriter = new MessageRewriter(options);
  }

  /** What the message was: final once the stream has ended, until then as far as it was read. */
  get message(): CwmpMessage {
    return this.#final ?? this.#rewriter.message();
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, callback: TransformCallback): void {
    try {
      for (const part of this.#rewriter.push(chunk)) this.push(part);
    } catch (error) {
      return callback(error instanceof Error ? error : new Error(String(error)));
    }
    callback();
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
}
