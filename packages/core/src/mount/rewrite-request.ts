import type { IncomingMessage } from 'node:http';
import { CwmpProxyError } from '../errors.js';
import { rewriteEncodedMessage } from '../soap/rewrite-encoded.js';
import type { CwmpMessage } from '../soap/message.js';
import { checkUntouched, hasBody, setLength } from './kept-body.js';
import { peekBody } from './peek-body.js';

/** How {@link rewriteRequest} works. */
export interface RewriteRequestSettings {
  /** The proxied form of a CPE's URL, or `undefined` to leave it. */
  rewriteUrl: (url: string) => string | undefined | false;
  /** Longest body, in bytes. */
  maxBodyBytes: number;
  /** Longest time for the body to arrive, in milliseconds. */
  timeoutMs: number;
}

/**
 * Rewrites the body of a request where it stands: whoever reads the request next, in whichever way, reads the rewritten
 * bytes, and finds their length in `Content-Length`.
 *
 * @returns What the message was; `undefined` for what is no POST or has no body.
 *
 * Rejects with {@link CwmpProxyError}: `ERR_CWMP_BODY_CONSUMED` when something has read of the body before,
 * `ERR_CWMP_BODY_TOO_LARGE`, `ERR_CWMP_REQUEST_TIMEOUT`, `ERR_CWMP_CPE_GONE`.
 */
export async function rewriteRequest(
  request: IncomingMessage,
  { rewriteUrl, maxBodyBytes, timeoutMs }: RewriteRequestSettings,
): Promise<CwmpMessage | undefined> {
  if (request.method !== 'POST' || !hasBody(request)) return undefined;
  if (request.readableDidRead) {
    throw new CwmpProxyError(
      'ERR_CWMP_BODY_CONSUMED',
      'a body parser has read the request body; mount rewriteInform ahead of it',
    );
  }
  checkUntouched(request);
  const body = await peekBody(request, maxBodyBytes, timeoutMs);
  if (body.length === 0) return undefined;
  const { 'content-type': contentType, 'content-encoding': contentEncoding } = request.headers;
  const rewritten = await rewriteEncodedMessage(body, {
    rewriteUrl,
    contentType,
    contentEncoding,
    maxDecodedBytes: maxBodyBytes,
  });
  if (rewritten.body !== body) {
    // In this order and without a pause: a stream that is empty and at its end would end.
    request.read();
    request.unshift(rewritten.body);
    setLength(request, rewritten.body.length);
  }
  return rewritten.message;
}
