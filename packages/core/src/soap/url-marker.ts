const urlName = 'ConnectionRequestURL';
const structName = 'ParameterValueStruct';
const lettersOfUrlName: ReadonlySet<number> = new Set(Buffer.from(urlName));
const reference = /&#(?:x([0-9a-fA-F]*)|([0-9]*))(;?)/y;
const referenceWindow = 16;

const bang = 0x21;
const question = 0x3f;
const less = 0x3c;
const bracket = 0x5b;
const upperD = 0x44;

/** Whether the reference at `at` may stand for a letter of the name; one too long to be read at once may. */
function mayBeLetter(text: string, at: number): boolean {
  reference.lastIndex = 0;
  const match = reference.exec(text.slice(at, at + referenceWindow));
  if (match === null) return false;
  const [whole, hex, decimal = '', end] = match;
  if (end === '') return at + whole.length === text.length || whole.length === referenceWindow;
  return lettersOfUrlName.has(hex === undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16));
}

/** The first numeric reference from `from` on, before `until`, that may stand for a letter of the name. */
function nextLetterReference(text: string, from: number, until: number): number {
  for (let at = text.indexOf('&#', from); at >= 0 && at < until; at = text.indexOf('&#', at + 2)) {
    if (mayBeLetter(text, at)) return at;
  }
  return until;
}

/** The first `<!` or `<?` from `from` on, before `until`, that may break up the name or is a document type declaration. */
function nextBreak(text: string, mark: number, from: number, until: number): number {
  const character = String.fromCharCode(mark);
  for (let at = text.indexOf(character, from); at >= 0 && at <= until; at = text.indexOf(character, at + 1)) {
    if (text.charCodeAt(at - 1) !== less) continue;
    const next = text.charCodeAt(at + 1);
    const unknown = Number.isNaN(next);
    if (mark === bang && (unknown || next === bracket || next === upperD)) return at - 1;
    // A comment or an instruction in the midst of the name, or the first of several, has a letter of it before it.
    if (at < 2 ? unknown : lettersOfUrlName.has(text.charCodeAt(at - 2))) return at - 1;
  }
  return until;
}

/**
 * The next place from which on the name of the ConnectionRequestURL may stand in a text, in a struct that is not before it;
 * -1 where there is none. A decoded name that holds `ConnectionRequestURL` either has these letters side by side in the
 * bytes, or some of them are numeric references, or stand in CDATA, or have comments or instructions between them. Each of
 * these is looked for; what can be none of them, like `&#10;` or a comment between elements, is passed over. So is a
 * document type declaration not: it is to be reported.
 */
export function nextMarker(text: string, from: number): number {
  const literal = text.indexOf(urlName, from);
  let until = literal < 0 ? text.length : literal;
  until = nextLetterReference(text, from, until);
  until = nextBreak(text, bang, from, until);
  until = nextBreak(text, question, from, until);
  return until === text.length ? -1 : until;
}

/** The next place in a text where a struct that is without comments and CDATA must end that holds no URL. */
export function nextPlainMarker(text: string, from: number): number {
  const literal = text.indexOf(urlName, from);
  return nextLetterReference(text, from, literal < 0 ? text.length : literal);
}

const windowBytes = 1 << 16;
const overlap = 64;

/** The markers of a body in memory, looked for as they are asked for, once. */
export class UrlMarkers {
  readonly #body: Buffer;
  /** The body as latin1, where it is short. */
  readonly text: string | undefined;
  #searchedFrom = 0;
  #next: number | undefined;

  constructor(body: Buffer) {
    this.#body = body;
    this.text = body.length <= windowBytes ? body.toString('latin1') : undefined;
  }

  /** Whether a URL may stand after `from`, which is outside of any struct. */
  mayFollow(from: number): boolean {
    return this.#nextFrom(from) >= 0 && this.#holds(structName, from);
  }

  /** Whether a URL may stand in the body, or something in it must be reported. */
  get any(): boolean {
    const next = this.#nextFrom(0);
    return next >= 0 && (this.#holds(structName, 0) || this.#holds('<!DOCTYPE', 0));
  }

  #holds(name: string, from: number): boolean {
    return this.text === undefined ? this.#body.includes(name, from, 'latin1') : this.text.includes(name, from);
  }

  #nextFrom(from: number): number {
    const known = this.#next;
    if (known !== undefined && from >= this.#searchedFrom && (known < 0 || known >= from)) return known;
    this.#searchedFrom = from;
    this.#next = this.#search(from);
    return this.#next;
  }

  #search(from: number): number {
    if (this.text !== undefined) return nextMarker(this.text, from);
    for (let at = from; at < this.#body.length; at += windowBytes) {
      // From one byte before, as that byte tells whether a comment stands in the midst of the name.
      const start = Math.max(at - 1, 0);
      const found = nextMarker(this.#body.toString('latin1', start, at + windowBytes + overlap), at - start);
      if (found >= 0) return start + found;
    }
    return -1;
  }
}
