// What the rewriter is held against: the rules of soap/ once more, on the whole document as one string, with a tree, without
// a parser, a stream or a shortcut. Nothing here may import from packages/.

import { isBlank, local, parse, unitsOf, type Element, type Unit } from './reference-parser.js';

export interface ReferenceResult {
  body: string;
  urls: { original: string; rewritten: string | undefined }[];
  outcome: string;
  reason: string | undefined;
  facts: Record<string, unknown>;
}

const maxText = 16384;
const maxHeld = 32768;

/** Characters that came as numeric references bear a leading NUL, so that only the others are decoded. */
function textOf(units: Unit[], charset: string): string {
  let text = '';
  let bytes: number[] = [];
  const flush = (): void => {
    const buffer = Buffer.from(bytes);
    try {
      text += new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(buffer);
    } catch {
      text += new TextDecoder('windows-1252').decode(buffer);
    }
    bytes = [];
  };
  let previousTo = -1;
  for (const unit of units) {
    const literal = !unit.text.startsWith('\u0000') && unit.text.length === 1;
    if (unit.from !== previousTo || !literal) flush();
    previousTo = unit.to;
    if (literal) bytes.push(unit.text.charCodeAt(0));
    else text += unit.text.replace('\u0000', '');
  }
  flush();
  return text;
}

function trimmed(units: Unit[]): Unit[] {
  const first = units.findIndex((unit) => !isBlank(unit));
  const last = units.findLastIndex((unit) => !isBlank(unit));
  return first < 0 ? [] : units.slice(first, last + 1);
}

function charsetFor(xml: string, contentType: string | undefined): string {
  if (xml.startsWith('\xef\xbb\xbf')) return 'utf-8';
  const named = /charset=["']?([^\s;"']+)/i.exec(contentType ?? '')?.[1];
  return named ?? /^\s*<\?xml[^>]*encoding=["']([^"']+)/.exec(xml)?.[1] ?? 'utf-8';
}

function escaped(text: string): string {
  return Array.from(text, (character) => {
    if (character === '&') return '&amp;';
    if (character === '<') return '&lt;';
    if (character === '>') return '&gt;';
    const code = character.codePointAt(0) ?? 0;
    const plain = (code >= 32 && code <= 126) || code === 9 || code === 10 || code === 13;
    return plain ? character : `&#x${code.toString(16)};`;
  }).join('');
}

const messages = ['Inform', 'GetParameterValuesResponse'];

function messageAt(names: string[]): number {
  const inBody = names[0] === 'Envelope' && names[1] === 'Body' ? 2 : names[0] === 'Body' ? 1 : 0;
  return inBody;
}

function isStruct(element: Element): boolean {
  const names = element.path;
  if (names.at(-1) !== 'ParameterValueStruct') return false;
  const first = names.indexOf('ParameterValueStruct');
  // Below the first struct there are only structs: what is inside of another child of a struct is nobody's.
  if (names.slice(first).some((name) => name !== 'ParameterValueStruct')) return false;
  return (
    names.length === 1 || first === 0 || (messages.includes(names[messageAt(names)] ?? '') && first > messageAt(names))
  );
}

export function referenceRewrite(
  bytes: Buffer,
  rewriteUrl: (url: string) => string | undefined,
  contentType?: string,
): ReferenceResult {
  const xml = bytes.toString('latin1');
  const urls: ReferenceResult['urls'] = [];
  let reason: string | undefined;
  const noFacts = { events: [] };
  const wide = bytes.length >= 2 && (bytes[0] === 0 || bytes[1] === 0 || /^(?:\xfe\xff|\xff\xfe)/.test(xml));
  if (wide) return { body: xml, urls, outcome: 'unchanged', reason: 'utf-16', facts: noFacts };
  const charset = charsetFor(xml, contentType);
  const tree = parse(xml);
  const splices: { from: number; to: number; text: string }[] = [];
  const keep = (original: string, why: string): void => {
    urls.push({ original, rewritten: undefined });
    reason ??= why;
  };
  const rewriteValue = (value: Element, to: number): void => {
    if (to - value.from > maxText) return keep('', 'too-long');
    const units = unitsOf(xml.slice(value.from, to));
    if (units === undefined) return keep('', 'not-a-url');
    const text = trimmed(units);
    const [first] = text;
    const last = text.at(-1);
    const original = textOf(text, charset).replaceAll(/\r\n?/g, '\n');
    if (first === undefined || last === undefined) return keep('', 'empty');
    if (!/^https?:\/\/[^\s/?#\\]/i.test(original) || /[\s\p{Cc}]/u.test(original)) return keep(original, 'not-a-url');
    const rewritten = rewriteUrl(original);
    if (rewritten === undefined || rewritten === original) return keep(original, 'kept');
    urls.push({ original, rewritten });
    const lead = units.filter(
      (unit) => unit.from < first.from && unit.section?.from === first.section?.from && unit.section,
    );
    const tail = units.filter(
      (unit) => unit.from > last.from && unit.section?.from === last.section?.from && unit.section,
    );
    splices.push({
      from: value.from + (first.section?.from ?? first.from),
      to: value.from + (last.section?.to ?? last.to),
      text: lead.map((unit) => unit.text).join('') + escaped(rewritten) + tail.map((unit) => unit.text).join(''),
    });
  };
  const structs = tree.all.filter(isStruct);
  // In the order in which they are decided: at the end of the Value, of a Name after it, or of the struct.
  const decisions: { at: number; decide: () => void }[] = [];
  for (const struct of structs) {
    const nested = struct.children.findIndex((child) => local(child.name) === 'ParameterValueStruct');
    const own = nested < 0 ? struct.children : struct.children.slice(0, nested);
    const name = own.find((child) => local(child.name) === 'Name');
    const value = own.find((child) => local(child.name) === 'Value');
    if (name?.to === undefined) continue;
    const { from, to } = name;
    const units = to - from > maxText ? undefined : unitsOf(xml.slice(from, to));
    const text = units === undefined ? '' : textOf(trimmed(units), charset);
    if (!/^(InternetGateway)?Device\.ManagementServer\.ConnectionRequestURL$/.test(text) || text.endsWith('\n'))
      continue;
    if (value?.to !== undefined) {
      const valueTo = value.to;
      const tooFar = value.from < from && to - value.from > maxHeld;
      const decide = tooFar ? () => keep('', 'too-long') : () => rewriteValue(value, valueTo);
      decisions.push({ at: Math.max(to, valueTo), decide });
    } else if (nested < 0 && value === undefined && struct.to !== undefined) {
      decisions.push({ at: struct.to, decide: () => keep('', 'empty') });
    } else if (nested < 0 && struct.to === undefined) {
      decisions.push({ at: xml.length, decide: () => keep('', 'structure') });
    }
  }
  decisions.sort((a, b) => a.at - b.at);
  for (const { decide } of decisions) decide();
  if (tree.lostAt !== undefined && !tree.doctype && reason === undefined) {
    const lostAt = tree.lostAt;
    const inStruct = structs.some((struct) => struct.to === undefined);
    const struct = inStruct ? lostAt : xml.indexOf('ParameterValueStruct', lostAt);
    if (struct >= 0 && xml.indexOf('ConnectionRequestURL', struct) >= 0) reason = 'structure';
  }
  if (tree.doctype) reason = 'doctype';
  let body = '';
  let at = 0;
  for (const splice of splices.sort((a, b) => a.from - b.from)) {
    body += xml.slice(at, splice.from) + splice.text;
    at = splice.to;
  }
  body += xml.slice(at);
  const unchanged = reason === undefined ? 'none' : 'unchanged';
  return { body, urls, outcome: splices.length > 0 ? 'rewritten' : unchanged, reason, facts: factsOf(xml, charset) };
}

function factsOf(xml: string, charset: string): Record<string, unknown> {
  const { all } = parse(xml.slice(0, 65536));
  const isMessage = (element: Element): boolean => {
    const names = element.path;
    const at = messageAt(names);
    return names.length === at + 1 && (at > 0 || messages.includes(names[0] ?? ''));
  };
  const message = all.find(isMessage);
  const until = message === undefined ? all.length : all.indexOf(message);
  const read = (element: Element): string | undefined => {
    if (element.to === undefined || element.to - element.from > maxText || element.children.length > 0)
      return undefined;
    const units = unitsOf(xml.slice(element.from, element.to));
    return units === undefined ? undefined : textOf(trimmed(units), charset).replaceAll(/\r\n?/g, '\n');
  };
  const childOf = (parent: Element | undefined, name: string): Element[] =>
    (parent?.children ?? []).filter((child) => local(child.name) === name);
  const inform = message !== undefined && local(message.name) === 'Inform' ? message : undefined;
  const fault = message !== undefined && local(message.name) === 'Fault' ? message : undefined;
  const text = (elements: Element[]): string[] => elements.map(read).filter((found) => found !== undefined);
  const inHeader = (name: string): string[] =>
    all
      .slice(0, until)
      .filter((element) => element.path.join('/') === `Envelope/Header/${name}`)
      .map(read)
      .filter((text) => text !== undefined);
  const whole = (text: string | undefined): number | undefined =>
    text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
  const deviceId = childOf(inform, 'DeviceId')[0];
  const device = ['Manufacturer', 'OUI', 'ProductClass', 'SerialNumber'].map(
    (name) => text(childOf(deviceId, name))[0],
  );
  // Who names two devices, or one part of a device twice, names none.
  const parts = (deviceId?.children ?? []).map((child) => local(child.name));
  const isTwice =
    ['Manufacturer', 'OUI', 'ProductClass', 'SerialNumber'].some(
      (name) => parts.filter((part) => part === name).length > 1,
    ) || [...xml.matchAll(/[</:]DeviceId[ \t\r\n/>]/g)].length > 2;
  const eventStructs = childOf(childOf(inform, 'Event')[0], 'EventStruct');
  const faults = childOf(fault, 'detail').flatMap((detail) => childOf(detail, 'Fault'));
  const namespaces = all
    .slice(0, until + 1)
    .flatMap((element) => [...element.attributes.matchAll(/(?:^|\s)xmlns[^=]*=\s*["']([^"']*)["']/g)])
    .map((match) => /:(cwmp-[0-9]+-[0-9]+)$/.exec((match[1] ?? '').trim())?.[1])
    .filter((version) => version !== undefined);
  const [manufacturer = '', oui = '', productClass = '', serialNumber = ''] = device;
  return {
    method: message === undefined ? undefined : local(message.name),
    id: inHeader('ID')[0],
    namespaceVersion: namespaces[0],
    device:
      !isTwice && device.some((part) => part !== undefined)
        ? { manufacturer, oui, productClass, serialNumber }
        : undefined,
    events: text(eventStructs.flatMap((struct) => childOf(struct, 'EventCode'))),
    retryCount: whole(text(childOf(inform, 'RetryCount').slice(0, 1))[0]),
    currentTime: text(childOf(inform, 'CurrentTime').slice(0, 1))[0],
    sessionTimeout: whole(inHeader('SessionTimeout')[0]),
    faultCode: text(faults.flatMap((element) => childOf(element, 'FaultCode')))[0],
  };
}
