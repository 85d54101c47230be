import type { CwmpMessage } from './message.js';
import { MessageRewriter, type RewriteOptions } from './message-rewriter.js';

/** A body after the rewriting. */
export interface RewrittenMessage {
  /** The body that leaves: the very same object where nothing was replaced. */
  readonly body: Uint8Array;
  /** What the message was. */
  readonly message: CwmpMessage;
}

const windowBytes = 1 << 18;

/**
 * Rewrites each ConnectionRequestURL in a body that is in memory, in identity coding. Every other byte stays as it came.
 * It throws only what `rewriteUrl` throws.
 */
export function rewriteMessage(body: Uint8Array, options: RewriteOptions): RewrittenMessage {
  const rewriter = new MessageRewriter(options);
  const parts: Buffer[] = [];
  for (let from = 0; from < body.length; from += windowBytes) {
    parts.push(...rewriter.push(body.subarray(from, from + windowBytes)));
  }
  parts.push(...rewriter.end());
  const message = rewriter.message();
  return { body: message.outcome === 'rewritten' ? Buffer.concat(parts) : body, message };
}
