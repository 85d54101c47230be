/**
 * One challenge of a `WWW-Authenticate` header, or the credentials of an `Authorization` header: both have the same form
 * (RFC 9110 §11.3, §11.4). Text is as Node hands out header fields: one character stands for one octet.
 */
export interface Challenge {
  /** The scheme as it was written; compare it without regard to case. */
  readonly scheme: string;
  /** The parameters by lower-case name, values without their quotes and escapes. Of a repeated name the first counts. */
  readonly params: ReadonlyMap<string, string>;
  /** What stands in the place of parameters in some schemes (`Basic QWxhZGRpbg==`). */
  readonly token68?: string;
}

type Draft = { -readonly [K in keyof Challenge]: Challenge[K] } & { params: Map<string, string> };

/**
 * Reads all challenges of all `WWW-Authenticate` header fields, in their order. It takes what real CPEs write: several
 * challenges in one field or one in each, parameters parted by commas or by spaces alone, quotes or none, spaces around
 * the equals sign, empty items, a quote that is never closed, an unquoted list of qop values. What cannot be read is
 * skipped; no input makes it throw. Of one field the first {@link maxFieldLength} characters are read, of all the first
 * challenges up to the maximum.
 *
 * @param maxChallenges Maximum of challenges. Default 32.
 */
export function parseChallenges(fields: string | readonly string[], maxChallenges: number = 32): Challenge[] {
  const found: Challenge[] = [];
  for (const field of typeof fields === 'string' ? [fields] : fields) {
    parseField(field.slice(0, maxFieldLength), found, maxChallenges);
  }
  return found;
}

/** Maximum of characters that are read of one field: eight times what the longest Digest answers of the field have. */
const maxFieldLength = 4_096;

// Sticky expressions: each reads one thing at the position it is given and never looks back.
const separators = /[\s,;]*/y;
const spaces = /[ \t]*/y;
const name = /[^\s,;="]+/y;
const unquotedValue = /[^\s,"]*/y;
const token68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;

function parseField(field: string, found: Challenge[], maxChallenges: number): void {
  let current: Draft | undefined;
  let at = 0;

  const read = (expression: RegExp): string => {
    expression.lastIndex = at;
    const text = expression.exec(field)?.[0] ?? '';
    at += text.length;
    return text;
  };

  while (at < field.length) {
    const separator = read(separators);
    if (current !== undefined && current.params.size === 0 && separator !== '' && !separator.includes(',')) {
      const text = read(token68);
      // A scheme may stand alone (`Negotiate`, then a comma), so a lone word behind a scheme and a space is its token68.
      if (text !== '') {
        current.token68 = text;
        continue;
      }
    }
    const word = read(name);
    if (word === '') {
      // A stray quote or equals sign belongs to nothing.
      if (field[at] === '"') readQuoted();
      else at += 1;
      continue;
    }
    const before = at;
    read(spaces);
    if (field[at] === '=') {
      at += 1;
      read(spaces);
      const value = field[at] === '"' ? readQuoted() : read(unquotedValue);
      const key = word.toLowerCase();
      if (current !== undefined && !current.params.has(key)) current.params.set(key, value);
      continue;
    }
    at = before;
    if (current !== undefined && /^auth(?:-int)?$/i.test(word) && current.params.has('qop')) {
      // `qop=auth,auth-int` without its quotes.
      current.params.set('qop', `${current.params.get('qop') ?? ''},${word}`);
      continue;
    }
    if (found.length >= maxChallenges) return;
    current = { scheme: word, params: new Map() };
    found.push(current);
  }

  function readQuoted(): string {
    let text = '';
    let from = at + 1;
    for (let i = from; ; i += 1) {
      const char = field[i];
      if (char === undefined || char === '"') {
        at = Math.min(i + 1, field.length);
        return text + field.slice(from, i);
      }
      if (char === '\\' && i + 1 < field.length) {
        text += field.slice(from, i);
        from = i + 1;
        i += 1;
      }
    }
  }
}

/** Writes text as a quoted-string (RFC 9110 §5.6.4). */
export function quote(text: string): string {
  return /["\\]/.test(text) ? `"${text.replace(/["\\]/g, String.raw`\$&`)}"` : `"${text}"`;
}
