import { TextDecoder } from 'node:util';
import type { DecodeText } from './character-data.js';

/** Whether a message begins like UTF-16 or UTF-32, by its mark or by a NUL beside its first character. */
export function isWide(bytes: Uint8Array): boolean {
  const first = bytes[0];
  const second = bytes[1];
  if (first === undefined || second === undefined) return false;
  return first === 0 || second === 0 || (first === 0xfe && second === 0xff) || (first === 0xff && second === 0xfe);
}

/** How much of the beginning tells the charset, in bytes. */
export const charsetBytes = 512;
const charsetParameter = /;\s*charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;"']+))/i;
const declaredEncoding = /^\s*<\?xml\s[^>]*?\sencoding\s*=\s*(?:"([^">]*)"|'([^'>]*)')/;

function label(match: RegExpExecArray | null): string | undefined {
  return (match?.[1] ?? match?.[2] ?? match?.[3])?.trim() || undefined;
}

/**
 * The charset of a message: from its byte order mark, else the Content-Type, else its declaration (RFC 7303 §3), else
 * UTF-8. `head` is the beginning of the message.
 */
export function charsetOf(head: Buffer, contentType: string | undefined): string {
  const start = head.toString('latin1', 0, charsetBytes);
  if (start.startsWith('\u00ef\u00bb\u00bf')) return 'utf-8';
  const named = contentType === undefined ? undefined : label(charsetParameter.exec(contentType));
  return named ?? label(declaredEncoding.exec(start)) ?? 'utf-8';
}

const foreign = /[\x80-\xff]/;
/** The bytes that windows-1252 reads otherwise than latin1. */
const otherThanLatin1 = /[\x80-\x9f]/g;
const inWindows1252 = new TextDecoder('windows-1252').decode(Uint8Array.from({ length: 32 }, (_, at) => 0x80 + at));

function readWindows1252(latin1: string): string {
  return latin1.replaceAll(otherThanLatin1, (byte) => inWindows1252.charAt(byte.charCodeAt(0) - 0x80));
}

/** Whether bytes are well-formed UTF-8 (Unicode 16 §3.9). Of short texts, as most are, the native check takes ten times as long. */
function isWellFormed(latin1: string): boolean {
  for (let at = 0; at < latin1.length; at += 1) {
    const lead = latin1.charCodeAt(at);
    if (lead < 0x80) continue;
    const more = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0;
    if (more === 0 || at + more >= latin1.length) return false;
    const second = latin1.charCodeAt(at + 1);
    // No overlong forms, no surrogates, nothing above U+10FFFF.
    const from = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const to = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (second < from || second > to) return false;
    for (let next = at + 2; next <= at + more; next += 1) {
      if ((latin1.charCodeAt(next) & 0xc0) !== 0x80) return false;
    }
    at += more;
  }
  return true;
}

/** Reads texts; `undefined` for one that is not valid in the charset. */
type Reader = (latin1: string) => string | undefined;

/**
 * The reader for a label, `undefined` for one that names no charset. It never throws for a text: an error with its stack takes
 * a hundred times as long as the text, and a message may hold very many.
 */
function readerFor(label: string): Reader | undefined {
  const key = label.toLowerCase();
  // Bytes that were read as tags are in no such charset, whatever their label says.
  if (/^(?:utf-?16|utf-?32|ucs|unicode)/.test(key)) return undefined;
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(key, { ignoreBOM: true });
  } catch {
    return undefined;
  }
  if (decoder.encoding === 'utf-8') {
    return (latin1) => (isWellFormed(latin1) ? Buffer.from(latin1, 'latin1').toString('utf8') : undefined);
  }
  return (latin1) => {
    const text = decoder.decode(Buffer.from(latin1, 'latin1'));
    // What is not valid becomes this character, which no other charset of the web but gb18030 has.
    return text.includes('\ufffd') ? undefined : text;
  };
}

/**
 * A decoder for texts of a message; `charset` is called only where a text is not ASCII. What is not valid in the charset, or in a
 * charset that is not known, is read as windows-1252: CPEs send Latin-1 bytes under any label.
 */
export function textDecoder(charset: () => string): DecodeText {
  let label: string | undefined;
  let read: Reader | undefined;
  return (latin1) => {
    if (!foreign.test(latin1)) return latin1;
    const named = charset();
    if (named !== label) {
      label = named;
      read = readerFor(named);
    }
    return read?.(latin1) ?? readWindows1252(latin1);
  };
}
