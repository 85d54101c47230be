import type { IncomingMessage, ServerResponse } from 'node:http';
import { CwmpProxyError } from '../errors.js';
import { onClosed } from '../http/client-left.js';
import type { Hold } from '../http/held-room.js';
import { coderBytes, contentCodingOf } from '../soap/coding/content-coding.js';
import { rewriteEncodedMessage } from '../soap/coding/rewrite-body.js';
import type { CwmpMessage } from '../soap/message.js';
import { checkUntouched, hasBody, lengthOf, setLength } from './kept-body.js';
import { bodyTooLong, peekBody, type PeekLimits } from './peek-body.js';

/** How {@link rewriteRequest} works. */
export interface RewriteRequestSettings extends PeekLimits {
  /** The proxied form of a CPE's URL, or `undefined` to leave it. */
  rewriteUrl: (url: string) => string | undefined | false;
}

/** The room that a body takes at most before it comes, in bytes. */
const firstBytes = 65_536;

/**
 * Rewrites the body of a request where it stands: whoever reads the request next, in whichever way, reads the rewritten
 * bytes, and finds their length in `Content-Length`.
 *
 * @param response Tells when the host is done with the request, also where it never reads it. Without it the room of the body is
 *   given back when that was rewritten.
 * @returns What the message was; `undefined` for what is no POST or has no body.
 *
 * Rejects with {@link CwmpProxyError}: `ERR_CWMP_BODY_CONSUMED` when something has read of the body before,
 * `ERR_CWMP_BODY_TOO_LARGE`, `ERR_CWMP_REQUEST_TIMEOUT`, `ERR_CWMP_CPE_GONE`, `ERR_CWMP_BUSY`.
 */
export async function rewriteRequest(
  request: IncomingMessage,
  settings: RewriteRequestSettings,
  response: ServerResponse | undefined,
): Promise<CwmpMessage | undefined> {
  if (request.method !== 'POST' || !hasBody(request)) return undefined;
  if (request.readableDidRead) {
    throw new CwmpProxyError(
      'ERR_CWMP_BODY_CONSUMED',
      'a body parser has read the request body; mount rewriteInform ahead of it',
    );
  }
  checkUntouched(request);
  const length = lengthOf(request);
  const { maxBodyBytes, budget } = settings;
  if (length !== Infinity && length > maxBodyBytes) throw bodyTooLong(maxBodyBytes);
  const hold = await budget.bodies.take(request, Math.min(length, firstBytes));
  try {
    const message = await rewriteBody(request, settings, hold);
    if (response === undefined || request.closed) hold.release();
    else {
      request.once('close', () => hold.release());
      onClosed(response, () => hold.release());
    }
    return message;
  } catch (error) {
    hold.release();
    throw error;
  }
}

async function rewriteBody(
  request: IncomingMessage,
  { rewriteUrl, ...limits }: RewriteRequestSettings,
  hold: Hold,
): Promise<CwmpMessage | undefined> {
  const body = await peekBody(request, limits, hold);
  if (body.length === 0) return undefined;
  hold.resize(body.length);
  const { 'content-type': contentType, 'content-encoding': contentEncoding } = request.headers;
  const coderRoom = coderBytes(contentCodingOf(contentEncoding), body);
  const coders = coderRoom === 0 ? undefined : await limits.budget.coders.take(request, coderRoom);
  try {
    const rewritten = await rewriteEncodedMessage(body, {
      rewriteUrl,
      contentType,
      contentEncoding,
      maxDecodedBytes: limits.maxBodyBytes,
    });
    if (rewritten.body !== body) {
      // In this order and without a pause: a stream that is empty and at its end would end.
      request.read();
      request.unshift(rewritten.body);
      setLength(request, rewritten.body.length);
      hold.resize(rewritten.body.length);
    }
    return rewritten.message;
  } finally {
    coders?.release();
  }
}
