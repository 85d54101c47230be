/** What is heard of an answer. What a listener throws comes out of {@link ResponseParser.push}. */
export interface ResponseListener {
  /**
   * The head of the final answer; interim ones (1xx) are skipped.
   *
   * @param reason As it came, one character an octet; may hold control characters.
   * @param fields Names and values in turn, one character an octet, in their order and spelling.
   */
  onHead(status: number, reason: string, fields: string[]): void;
  /** A part of the body. The bytes are good during the call only: the buffer is read into again. */
  onBody(bytes: Buffer): void;
  /** The answer is whole. */
  onEnd(): void;
}

/** An answer that is not HTTP/1.1, or that could be read in two ways. */
export class ResponseError extends Error {
  readonly code = 'ERR_NO_HTTP';
}

/** Maximum of a head, interim answers and trailers included, in bytes. */
const maxHeadBytes = 32_768;
/** Maximum of the line in front of a chunk, in bytes. */
const maxLineBytes = 1_024;

const lf = 10;
const cr = 13;

/** A method or the name of a field (RFC 9110 §5.6.2). */
export const token: RegExp = /^[\w!#$%&'*+.^`|~-]+$/;
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const control = /[\0-\x08\x0a-\x1f\x7f]/;
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([^\r\n]*))?$/;

/**
 * - `head`: up to the blank line.
 * - `counted`: a body of known length. `to the end`: one that ends with its connection.
 * - `chunk size`, `chunk`, `chunk end`, `trailer`: a body in chunks (RFC 9112 §7.1).
 * - `over`: nothing is expected.
 */
type State = 'head' | 'counted' | 'to the end' | 'chunk size' | 'chunk' | 'chunk end' | 'trailer' | 'over';

/**
 * Reads the answers of one connection, in the strict grammar of HTTP/1.1 (RFC 9112): what could be read in two ways is refused.
 * It keeps a head that is not whole, and nothing of a body. Its cost grows with the bytes, however they are cut.
 */
export class ResponseParser {
  #state: State = 'over';
  /** Whether the request was a HEAD, whose answer has no body. */
  #isHead = false;
  /** What has come of a head, or of a line of a chunk. */
  #text = '';
  /** How much of the blank line at the end of a head has come: 0 to 3 of its 4 bytes. */
  #matched = 0;
  #headBytes = 0;
  /** Bytes left of the body or chunk. */
  #left = 0;
  #keepsAlive = true;
  #closes = false;

  /** Whether the connection may carry another request: the answer is over, said so, and nothing has come behind it. */
  get isReusable(): boolean {
    return this.#state === 'over' && this.#keepsAlive;
  }

  /** Whether the answer has said that its sender closes the connection, and nothing has come behind it. */
  get closes(): boolean {
    return this.#closes;
  }

  /** Whether the answer is whole. */
  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** Whether a final answer has begun and is not over. */
  get isInBody(): boolean {
    return this.#state !== 'over' && this.#state !== 'head';
  }

  /** Expects nothing any more, whatever the rest of what is being taken in holds. */
  stop(): void {
    this.#state = 'over';
    this.#keepsAlive = false;
    this.#text = '';
    this.#matched = 0;
  }

  /** A request goes out. */
  begin(method: string): void {
    this.#state = 'head';
    this.#isHead = method === 'HEAD';
    this.#text = '';
    this.#matched = 0;
    this.#headBytes = 0;
  }

  /**
   * Takes in what has come.
   *
   * @throws {@link ResponseError} for what is no answer.
   */
  push(chunk: Buffer, listener: ResponseListener): void {
    for (let at = 0; at < chunk.length;) at = this.#step(chunk, at, listener);
  }

  /** The connection has ended; whether the answer is whole by that. */
  end(listener: ResponseListener): boolean {
    if (this.#state !== 'to the end') return false;
    this.#finish(listener);
    return true;
  }

  #step(chunk: Buffer, at: number, listener: ResponseListener): number {
    switch (this.#state) {
      case 'head':
        return this.#head(chunk, at, listener);
      case 'counted':
      case 'chunk':
        return this.#body(chunk, at, listener);
      case 'to the end':
        listener.onBody(at === 0 ? chunk : chunk.subarray(at));
        return chunk.length;
      case 'chunk size':
      case 'chunk end':
      case 'trailer':
        return this.#line(chunk, at, listener);
      default:
        // Nobody has asked for it: it would be taken for the answer to the next request.
        this.#keepsAlive = false;
        this.#closes = false;
        return chunk.length;
    }
  }

  #head(chunk: Buffer, from: number, listener: ResponseListener): number {
    let at = from;
    // An empty line in front is left over from the answer before (RFC 9112 §2.2).
    if (this.#text === '') while (chunk[at] === cr || chunk[at] === lf) at += 1;
    const end = this.#endOfHead(chunk, at);
    const to = end === -1 ? chunk.length : end;
    this.#headBytes += to - from;
    if (this.#headBytes > maxHeadBytes) throw new ResponseError(`a head of more than ${maxHeadBytes} bytes`);
    this.#text += chunk.toString('latin1', at, to);
    if (end === -1) return chunk.length;
    const text = this.#text.slice(0, -4);
    this.#text = '';
    this.#matched = 0;
    this.#readHead(text, listener);
    return end;
  }

  /** Where a head ends, behind its blank line; -1 where it does not yet. */
  #endOfHead(chunk: Buffer, from: number): number {
    if (this.#matched === 0) {
      const found = chunk.indexOf('\r\n\r\n', from, 'latin1');
      if (found !== -1) return found + 4;
    }
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at];
      const isLineEnd = this.#matched % 2 === 1;
      if (byte === lf) {
        if (!isLineEnd) throw new ResponseError('a line that does not end with CRLF');
        this.#matched += 1;
        if (this.#matched === 4) return at + 1;
      } else if (byte === cr) this.#matched = this.#matched === 2 ? 3 : 1;
      else this.#matched = 0;
    }
    return -1;
  }

  #readHead(text: string, listener: ResponseListener): void {
    const lineEnd = text.indexOf('\r\n');
    const line = statusLine.exec(lineEnd === -1 ? text : text.slice(0, lineEnd));
    if (line === null) throw new ResponseError('a status line that is not HTTP/1.1');
    const [, minor, digits, reason = ''] = line;
    const status = Number(digits);
    const fields = lineEnd === -1 ? [] : readFields(text, lineEnd + 2);
    // No request of ours asks for another protocol.
    if (status === 101) throw new ResponseError('a switch of protocols');
    if (status < 200) return;
    const { length, chunked, closes, staysOpen } = framingOf(fields);
    const isOld = minor === '0';
    this.#closes = closes;
    this.#keepsAlive = !closes && (!isOld || staysOpen);
    const hasBody = !this.#isHead && status !== 204 && status !== 304;
    if (hasBody) this.#expectBody(length, chunked, isOld);
    listener.onHead(status, reason, fields);
    if (!hasBody || (this.#state === 'counted' && this.#left === 0)) this.#finish(listener);
  }

  #expectBody(lengths: readonly string[], codings: readonly string[], isOld: boolean): void {
    const [length] = lengths;
    if (codings.length > 0) {
      if (codings.length > 1 || codings[0]?.toLowerCase() !== 'chunked') {
        throw new ResponseError('a transfer coding other than chunked');
      }
      if (length !== undefined) throw new ResponseError('a length beside chunks');
      this.#state = 'chunk size';
      // HTTP/1.0 knows no chunks: whoever writes them so is not trusted with another request (RFC 9112 §6.1).
      if (isOld) this.#keepsAlive = false;
    } else if (length === undefined) {
      this.#state = 'to the end';
      this.#keepsAlive = false;
    } else {
      if (!/^\d{1,15}$/.test(length) || lengths.some((other) => other !== length))
        throw new ResponseError('a length that is none, or two');
      this.#state = 'counted';
      this.#left = Number(length);
    }
  }

  #body(chunk: Buffer, from: number, listener: ResponseListener): number {
    const to = Math.min(chunk.length, from + this.#left);
    this.#left -= to - from;
    const isChunk = this.#state === 'chunk';
    if (isChunk && this.#left === 0) this.#state = 'chunk end';
    listener.onBody(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
    if (!isChunk && this.#left === 0 && this.#state === 'counted') this.#finish(listener);
    return to;
  }

  #line(chunk: Buffer, from: number, listener: ResponseListener): number {
    const end = chunk.indexOf(lf, from);
    const to = end === -1 ? chunk.length : end + 1;
    const isTrailer = this.#state === 'trailer';
    if (isTrailer) this.#headBytes += to - from;
    if (isTrailer ? this.#headBytes > maxHeadBytes : this.#text.length + to - from > maxLineBytes) {
      throw new ResponseError('a line of a chunk, or trailers, without an end');
    }
    this.#text += chunk.toString('latin1', from, to);
    if (end === -1) return to;
    const line = this.#text.slice(0, -2);
    if (!this.#text.endsWith('\r\n')) throw new ResponseError('a line that does not end with CRLF');
    this.#text = '';
    if (this.#state === 'chunk size') this.#chunkSize(line);
    else if (this.#state === 'chunk end') {
      if (line !== '') throw new ResponseError('a chunk longer than its size');
      this.#state = 'chunk size';
    } else if (line === '') this.#finish(listener);
    return to;
  }

  #chunkSize(line: string): void {
    // Apache 1.3 pads sizes with spaces.
    const digits = /^([\da-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
    if (digits === undefined) throw new ResponseError('a chunk without a size');
    this.#left = Number.parseInt(digits, 16);
    this.#state = this.#left === 0 ? 'trailer' : 'chunk';
  }

  #finish(listener: ResponseListener): void {
    this.#state = 'over';
    listener.onEnd();
  }
}

function readFields(text: string, from: number): string[] {
  const fields: string[] = [];
  for (let at = from; at < text.length;) {
    const found = text.indexOf('\r\n', at);
    const end = found === -1 ? text.length : found;
    const colon = text.indexOf(':', at);
    const name = text.slice(at, colon);
    let [first, last] = [colon + 1, end];
    while (isBlank(text, first) && first < last) first += 1;
    while (isBlank(text, last - 1) && first < last) last -= 1;
    const value = text.slice(first, last);
    if (colon === -1 || colon > end || !token.test(name) || control.test(value))
      throw new ResponseError('a line that is no field');
    fields.push(name, value);
    at = end + 2;
  }
  return fields;
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 32 || code === 9;
}

interface Framing {
  readonly length: readonly string[];
  readonly chunked: readonly string[];
  readonly closes: boolean;
  readonly staysOpen: boolean;
}

/** The fields that say where an answer ends and what becomes of its connection (RFC 9112 §6, §9). */
function framingOf(fields: readonly string[]): Framing {
  const length: string[] = [];
  const chunked: string[] = [];
  let closes = false;
  let staysOpen = false;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    // Most names are told apart by their length.
    if (name.length !== 10 && name.length !== 14 && name.length !== 17) continue;
    const value = fields[index + 1] ?? '';
    const key = name.toLowerCase();
    if (key === 'content-length') length.push(value);
    else if (key === 'transfer-encoding') chunked.push(value);
    else if (key === 'connection') {
      const options = value
        .toLowerCase()
        .split(',')
        .map((option) => option.trim());
      closes ||= options.includes('close');
      staysOpen ||= options.includes('keep-alive');
    }
  }
  return { length, chunked, closes, staysOpen };
}
