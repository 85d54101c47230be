import { IncomingMessage } from 'node:http';
import { CwmpProxyError } from '../errors.js';
import { isSameClient } from '../http/client-address.js';

/** A body that something in front of the proxy has read, as it kept it. */
export type KeptBody = Uint8Array | string;

const cure =
  'a body parser in front of the proxy has read the request body; mount the proxy ahead of it, ' +
  'or have it keep the bytes, with express.raw({ type: () => true }) or as request.rawBody';

/**
 * The request as it can be read: itself, or where something in front has read its body already, a copy that gives the kept
 * bytes.
 *
 * @param kept What was kept. Default: `request.rawBody`, or `request.body` where that is a Buffer or a string.
 * @throws {@link CwmpProxyError} `ERR_CWMP_BODY_CONSUMED` where nothing was kept, or something that is not what the CPE sent.
 */
export function readableRequest(request: IncomingMessage, kept?: unknown): IncomingMessage {
  // Of an empty body nothing was read, but its end is over.
  if (!request.readableDidRead && !request.readableEnded) return request;
  if (!hasBody(request)) return replay(request, Buffer.alloc(0), false);
  const body = firstKept(kept, 'rawBody' in request && request.rawBody, 'body' in request && request.body);
  if (body === undefined) throw new CwmpProxyError('ERR_CWMP_BODY_CONSUMED', cure);
  const bytes = bytesOf(body, request.headers['content-type']);
  const length = request.headers['content-length'];
  const coded = request.headers['content-encoding'] !== undefined;
  // Parsers undo the coding of what they keep, unless they are told otherwise; no message begins like compressed data.
  const decoded = coded && isMarkup(bytes);
  const asSent = length === undefined ? !isLossy(body) : Number(length) === bytes.length || decoded;
  if (!asSent) {
    throw new CwmpProxyError('ERR_CWMP_BODY_CONSUMED', `the kept body is not what the CPE has sent; ${cure}`);
  }
  return replay(request, bytes, decoded);
}

/** Whether a request has a body of any length, as far as its head tells. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function firstKept(...candidates: unknown[]): KeptBody | undefined {
  for (const candidate of candidates) {
    if (typeof candidate === 'string' || candidate instanceof Uint8Array) return candidate;
  }
  return undefined;
}

/** Text parsers decode by the charset of the Content-Type, UTF-8 where it names none. */
function bytesOf(body: KeptBody, contentType = ''): Buffer {
  if (typeof body !== 'string') return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return Buffer.from(body, /charset\s*=\s*["']?iso-8859-1\b/i.test(contentType) ? 'latin1' : 'utf8');
}

/** Whether text holds the mark of a byte that could not be decoded. */
function isLossy(body: KeptBody): boolean {
  return typeof body === 'string' && body.includes('\uFFFD');
}

function isMarkup(bytes: Buffer): boolean {
  return /^(?:\xEF\xBB\xBF)?\s*</.test(bytes.toString('latin1', 0, 64));
}

function replay(request: IncomingMessage, bytes: Buffer, decoded: boolean): IncomingMessage {
  const copy = new IncomingMessage(request.socket);
  copy.method = request.method ?? 'POST';
  copy.url = request.url ?? '/';
  copy.httpVersion = request.httpVersion;
  copy.httpVersionMajor = request.httpVersionMajor;
  copy.httpVersionMinor = request.httpVersionMinor;
  copy.headers = { ...request.headers };
  copy.rawHeaders = [...request.rawHeaders];
  if (decoded) withoutContentEncoding(copy);
  isSameClient(copy, request);
  copy.complete = true;
  if (bytes.length > 0) copy.push(bytes);
  copy.push(null);
  return copy;
}

function withoutContentEncoding(request: IncomingMessage): void {
  delete request.headers['content-encoding'];
  const { rawHeaders } = request;
  for (let index = rawHeaders.length - 2; index >= 0; index -= 2) {
    if (rawHeaders[index]?.toLowerCase() === 'content-encoding') rawHeaders.splice(index, 2);
  }
}
