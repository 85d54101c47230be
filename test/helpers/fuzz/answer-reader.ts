/** An answer as it came over the wire. */
export interface FuzzAnswer {
  status: number;
  /** Lower-case names and values. */
  fields: readonly (readonly [string, string])[];
  body: Buffer;
  /** Whether only the end of the connection ended its body. */
  endsByClose: boolean;
  /** Whether nothing may follow it. */
  closes: boolean;
}

/** What was read is not HTTP. */
export class MalformedAnswer extends Error {}

const empty: Buffer = Buffer.alloc(0);

/** Reads the answers of one connection, as strictly as RFC 9112 is. */
export class StrictAnswerReader {
  #bytes = empty;
  #isClosed = false;

  /** Bytes that belong to no whole answer. */
  get rest(): Buffer {
    return this.#bytes;
  }

  push(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  /**
   * The next whole answer, if there is one.
   *
   * @param method Of the request that it answers; `undefined` when none is left.
   * @param ended Whether the connection was ended in order.
   *
   * @throws {@link MalformedAnswer}
   */
  next(method: string | undefined, ended: boolean): FuzzAnswer | undefined {
    for (;;) {
      if (this.#bytes.length === 0) return undefined;
      if (this.#isClosed) throw new MalformedAnswer('bytes behind an answer that closes');
      const headEnd = this.#bytes.indexOf('\r\n\r\n');
      if (headEnd === -1) {
        if (!/^[\x20-\x7e\x80-\xff\r\n\t]*$/.test(this.#bytes.toString('latin1'))) throw new MalformedAnswer('no head');
        return undefined;
      }
      const [statusLine = '', ...lines] = this.#bytes.toString('latin1', 0, headEnd).split('\r\n');
      const [, digits] = /^HTTP\/1\.1 ([1-5]\d\d) [\t\x20-\x7e\x80-\xff]*$/.exec(statusLine) ?? [];
      if (digits === undefined) throw new MalformedAnswer(`no status line: ${statusLine.slice(0, 60)}`);
      const fields = lines.map(fieldOf);
      const status = Number(digits);
      const rest = this.#bytes.subarray(headEnd + 4);
      if (status < 200) {
        this.#bytes = rest;
        continue;
      }
      return this.#whole(status, fields, rest, method, ended);
    }
  }

  #whole(
    status: number,
    fields: FuzzAnswer['fields'],
    rest: Buffer,
    method: string | undefined,
    ended: boolean,
  ): FuzzAnswer | undefined {
    const lengths = valuesOf(fields, 'content-length');
    const codings = valuesOf(fields, 'transfer-encoding');
    const [length] = lengths;
    if (lengths.length > 1 || (length !== undefined && !/^\d+$/.test(length))) throw new MalformedAnswer('length');
    if (codings.length > 1 || (codings[0] ?? 'chunked') !== 'chunked') throw new MalformedAnswer('transfer coding');
    if (lengths.length > 0 && codings.length > 0) throw new MalformedAnswer('two framings');
    const answer = { status, fields, body: empty, endsByClose: false, closes: false };
    const options = valuesOf(fields, 'connection').flatMap((value) => value.toLowerCase().split(/\s*,\s*/));
    answer.closes = options.includes('close');
    let taken: number | undefined = 0;
    if (method === 'HEAD' || status === 204 || status === 304) {
      // No body, whatever its fields say.
    } else if (codings.length > 0) {
      const read = readChunks(rest);
      if (read !== undefined) answer.body = read.body;
      taken = read?.taken;
    } else if (length === undefined) {
      answer.endsByClose = true;
      answer.closes = true;
      answer.body = rest;
      taken = ended ? rest.length : undefined;
    } else {
      answer.body = rest.subarray(0, Number(length));
      taken = rest.length < Number(length) ? undefined : Number(length);
    }
    if (taken === undefined) return undefined;
    this.#bytes = rest.subarray(taken);
    this.#isClosed = answer.closes;
    return answer;
  }
}

/** Every value of a field. */
export function valuesOf(fields: FuzzAnswer['fields'], name: string): string[] {
  return fields.flatMap(([each, value]) => (each === name ? [value] : []));
}

function fieldOf(line: string): [string, string] {
  const [, name, value] = /^([!#$%&'*+\-.^_`|~\w]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new MalformedAnswer(`no field: ${line.slice(0, 60)}`);
  return [name.toLowerCase(), value.trim()];
}

function readChunks(bytes: Buffer): { body: Buffer; taken: number } | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const [, digits] = /^([\da-fA-F]+)(?:;.*)?$/.exec(bytes.toString('latin1', at, lineEnd)) ?? [];
    if (digits === undefined) throw new MalformedAnswer('no size of a chunk');
    const size = Number.parseInt(digits, 16);
    const from = lineEnd + 2;
    if (size === 0) {
      const end = bytes.indexOf('\r\n\r\n', lineEnd);
      if (end === -1) return undefined;
      return { body: Buffer.concat(parts), taken: end + 4 };
    }
    if (bytes.length < from + size + 2) return undefined;
    if (bytes.toString('latin1', from + size, from + size + 2) !== '\r\n')
      throw new MalformedAnswer('no end of a chunk');
    parts.push(bytes.subarray(from, from + size));
    at = from + size + 2;
  }
}
