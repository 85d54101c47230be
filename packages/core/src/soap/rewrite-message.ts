import { isWide } from './charset.js';
import { LazyMessage, maxHeadBytes, type CwmpMessage, type RewriteResult } from './message.js';
import { asBuffer, MessageRewriter, type RewriteOptions } from './message-rewriter.js';
import { UrlMarkers } from './url-marker.js';

/** A body after the rewriting. */
export interface RewrittenMessage {
  /** The body that leaves: the very same object where nothing was replaced. */
  readonly body: Uint8Array;
  /** What the message was. */
  readonly message: CwmpMessage;
}

const nothingFound: RewriteResult = { urls: [], outcome: 'none', reason: undefined };

/** The beginning of a body, without keeping a long one alive. */
function headOf(bytes: Buffer): Buffer {
  return bytes.length <= maxHeadBytes ? bytes : Buffer.from(bytes.subarray(0, maxHeadBytes));
}

const windowBytes = 1 << 16;

/**
 * Rewrites each ConnectionRequestURL in a body that is in memory, in identity coding. Every other byte stays as it came.
 * It throws only what `rewriteUrl` throws.
 */
export function rewriteMessage(body: Uint8Array, options: RewriteOptions): RewrittenMessage {
  const bytes = asBuffer(body);
  const markers = new UrlMarkers(bytes);
  if (!isWide(bytes) && !markers.any) {
    return { body, message: new LazyMessage(headOf(bytes), options.contentType, nothingFound) };
  }
  const rewriter = new MessageRewriter(options, { mayFollow: (offset) => markers.mayFollow(offset) });
  const parts: Buffer[] = [];
  for (let from = 0; from < bytes.length; from += windowBytes) {
    const window = bytes.length <= windowBytes ? bytes : bytes.subarray(from, from + windowBytes);
    for (const part of rewriter.push(window, markers.text)) parts.push(part);
  }
  for (const part of rewriter.end()) parts.push(part);
  const message = rewriter.message();
  return { body: message.outcome === 'rewritten' ? Buffer.concat(parts) : body, message };
}
