/** An answer as it stood on the wire. */
export interface RawAnswer {
  /** `HTTP/1.1` or `HTTP/1.0`. */
  version: string;
  status: number;
  reason: string;
  /** Names and values in turn, in their own case and order. */
  fields: string[];
  body: Buffer;
  /** How the end of the body was told. */
  framing: 'length' | 'chunked' | 'close' | 'none';
  /** Whether the connection is of no use after it. */
  closes: boolean;
}

/** Every value of a field, in order. */
export function valuesOf(answer: Pick<RawAnswer, 'fields'>, name: string): string[] {
  return answer.fields.filter((_, index, all) => index % 2 === 1 && all[index - 1]?.toLowerCase() === name);
}

/** Reads answers from the bytes of a connection, as they come. */
export class AnswerReader {
  #bytes: Buffer = Buffer.alloc(0);

  /** Bytes that belong to no answer yet. */
  get left(): number {
    return this.#bytes.length;
  }

  push(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
  }

  /**
   * The next whole answer, or `undefined` while it is not whole.
   *
   * @param method Method of the request it answers.
   * @param ended Whether the peer has closed.
   */
  next(method: string, ended: boolean): RawAnswer | undefined {
    const headEnd = this.#bytes.indexOf('\r\n\r\n');
    if (headEnd === -1) return undefined;
    const [statusLine = '', ...lines] = this.#bytes.subarray(0, headEnd).toString('latin1').split('\r\n');
    const [, version = '', digits = '', reason = ''] = /^(HTTP\/1\.[01]) (\d{3}) ?(.*)$/.exec(statusLine) ?? [];
    if (version === '') throw new Error(`not a status line: ${JSON.stringify(statusLine)}`);
    const fields = lines.flatMap((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    const status = Number(digits);
    const rest = this.#bytes.subarray(headEnd + 4);
    if (status < 200) {
      this.#bytes = rest;
      return this.next(method, ended);
    }
    const answer: RawAnswer = { version, status, reason, fields, body: rest, framing: 'none', closes: false };
    const read = readBody(answer, rest, method, ended);
    if (read === undefined) return undefined;
    this.#bytes = rest.subarray(read);
    const [connection = version === 'HTTP/1.1' ? '' : 'close'] = valuesOf(answer, 'connection');
    answer.closes = answer.framing === 'close' || connection.toLowerCase() === 'close';
    return answer;
  }
}

/** Fills in the body; returns how many bytes it took, or `undefined` while it is not whole. */
function readBody(answer: RawAnswer, rest: Buffer, method: string, ended: boolean): number | undefined {
  const [length] = valuesOf(answer, 'content-length');
  if (answer.status === 204 || answer.status === 304 || method === 'HEAD') {
    answer.body = Buffer.alloc(0);
    return 0;
  }
  if (valuesOf(answer, 'transfer-encoding').length > 0) {
    answer.framing = 'chunked';
    return readChunks(answer, rest);
  }
  if (length === undefined) {
    answer.framing = 'close';
    return ended ? rest.length : undefined;
  }
  answer.framing = 'length';
  if (rest.length < Number(length)) return undefined;
  answer.body = rest.subarray(0, Number(length));
  return Number(length);
}

function readChunks(answer: RawAnswer, rest: Buffer): number | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = rest.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(rest.subarray(at, lineEnd).toString('latin1'), 16);
    const from = lineEnd + 2;
    if (rest.length < from + size + 2) return undefined;
    parts.push(rest.subarray(from, from + size));
    at = from + size + 2;
    if (size !== 0) continue;
    answer.body = Buffer.concat(parts);
    return at;
  }
}
