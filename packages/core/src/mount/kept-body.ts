import { isUtf8 } from 'node:buffer';
import { IncomingMessage } from 'node:http';
import { CwmpProxyError } from '../errors.js';
import { wasRead } from '../http/unread-request.js';
import { isSameClient } from '../http/client-address.js';
import { charsetOf } from '../soap/scan/charset.js';
import { contentCodingOf } from '../soap/coding/content-coding.js';

/** A body that something in front of the proxy has read, as it kept it. */
type KeptBody = Uint8Array | string;

const cure =
  'a body parser in front of the proxy has read the request body; mount the proxy ahead of it, ' +
  'or have it keep the bytes, with express.raw({ type: () => true }) or as request.rawBody';

/**
 * The request as it can be read: itself, or where something in front has read its body already, a copy that gives the kept
 * bytes.
 *
 * Parsers undo a content coding of what they keep, unless they are told otherwise. Of a body that was kept as text the bytes
 * must be certain:
 * - Text with U+FFFD is refused: it stands where bytes were lost.
 * - Where the Content-Length is that of the text, the text must have it, as UTF-8 or, where the Content-Type says so, as
 *   ISO-8859-1. What is not ASCII has another length in each of the two, so the length tells which of them the parser has read.
 * - Where no length tells (the body was chunked, or in a content coding that was undone), a message is taken for UTF-8, where
 *   neither its Content-Type nor its XML declaration names anything else. A byte order mark that the parser took off stays off;
 *   the charset is the same without it.
 * - ASCII passes in each charset that is a superset of it, and in any other one by its length.
 *
 * @param kept What was kept. Default: `request.rawBody`, or `request.body`. A Buffer is preferred to a string.
 * @throws {@link CwmpProxyError} `ERR_CWMP_BODY_CONSUMED` where nothing was kept, or nothing that the CPE's bytes can be had from.
 */
export function readableRequest(request: IncomingMessage, kept?: unknown): IncomingMessage {
  // Of an empty body nothing was read, but its end is over.
  if (!wasRead(request) && !request.readableEnded) {
    checkUntouched(request);
    return request;
  }
  if (!hasBody(request)) return replay(request, Buffer.alloc(0), false);
  const body = firstKept([kept, 'rawBody' in request && request.rawBody, 'body' in request && request.body]);
  if (body === undefined) throw new CwmpProxyError('ERR_CWMP_BODY_CONSUMED', cure);
  const { 'content-length': announced, 'content-encoding': coding, 'content-type': contentType } = request.headers;
  const isCoded = contentCodingOf(coding) !== 'identity';
  // No message begins like compressed data.
  const isDecoded = isCoded && isMarkup(body);
  const length = announced === undefined || isDecoded ? undefined : Number(announced);
  const isMessage = request.method === 'POST';
  const isStillCoded = isCoded && !isDecoded;
  let bytes: Buffer | undefined;
  if (typeof body !== 'string') {
    // Whether the bytes of a file are still coded only their length can tell.
    if (length !== undefined || isMessage || !isStillCoded) bytes = bufferOf(body);
  } else if (length !== undefined) {
    bytes = bytesOfLength(body, length, charsetNamed(contentType));
  } else if (isMessage && !isStillCoded) {
    bytes = bytesOfMessage(body, contentType);
  }
  if (bytes === undefined || (length !== undefined && bytes.length !== length)) {
    throw new CwmpProxyError('ERR_CWMP_BODY_CONSUMED', `what was kept is not what the CPE has sent; ${cure}`);
  }
  return replay(request, bytes, isDecoded);
}

/**
 * Checks that a body that nobody has read can be read whole, as bytes. Somebody may listen to it already, and gets its beginning
 * alone; or text is read of it from now on, of which bytes may be lost.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_BODY_CONSUMED`
 */
export function checkUntouched(request: IncomingMessage): void {
  const isTouched =
    request.readableFlowing === true || request.readableEncoding !== null || request.listenerCount('readable') > 0;
  if (!isTouched || !hasBody(request)) return;
  const message = 'something in front reads the request body, or has set its encoding; mount the proxy ahead of it';
  throw new CwmpProxyError('ERR_CWMP_BODY_CONSUMED', message);
}

/** Whether a request has a body of any length, as far as its head tells. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** The length of a body as far as its head tells; otherwise `Infinity`. */
export function lengthOf({ headers }: IncomingMessage): number {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : Infinity;
}

/** Corrects the length of a body that was replaced. A chunked one has none. */
export function setLength(request: IncomingMessage, length: number): void {
  if (request.headers['content-length'] === undefined) return;
  request.headers['content-length'] = String(length);
  const { rawHeaders } = request;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === 'content-length') rawHeaders[index + 1] = String(length);
  }
}

function firstKept(candidates: readonly unknown[]): KeptBody | undefined {
  return (
    candidates.find((one): one is Uint8Array => one instanceof Uint8Array) ??
    candidates.find((one): one is string => typeof one === 'string')
  );
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What text was decoded from, which had a length; `undefined` where that is not certain. */
function bytesOfLength(text: string, length: number, charset: string): Buffer | undefined {
  if (latin1.test(charset) && text.length === length) {
    return isBytes.test(text) ? Buffer.from(text, 'latin1') : undefined;
  }
  const bytes = losslessUtf8(text);
  return utf8.test(charset) || latin1.test(charset) || bytes?.length === text.length ? bytes : undefined;
}

/** What a message was decoded from, whose length is not known; `undefined` where that is not certain. */
function bytesOfMessage(text: string, contentType: string | undefined): Buffer | undefined {
  const bytes = losslessUtf8(text);
  if (bytes === undefined) return undefined;
  const charset = charsetNamed(contentType);
  if (bytes.length === text.length) return utf8.test(charset) || singleByte.test(charset) ? bytes : undefined;
  if (!utf8.test(charset) || !utf8.test(charsetOf(bytes, contentType))) return undefined;
  // A parser that is told to may have read UTF-8 as ISO-8859-1.
  return isBytes.test(text) && isUtf8(Buffer.from(text, 'latin1')) ? undefined : bytes;
}

/** `undefined` for text with the mark of bytes that were lost; half of a surrogate pair becomes one too. */
function losslessUtf8(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'utf8');
  return bytes.includes('\uFFFD') ? undefined : bytes;
}

const isBytes = /^[\0-\xFF]*$/;
const utf8 = /^(?:utf-?8|us-ascii)$/i;
const latin1 = /^(?:iso-?8859-1|latin1|windows-1252)$/i;
const singleByte = /^(?:iso-?8859-\d+|latin1|windows-125\d)$/i;

/** What parsers decode by: the charset of the Content-Type, UTF-8 where it names none; empty where it names several. */
function charsetNamed(contentType = ''): string {
  return (contentType.match(/charset/gi) ?? []).length > 1 ? '' : charsetOf(Buffer.alloc(0), contentType);
}

function isMarkup(body: KeptBody): boolean {
  // White space takes in U+FEFF, the byte order mark.
  if (typeof body === 'string') return /^\s*</.test(body.slice(0, 64));
  return /^(?:\xEF\xBB\xBF)?\s*</.test(bufferOf(body).toString('latin1', 0, 64));
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
  if (decoded) {
    withoutContentEncoding(copy);
    setLength(copy, bytes.length);
  }
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
