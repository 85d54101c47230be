import { charsetOf, isWide, textDecoder } from './charset.js';
import { LazyMessage, maxHeadBytes, nothingFound, type CwmpMessage } from './message.js';
import { asBuffer, type RewriteOptions, wideMessage } from './message-rewriter.js';
import { type Splice, UrlFinder } from './url-finder.js';
import { UrlMarkers } from './url-marker.js';

/** A body after the rewriting. */
export interface RewrittenMessage {
  /** The body that leaves: the very same object where nothing was replaced. */
  readonly body: Uint8Array;
  /** What the message was. */
  readonly message: CwmpMessage;
}

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
  if (isWide(bytes)) return { body, message: wideMessage(options.contentType) };
  const markers = new UrlMarkers(bytes);
  const head = headOf(bytes);
  if (!markers.any) return { body, message: new LazyMessage(head, options.contentType, nothingFound) };
  const finder = new UrlFinder(
    (url) => options.rewriteUrl(url),
    textDecoder(() => charsetOf(head, options.contentType)),
  );
  finder.onStructEnd = (end) => {
    if (!markers.mayFollow(end)) finder.scanner.stop();
  };
  for (let from = 0; from < bytes.length && !finder.scanner.stopped; from += windowBytes) {
    finder.scanner.write(bytes.toString('latin1', from, from + windowBytes));
  }
  finder.end();
  const message = new LazyMessage(head, options.contentType, finder.result());
  return { body: finder.splices.length > 0 ? spliced(bytes, finder.splices) : body, message };
}

function spliced(bytes: Buffer, splices: readonly Splice[]): Buffer {
  const grows = splices.reduce((sum, { start, end, text }) => sum + text.length - (end - start), 0);
  const out = Buffer.allocUnsafe(bytes.length + grows);
  let read = 0;
  let written = 0;
  for (const { start, end, text } of splices) {
    written += bytes.copy(out, written, read, start);
    written += out.write(text, written, 'latin1');
    read = end;
  }
  bytes.copy(out, written, read);
  return out;
}
