// What the rewriter is held against: the rules of soap/ once more, on the whole document as one string, with a tree, without
// a parser, a stream or a shortcut. Nothing here may import from packages/.

/** An element of a message; offsets count its bytes. */
export interface Element {
  name: string;
  /** Local names from the root to this element. */
  path: string[];
  attributes: string;
  from: number;
  to: number | undefined;
  children: Element[];
  parent: Element | undefined;
}

/** A message as far as its structure can be followed. */
export interface Tree {
  root: Element;
  all: Element[];
  /** Where reading ends: the structure is lost, or what begins there does not end. */
  lostAt: number | undefined;
  doctype: boolean;
}

const maxTag = 16384;
const maxDepth = 256;

/** A name without its prefix. */
export function local(name: string): string {
  return name.slice(name.lastIndexOf(':') + 1);
}

const startTag = /<([A-Za-z_:\x80-\xff][^\s/>]*)((?:\s+[^\s=/>]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>/y;
const endTag = /<\/\s*([^\s>/='"]*)[^>]*>/y;

/** The elements of a message, by the rules of soap/ for what is faulty. */
export function parse(xml: string): Tree {
  const root: Element = { name: '', path: [], attributes: '', from: 0, to: undefined, children: [], parent: undefined };
  const tree: Tree = { root, all: [], lostAt: undefined, doctype: false };
  let at = 0;
  let open = root;
  let depth = 0;
  const lose = (): Tree => {
    tree.lostAt = at;
    return tree;
  };
  for (;;) {
    at = xml.indexOf('<', at);
    if (at < 0) return tree;
    const rest = xml.slice(at, at + 9);
    const skipTo = (mark: string, skip: number): number => {
      const end = xml.indexOf(mark, at + skip);
      if (end < 0) tree.lostAt = at;
      return end < 0 ? xml.length : end + mark.length;
    };
    if (rest.startsWith('<!--')) at = skipTo('-->', 4);
    else if (rest === '<![CDATA[') at = skipTo(']]>', 9);
    else if (rest === '<!DOCTYPE') {
      tree.doctype = tree.all.length === 0;
      return lose();
    } else if (rest.startsWith('<!')) return lose();
    else if (rest.startsWith('<?')) at = skipTo('?>', 2);
    else if (rest.startsWith('</')) {
      endTag.lastIndex = at;
      const match = endTag.exec(xml);
      const length = (match?.[0] ?? xml.slice(at)).length;
      if (match === null || length > maxTag) return lose();
      let closing: Element | undefined = open;
      let count = 0;
      while (closing !== undefined && closing !== root && closing.name !== match[1]) {
        closing = closing.parent;
        count += 1;
      }
      if (closing !== undefined && closing !== root) {
        for (let element = open; ; element = element.parent ?? root) {
          element.to = at;
          if (element === closing) break;
        }
        open = closing.parent ?? root;
        depth -= count + 1;
      }
      at += length;
    } else if (/^<[A-Za-z_:\x80-\xff]/.test(rest)) {
      if (depth >= maxDepth) return lose();
      startTag.lastIndex = at;
      const match = startTag.exec(xml);
      const length = (match?.[0] ?? xml.slice(at)).length;
      if (match === null || length > maxTag) return lose();
      const [whole, name = '', attributes = '', slash] = match;
      const from = at + whole.length;
      const element: Element = {
        name,
        path: [...open.path, local(name)],
        attributes,
        from,
        to: undefined,
        children: [],
        parent: open,
      };
      open.children.push(element);
      tree.all.push(element);
      if (slash === '/') element.to = from;
      else {
        open = element;
        depth += 1;
      }
      at = from;
    } else at += 1;
  }
}

/** A character of a content. */
export interface Unit {
  text: string;
  from: number;
  to: number;
  section: { from: number; to: number } | undefined;
}

/** Each character of a content, with the bytes it came from; undefined where there is markup in it. */
export function unitsOf(raw: string): Unit[] | undefined {
  const units: Unit[] = [];
  let at = 0;
  while (at < raw.length) {
    const comment = /^(?:<!--[^]*?-->|<\?[^]*?\?>)/.exec(raw.slice(at));
    const section = /^<!\[CDATA\[([^]*?)\]\]>/.exec(raw.slice(at));
    const reference = /^&(#x[0-9a-fA-F]+|#[0-9]+|amp|lt|gt|quot|apos);/.exec(raw.slice(at, at + 64));
    if (comment !== null) at += comment[0].length;
    else if (section !== null) {
      const from = at;
      const to = at + section[0].length;
      for (const character of section[1] ?? '') {
        units.push({ text: character, from: at + 9, to: at + 10, section: { from, to } });
        at += 1;
      }
      at = to;
    } else if (reference !== null) {
      const [whole, name = ''] = reference;
      const code = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
      let text: string;
      if (!name.startsWith('#'))
        text =
          new Map([
            ['amp', '&'],
            ['lt', '<'],
            ['gt', '>'],
            ['quot', '"'],
            ['apos', "'"],
          ]).get(name) ?? '';
      else text = code > 0 && code <= 0x10ffff ? `\u0000${String.fromCodePoint(code)}` : whole;
      units.push({ text, from: at, to: at + whole.length, section: undefined });
      at += whole.length;
    } else if (raw.charAt(at) === '<') return undefined;
    else {
      units.push({ text: raw.charAt(at), from: at, to: at + 1, section: undefined });
      at += 1;
    }
  }
  return units;
}

/** Whether a character is white space to XML; what decodes to nothing counts too. */
export function isBlank(unit: Unit): boolean {
  return ['', ' ', '\t', '\r', '\n'].includes(unit.text.replace('\u0000', ''));
}
