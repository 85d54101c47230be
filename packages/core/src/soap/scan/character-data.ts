/** What stands between an element's start and end tag, decoded, and where its text without the white space stands. */
export interface CharacterData {
  /** The text a reader sees: references decoded, CDATA unwrapped, comments and processing instructions gone. */
  text: string;
  /** First position, in the raw content, of what a new text has to replace. */
  start: number;
  /** Position after the last of what a new text has to replace. */
  end: number;
  /** White space that the replaced range holds before the text: it stood inside a CDATA section. */
  lead: string;
  /** White space that the replaced range holds after the text. */
  tail: string;
}

// The last is a `<` that begins none of these: with it the search ends there, and does not look for the end of each `<!--` anew.
const pieces = /<!--[^]*?-->|<!\[CDATA\[([^]*?)\]\]>|<\?[^]*?\?>|&(#x[0-9a-fA-F]+|#[0-9]+|amp|lt|gt|quot|apos);|</g;
const namedReferences: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const plainText = /^[\t\n\x20-\x25\x27-\x3b\x3d-\x7f]*$/;
const notBlank = /[^ \t\r\n]/;

/** Position after the last character that is no white space; backwards, as a regular expression would be quadratic. */
function endOfText(text: string): number {
  let end = text.length;
  while (end > 0 && !notBlank.test(text.charAt(end - 1))) end -= 1;
  return end;
}

function decodeReference(reference: string): string | undefined {
  if (!reference.startsWith('#')) return namedReferences[reference];
  const code =
    reference.charAt(1) === 'x' ? Number.parseInt(reference.slice(2), 16) : Number.parseInt(reference.slice(1), 10);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

/** Without the white space of XML 1.0 §2.3 at both ends: space, tab, CR and LF, nothing else. */
export function trimBlank(text: string): string {
  const first = text.search(notBlank);
  return first < 0 ? '' : text.slice(first, endOfText(text));
}

/** Turns the latin1 reading of some bytes into what they say in the charset of the message. */
export type DecodeText = (latin1: string) => string;

/**
 * Decodes the raw content of an element. An `&` that begins no reference stands for itself, as does a reference to an
 * entity that XML does not define. Undefined where a `<` remains: a child element or a stray one, so no plain text.
 */
export function readCharacterData(raw: string, decode: DecodeText): CharacterData | undefined {
  if (plainText.test(raw)) {
    const first = raw.search(notBlank);
    return { text: raw, start: first, end: first < 0 ? -1 : endOfText(raw), lead: '', tail: '' };
  }
  const data: CharacterData = { text: '', start: -1, end: -1, lead: '', tail: '' };
  const add = (text: string, start: number, end: number, inCdata: boolean): void => {
    const decoded = decode(text);
    data.text += decoded.includes('\r') ? decoded.replaceAll(/\r\n?/g, '\n') : decoded;
    const first = text.search(notBlank);
    if (first < 0) return;
    const last = endOfText(text);
    if (data.start < 0) {
      data.start = inCdata ? start : start + first;
      data.lead = inCdata ? text.slice(0, first) : '';
    }
    data.end = inCdata ? end : start + last;
    data.tail = inCdata ? text.slice(last) : '';
  };
  let from = 0;
  for (const piece of raw.matchAll(pieces)) {
    const [whole, cdata, reference] = piece;
    if (whole === '<') return undefined;
    add(raw.slice(from, piece.index), from, piece.index, false);
    from = piece.index + whole.length;
    if (cdata !== undefined) add(cdata, piece.index, from, true);
    if (reference !== undefined) {
      const character = decodeReference(reference);
      if (character === undefined) add(whole, piece.index, from, false);
      else if (notBlank.test(character)) {
        data.text += character;
        if (data.start < 0) data.start = piece.index;
        data.end = from;
        data.tail = '';
      } else data.text += character;
    }
  }
  add(raw.slice(from), from, raw.length, false);
  return data;
}

const special = /[^\t\n\r\x20-\x7e]|[&<>]/gu;
const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/**
 * The text as it may stand in an element, in ASCII: TR-069 A6 §3.4.1 wants characters outside of 9, 10, 13 and 32 to 126 as
 * references, and ASCII is the same bytes in every charset that passes here.
 */
export function escapeText(text: string): string {
  return text.replaceAll(special, (found) => escapes[found] ?? `&#x${(found.codePointAt(0) ?? 0).toString(16)};`);
}
