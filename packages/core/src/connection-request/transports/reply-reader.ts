/** The head of a final answer. */
export interface Reply {
  readonly status: number;
  /** All `WWW-Authenticate` fields, one character an octet. */
  readonly challenges: readonly string[];
}

/** Maximum of a head that is read, in bytes, interim (1xx) answers included. curl reads 300 KB; a CPE's fits in one. */
const maxHeadBytes = 16_384;
/** Maximum of a body that is read off before the connection is given up, in bytes. */
const maxBodyBytes = 65_536;
/** Maximum of a line of a chunked body between its chunks, in bytes. */
const maxChunkLineBytes = 1024;

const beginning = 'HTTP/';
const lf = 10;
const cr = 13;

/**
 * Reads one HTTP answer the way curl does, from a CPE that may write bare LF, folded fields, no blank line before it
 * closes, no reason phrase, a wrong or repeated Content-Length, interim answers, a body where there should be none, or
 * anything behind its answer. It keeps the head only; bodies are counted, never kept.
 *
 * Feed it with {@link push} and, when the peer closes or no more is waited for, {@link end}.
 */
export class ReplyReader {
  /** The answer, as soon as its head is read. */
  reply: Reply | undefined;
  /** Why there will be no answer. */
  error: 'not HTTP' | 'head too long' | undefined;
  /** The answer is over: no more of it will come, or no more is read. */
  complete = false;
  /** Another request may be sent on this connection: the end of the answer is known and nothing came behind it. */
  reusable = false;
  /** The answer is over and the peer has said that it closes now. */
  peerCloses = false;
  /** Anything has come since the last {@link reset}. */
  started = false;

  #state: 'head' | 'counted' | 'chunk-line' | 'chunk' | 'trailer' | 'open' | 'behind' = 'head';
  #head = '';
  /** What a blank line may consist of that stands at the end of the head. */
  #blank: '' | 'lf' | 'lf cr' = '';
  #headBytes = 0;
  #bodyBytes = 0;
  /** Bytes that are left of the body or chunk. */
  #left = 0;
  #line = '';
  #keepAlive = false;

  /** Takes in what came from the socket. The chunk is not kept. */
  push(chunk: Buffer): void {
    let at = 0;
    this.started = true;
    while (at < chunk.length && this.error === undefined && !(this.complete && this.#state !== 'behind')) {
      at = this.#step(chunk, at);
    }
  }

  /** The peer has closed, or no more is waited for: what came so far is all there is. */
  end(): void {
    if (this.error !== undefined || this.complete) return;
    if (this.#state === 'head' && this.#head !== '') this.#readHead(this.#head);
    if (this.reply === undefined) return;
    this.complete = true;
    // A head that forgot to say that nothing follows it: the connection may still be good.
    this.reusable = this.#keepAlive && this.#bodyBytes === 0 && this.#state !== 'chunk' && this.#state !== 'trailer';
    this.#state = 'behind';
  }

  /** Readies it for the answer to the next request on this connection. */
  reset(): void {
    this.reply = undefined;
    this.complete = false;
    this.reusable = false;
    this.peerCloses = false;
    this.started = false;
    this.#state = 'head';
    this.#head = '';
    this.#blank = '';
    this.#headBytes = 0;
    this.#bodyBytes = 0;
  }

  #step(chunk: Buffer, from: number): number {
    const state = this.#state;
    if (state === 'head') return this.#pushHead(chunk, from);
    if (state === 'counted' || state === 'chunk') return this.#skip(chunk, from);
    if (state === 'chunk-line' || state === 'trailer') return this.#pushLine(chunk, from);
    if (state === 'open') {
      this.#count(chunk.length - from);
      return chunk.length;
    }
    for (let i = from; i < chunk.length; i += 1) {
      // Line ends behind an answer are the habit of some CPEs; anything else was sent without having been asked for.
      if (chunk[i] !== lf && chunk[i] !== cr) this.reusable = false;
    }
    return chunk.length;
  }

  #pushHead(chunk: Buffer, from: number): number {
    const known = this.#head.length;
    let at = from;
    // Line ends before a status line are left over from the answer before. They count at once, so that they cannot come for ever.
    if (known === 0) while (chunk[at] === lf || chunk[at] === cr) at += 1;
    this.#headBytes += at - from;
    const end = this.#endOfHead(chunk, at);
    const to = end < 0 ? Math.min(chunk.length, at + maxHeadBytes + 1) : end;
    // Not searched until it is whole: a part that is added by the byte would be copied for each.
    this.#head += chunk.toString('latin1', at, to);
    const { length } = this.#head;
    if (known < beginning.length && !beginning.startsWith(this.#head.slice(0, beginning.length).toUpperCase())) {
      this.error = 'not HTTP';
      return chunk.length;
    }
    if (this.#headBytes + length > maxHeadBytes) {
      this.error = 'head too long';
      return chunk.length;
    }
    if (end < 0) return chunk.length;
    const head = this.#head;
    this.#head = '';
    this.#headBytes += length;
    this.#blank = '';
    this.#readHead(head);
    return end;
  }

  /** Index behind the blank line that ends a head, in whatever line ends; -1 while there is none. */
  #endOfHead(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (byte === lf) {
        if (this.#blank !== '') return at + 1;
        this.#blank = 'lf';
      } else this.#blank = byte === cr && this.#blank === 'lf' ? 'lf cr' : '';
    }
    return -1;
  }

  #readHead(head: string): void {
    const statusLine = /^HTTP\/(\d+(?:\.\d+)?)[ \t]+(\d{3})(?![0-9])/i.exec(head);
    const status = Number(statusLine?.[2]);
    if (statusLine === null || status < 100 || status > 599) {
      this.error = 'not HTTP';
      return;
    }
    if (status < 200 && status !== 101) return;
    const fields = readFields(head);
    this.reply = { status, challenges: fields.challenges };
    this.#keepAlive =
      status !== 101 &&
      (statusLine[1] === '1.1' ? !fields.connection.includes('close') : fields.connection.includes('keep-alive'));
    if (status === 204 || status === 304) this.#finish();
    else if (fields.chunked) this.#state = 'chunk-line';
    else if (fields.length === 0) this.#finish();
    else if (fields.length === undefined) this.#state = 'open';
    else {
      this.#left = fields.length;
      this.#state = 'counted';
    }
  }

  #skip(chunk: Buffer, from: number): number {
    const taken = Math.min(this.#left, chunk.length - from);
    this.#left -= taken;
    this.#count(taken);
    if (this.#left === 0) {
      if (this.#state === 'chunk') this.#state = 'chunk-line';
      else this.#finish();
    }
    return from + taken;
  }

  #pushLine(chunk: Buffer, from: number): number {
    const lineEnd = chunk.indexOf(10, from);
    const to = lineEnd < 0 ? chunk.length : lineEnd + 1;
    this.#line += chunk.toString('latin1', from, Math.min(to, from + maxChunkLineBytes));
    this.#count(to - from);
    if (lineEnd < 0) {
      if (this.#line.length >= maxChunkLineBytes) this.#giveUpBody();
      return to;
    }
    const line = this.#line.trim();
    this.#line = '';
    if (this.#state === 'trailer') {
      if (line === '') this.#finish();
      return to;
    }
    // The line end behind a chunk leaves an empty line before the next size.
    if (line === '') return to;
    const size = /^([0-9a-f]{1,8})(?:[ \t]*;.*)?$/i.exec(line)?.[1];
    if (size === undefined) {
      this.#giveUpBody();
      return to;
    }
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailer' : 'chunk';
    return to;
  }

  #count(bytes: number): void {
    this.#bodyBytes += bytes;
    if (this.#bodyBytes > maxBodyBytes) this.#giveUpBody();
  }

  /** Where the answer ends cannot be known; its head can still be acted on. */
  #giveUpBody(): void {
    this.#state = 'open';
    this.complete = true;
  }

  #finish(): void {
    this.#state = 'behind';
    this.complete = true;
    this.reusable = this.#keepAlive;
    this.peerCloses = !this.#keepAlive;
  }
}

interface Fields {
  readonly challenges: readonly string[];
  readonly connection: string;
  readonly chunked: boolean;
  /** Bytes of the body; absent where none is given, or where two disagree or one is no number: it then ends with the connection. */
  readonly length?: number;
}

function readFields(head: string): Fields {
  const challenges: string[] = [];
  let connection = '';
  let chunked = false;
  let length: number | undefined;
  let lengths = 0;
  // Folded lines belong to the field above (RFC 9112 §5.2).
  const text = /\n[ \t]/.test(head) ? head.replace(/\r?\n[ \t]+/g, ' ') : head;
  for (let start = text.indexOf('\n') + 1, end; start > 0 && start < text.length; start = end + 1) {
    end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    const line = text.slice(start, end);
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, colon).trim().toLowerCase()) {
      case 'www-authenticate':
        challenges.push(value);
        break;
      case 'connection':
        connection += ` ${value.toLowerCase()}`;
        break;
      case 'transfer-encoding':
        chunked ||= /\bchunked\b/i.test(value);
        break;
      case 'content-length': {
        const given = /^\d{1,15}$/.test(value) ? Number(value) : undefined;
        length = lengths === 0 || given === length ? given : undefined;
        lengths += 1;
        break;
      }
    }
  }
  return { challenges, connection, chunked, ...(length !== undefined && { length }) };
}
