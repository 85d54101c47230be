/**
 * Watches what is not read: a URL may have been missed only where its name stands there, in a struct. Keeps the last few
 * characters of what it has seen.
 */
export class MissedUrlWatch {
  #structSeen = false;
  #urlSeen = false;
  #urlInStructSeen = false;
  #tail = '';

  /** Whether a URL may have been missed; `inStruct` tells whether what is not read begins inside a struct. */
  mayHaveMissed(inStruct: boolean): boolean {
    return inStruct ? this.#urlSeen : this.#urlInStructSeen;
  }

  /** The next characters that are not read. */
  see(unread: string): void {
    if (this.#urlInStructSeen) return;
    const text = this.#tail + unread;
    this.#urlSeen ||= text.includes(urlName);
    const struct = this.#structSeen ? 0 : text.indexOf(structName);
    if (struct >= 0) {
      this.#structSeen = true;
      this.#urlInStructSeen = text.includes(urlName, struct);
    }
    this.#tail = text.slice(1 - urlName.length);
  }
}

/** The last part of the name of the parameter that holds a CPE's own URL (TR-098, TR-181: ManagementServer). */
export const urlName = 'ConnectionRequestURL';

/** Local name of the element that holds a parameter's name and value. */
export const structName = 'ParameterValueStruct';

const nameEnd = 'URL';
const lettersOfUrlName: ReadonlySet<number> = new Set(Buffer.from(urlName));
const reference = /&#(?:x([0-9a-fA-F]*)|([0-9]*))(;?)/y;
const referenceWindow = 16;

const bang = 0x21;
const hash = 0x23;
const ampersand = 0x26;
const less = 0x3c;
const question = 0x3f;
const upperD = 0x44;
const bracket = 0x5b;

/** Whether a text of {@link referenceWindow} characters, or up to the end, begins with what may stand for a letter of the name. */
function mayBeLetter(window: string): boolean {
  reference.lastIndex = 0;
  const match = reference.exec(window);
  if (match === null) return false;
  const [whole, hex, decimal = '', end] = match;
  // One that is cut off, or too long to be read at once, may.
  if (end === '') return whole.length === window.length;
  return lettersOfUrlName.has(hex === undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16));
}

/** The first numeric reference from `from` on, before `until`, that may stand for a letter of the name. */
function nextLetterReference(bytes: Buffer, from: number, until: number): number {
  for (let at = bytes.indexOf(hash, from + 1); at > 0 && at <= until; at = bytes.indexOf(hash, at + 1)) {
    const start = at - 1;
    if (bytes[start] === ampersand && mayBeLetter(bytes.toString('latin1', start, start + referenceWindow)))
      return start;
  }
  return until;
}

/** The first `<!` or `<?` from `from` on, before `until`, that may break up the name or is a document type declaration. */
function nextBreak(bytes: Buffer, mark: number, from: number, until: number): number {
  for (let at = bytes.indexOf(mark, from); at >= 0 && at <= until; at = bytes.indexOf(mark, at + 1)) {
    if (bytes[at - 1] !== less) continue;
    const next = bytes[at + 1];
    if (mark === bang && (next === undefined || next === bracket || next === upperD)) return at - 1;
    // A comment or an instruction in the midst of the name, or the first of several, has a letter of it before it.
    const before = bytes[at - 2];
    if (before === undefined ? next === undefined : lettersOfUrlName.has(before)) return at - 1;
  }
  return until;
}

/**
 * The next place from which on the name of the ConnectionRequestURL may stand in a body, in a struct that is not before it;
 * -1 where there is none. A decoded name that holds `ConnectionRequestURL` either has these letters side by side in the
 * bytes, or some of them are numeric references, or stand in CDATA, or have comments or instructions between them. Each of
 * these is looked for; what can be none of them, like `&#10;` or a comment between elements, is passed over. So is a
 * document type declaration not: it is to be reported.
 */
function nextMarker(body: Buffer, from: number): number {
  const literal = body.indexOf(urlName, from, 'latin1');
  let until = literal < 0 ? body.length : literal;
  until = nextLetterReference(body, from, until);
  until = nextBreak(body, bang, from, until);
  until = nextBreak(body, question, from, until);
  return until === body.length ? -1 : until;
}

/**
 * The next place in a text where the name stands, its length where it does not. What is searched for is its end: V8 finds three
 * characters by the first of them, and a U is rare in messages, so that it takes a tenth of the time for the whole name.
 */
function nextName(text: string, from: number): number {
  const lead = urlName.length - nameEnd.length;
  for (let at = text.indexOf(nameEnd, from + lead); at >= 0; at = text.indexOf(nameEnd, at + 1)) {
    if (text.startsWith(urlName, at - lead)) return at - lead;
  }
  return text.length;
}

/** The next numeric reference in a text that may stand for a letter of the name, its length where there is none. */
function nextReference(text: string, from: number): number {
  for (let at = text.indexOf('&#', from); at >= 0; at = text.indexOf('&#', at + 2)) {
    if (mayBeLetter(text.slice(at, at + referenceWindow))) return at;
  }
  return text.length;
}

/** Where in a text a struct without comments and CDATA must end that holds no URL. */
export class PlainMarkers {
  #nameAt = -1;
  #referenceAt = -1;

  /** Call before each new text. */
  reset(): void {
    this.#nameAt = -1;
    this.#referenceAt = -1;
  }

  /**
   * The next such place, from `from` on, which must not go back; the length of the text where there is none. Each kind is searched
   * for only when the last of it was passed: who asks after each element must not have all the rest searched each time.
   */
  next(text: string, from: number): number {
    if (this.#nameAt < from) this.#nameAt = nextName(text, from);
    if (this.#referenceAt < from) this.#referenceAt = nextReference(text, from);
    return Math.min(this.#nameAt, this.#referenceAt);
  }
}

/** How much is searched at once for something that any byte may begin. */
const markerWindowBytes = 1 << 13;
/** How much is searched at once for a text, which is a hundred times as fast. */
const textWindowBytes = 1 << 18;
/** How far beyond that: more than the name or a reference, which may begin in one window and end in the next. */
const overlap = 64;

/** Looks for the places of something in a body, window by window, each once. */
class Search {
  readonly #body: Buffer;
  readonly #windowBytes: number;
  readonly #find: (window: Buffer, from: number) => number;
  /** Nothing was found before this place, since the last that was found. */
  #searchedTo = 0;
  #found: number | undefined;

  constructor(body: Buffer, windowBytes: number, find: (window: Buffer, from: number) => number) {
    this.#body = body;
    this.#windowBytes = windowBytes;
    this.#find = find;
  }

  /**
   * Whether there is a place from `from` on, which must not go back; `undefined` where it is not in the next window. Who wants
   * to know asks again.
   */
  isFrom(from: number): boolean | undefined {
    if (this.#found !== undefined) {
      if (this.#found < 0) return false;
      if (this.#found >= from) return true;
    }
    const at = Math.max(from, this.#searchedTo);
    const to = at + this.#windowBytes;
    const found = this.#find(to + overlap < this.#body.length ? this.#body.subarray(0, to + overlap) : this.#body, at);
    this.#searchedTo = found < 0 ? to : found;
    this.#found = found >= 0 || to >= this.#body.length ? found : undefined;
    return this.#found === undefined ? undefined : found >= 0;
  }
}

/** The markers of a body in memory, looked for as they are asked for. */
export class UrlMarkers {
  readonly #body: Buffer;
  readonly #markers: Search;
  readonly #structs: Search;
  #doctypes: Search | undefined;

  constructor(body: Buffer) {
    this.#body = body;
    this.#markers = new Search(body, markerWindowBytes, nextMarker);
    this.#structs = new Search(body, textWindowBytes, (window, from) => window.indexOf(structName, from, 'latin1'));
  }

  /** Whether a URL may stand in the body, or something in it must be reported; `undefined` where more has to be searched. */
  get any(): boolean | undefined {
    const mayHold = this.mayFollow(0);
    if (mayHold !== false || this.#markers.isFrom(0) === false) return mayHold;
    const body = this.#body;
    this.#doctypes ??= new Search(body, textWindowBytes, (window, from) => window.indexOf('<!DOCTYPE', from, 'latin1'));
    return this.#doctypes.isFrom(0);
  }

  /** Whether a URL may stand after `from`, which is outside of any struct; `undefined` where more has to be searched. */
  mayFollow(from: number): boolean | undefined {
    const marked = this.#markers.isFrom(from);
    return marked === true ? this.#structs.isFrom(from) : marked;
  }
}
