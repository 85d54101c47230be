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

const decoders = new Map<string, TextDecoder>();
const maxDecoders = 16;

function strictDecoder(charset: string): TextDecoder | undefined {
  const key = charset.toLowerCase();
  const known = decoders.get(key);
  if (known !== undefined) return known;
  // Bytes that were read as tags are in no such charset, whatever their label says.
  if (/^(?:utf-?16|utf-?32|ucs|unicode)/.test(key)) return undefined;
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(key, { fatal: true, ignoreBOM: true });
  } catch {
    return undefined;
  }
  if (decoders.size < maxDecoders) decoders.set(key, decoder);
  return decoder;
}

const foreign = /[\x80-\xff]/;

const windows1252 = new TextDecoder('windows-1252');

/**
 * A decoder for texts of a message; `charset` is called only where a text is not ASCII. What is not valid in the charset, or in a
 * charset that is not known, is read as windows-1252: CPEs send Latin-1 bytes under any label.
 */
export function textDecoder(charset: () => string): DecodeText {
  return (latin1) => {
    if (!foreign.test(latin1)) return latin1;
    const bytes = Buffer.from(latin1, 'latin1');
    try {
      const decoder = strictDecoder(charset());
      if (decoder !== undefined) return decoder.decode(bytes);
    } catch {
      // Not valid in the charset that was named.
    }
    return windows1252.decode(bytes);
  };
}
