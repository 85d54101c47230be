/** How a careless server reads what has two readings. */
export interface Leniency {
  name: string;
  /** Which framing wins when there are two. */
  prefers: 'length' | 'chunks';
  /** Which of several lengths wins. */
  takes: 'first' | 'last';
  /** `Content_Length` is `Content-Length`, and a bare LF ends a line. */
  careless: boolean;
}

export const leniencies: readonly Leniency[] = (['length', 'chunks'] as const).flatMap((prefers) =>
  (['first', 'last'] as const).flatMap((takes) =>
    [true, false].map((careless) => ({
      name: `${prefers}, ${takes}, ${careless ? 'careless' : 'plain'}`,
      prefers,
      takes,
      careless,
    })),
  ),
);

/** A request as a careless server understood it. */
export interface ParsedRequest {
  line: string;
  /** Lower-case names, as it reads them. */
  names: string[];
  body: string;
}

/** Reads every request out of the bytes of one connection. */
export function lenientParse(bytes: string, { prefers, takes, careless }: Leniency): ParsedRequest[] {
  const parsed: ParsedRequest[] = [];
  const blank = careless ? /\r?\n\r?\n/ : /\r\n\r\n/;
  for (let rest = bytes; rest !== '';) {
    const end = blank.exec(rest);
    if (end === null) {
      parsed.push({ line: `unfinished ${JSON.stringify(rest.slice(0, 60))}`, names: [], body: '' });
      break;
    }
    const [line = '', ...lines] = rest.slice(0, end.index).split(careless ? /\r?\n/ : '\r\n');
    rest = rest.slice(end.index + end[0].length);
    const fields = lines.map((field) => {
      const [, name = '', value = ''] = /^(.*?)\s*:\s*(.*)$/.exec(field) ?? [];
      const key = name.trim().toLowerCase();
      return { name: careless ? key.replaceAll('_', '-') : key, value };
    });
    const lengths = fields
      .filter(({ name }) => name === 'content-length')
      .map(({ value }) => Number.parseInt(value, 10));
    const isChunked = fields.some(({ name, value }) => name === 'transfer-encoding' && /chunked/i.test(value));
    const length = takes === 'first' ? lengths[0] : lengths.at(-1);
    let body: string;
    if (isChunked && (prefers === 'chunks' || length === undefined)) {
      [body, rest] = takeChunks(rest);
    } else {
      body = rest.slice(0, length ?? 0);
      rest = rest.slice(length ?? 0);
    }
    parsed.push({ line, names: fields.map(({ name }) => name), body });
  }
  return parsed;
}

function takeChunks(text: string): [body: string, rest: string] {
  let body = '';
  for (let rest = text; ;) {
    const [, digits = '0', left = ''] = /^([\da-f]+)[^\n]*\n([^]*)$/i.exec(rest) ?? [];
    const size = Number.parseInt(digits, 16);
    if (size === 0) return [body, left.replace(/^[^]*?\r?\n/, '')];
    body += left.slice(0, size);
    rest = left.slice(size).replace(/^\r?\n/, '');
  }
}
