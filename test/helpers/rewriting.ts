import type { CwmpMessage } from '@cwmp-proxy/core';
import { charsetOf, textDecoder } from '#core/soap/scan/charset.js';
import { readFacts } from '#core/soap/message-facts.js';
import type { ScannerOptions } from '#core/soap/scan/markup-scanner.js';
import { MessageRewriter } from '#core/soap/rewrite/rewrite-stream.js';
import { unitsOf } from './reference-parser.js';

/** A rewriting that leaves the URLs of one host alone and gives others a text that has to be escaped. */
export function rewriteUrl(url: string): string | undefined {
  return url.startsWith('http://own.example/') ? undefined : `http://own.example/client?origin=${url}&x=<\u00e9>`;
}

/** What came out, as latin1, and what was said about it. */
export interface Rewritten {
  body: string;
  message: CwmpMessage;
}

/** Rewrites a message that comes in pieces. */
export function rewritePieces(pieces: Iterable<Buffer>, contentType?: string, scanning?: ScannerOptions): Rewritten {
  const rewriter = new MessageRewriter({ rewriteUrl, contentType }, scanning);
  const parts: Buffer[] = [];
  for (const piece of pieces) parts.push(...rewriter.push(piece));
  parts.push(...rewriter.end());
  return { body: Buffer.concat(parts).toString('latin1'), message: rewriter.message() };
}

/** A message byte by byte. */
export function singleBytes(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

/** The facts of a message as the plain path reads them, every tag by saxes. */
export function plainFacts(bytes: Buffer, contentType?: string): unknown {
  const head = bytes.subarray(0, 65_536);
  return readFacts(
    head,
    textDecoder(() => charsetOf(head, contentType)),
    { shortcuts: false },
  );
}

/** The facts of a message alone. */
export function factsOf(message: CwmpMessage): Record<string, unknown> {
  const { method, id, namespaceVersion, device, events, retryCount, currentTime, sessionTimeout, faultCode } = message;
  return { method, id, namespaceVersion, device, events, retryCount, currentTime, sessionTimeout, faultCode };
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>]|[^\t\n\r\x20-\x7e]/gu, (found) => {
    const named = new Map([
      ['&', '&amp;'],
      ['<', '&lt;'],
      ['>', '&gt;'],
    ]);
    return named.get(found) ?? `&#x${(found.codePointAt(0) ?? 0).toString(16)};`;
  });
}

/** Whether the raw content decodes to the text, without white space around it; non-ASCII counts as equal. */
function saysIt(raw: string, text: string): boolean {
  const units = unitsOf(raw);
  if (units === undefined) return false;
  const said = units
    .map((unit) => unit.text.replace('\u0000', ''))
    .join('')
    .trim();
  return said === text || /[^\x20-\x7e]/.test(said);
}

function outside(input: string, output: string, replaced: CwmpMessage['urls'], blanksToo: boolean): string | undefined {
  const inputEnd = blanksToo ? input.length : input.trimEnd().length;
  let [inAt, outAt] = [0, 0];
  for (const [index, { original, rewritten = '' }] of replaced.entries()) {
    const text = escaped(rewritten);
    const found = output.indexOf(text, outAt);
    if (found < 0) return `URL ${index} is not in the output`;
    const before = blanksToo ? output.slice(outAt, found) : output.slice(outAt, found).trimEnd();
    if (!input.startsWith(before, inAt)) return `bytes before URL ${index}`;
    inAt += before.length;
    outAt = found + text.length;
    const next = replaced[index + 1];
    const nextAt = next === undefined ? output.length : output.indexOf(escaped(next.rewritten ?? ''), outAt);
    const between = output.slice(outAt, nextAt);
    const rest = blanksToo ? between : between.trim();
    if (!blanksToo) outAt += between.length - between.trimStart().length;
    let end = inAt;
    do {
      if (next !== undefined) end = input.indexOf(rest, end + 1);
      else end = end < inputEnd - rest.length ? inputEnd - rest.length : -1;
      if (end < 0 || end - inAt > 20_000) return `URL ${index} stands for something else`;
    } while (!saysIt(input.slice(inAt, end), original));
    inAt = end;
  }
  const last = output.slice(outAt);
  const same = blanksToo ? last === input.slice(inAt) : last.trim() === input.slice(inAt).trim();
  return same ? undefined : 'bytes after the last URL';
}

/**
 * Undefined where `output` is `input` with each reported URL replaced and every other byte in its place; else what is wrong.
 * The places of the values are found anew from the reported texts. Where that fails, white space beside the values is left
 * out of the comparison: what stood in a CDATA section with the URL stands bare now.
 */
export function faultOfOutput(input: string, output: string, message: CwmpMessage): string | undefined {
  const replaced = message.urls.filter((url) => url.rewritten !== undefined);
  if ((message.outcome === 'rewritten') !== replaced.length > 0) return `outcome ${message.outcome}`;
  // Of more than 64 the rest is rewritten, but not told of.
  if (message.urls.length === 64 || outside(input, output, replaced, true) === undefined) return undefined;
  return outside(input, output, replaced, false);
}
