import { SaxesParser } from 'saxes';

/** saxes, for one tag at a time. Its faults are no errors here: what it makes of a faulty tag is taken as it is. */
export class TagParser extends SaxesParser<{ xmlns: false; fragment: true; position: false }> {
  constructor() {
    super({ xmlns: false, fragment: true, position: false });
  }

  // saxes builds an Error with a stack for each fault: a megabyte of control characters would take seconds.
  override fail(): this {
    return this;
  }
}

const foreign = /[&\x80-\xff]/;
const ampersand = 0x26;
/** What stands for each byte above 127, and for an ampersand; written once, as a message may have very many. */
const masks: readonly (string | undefined)[] = Array.from({ length: 0x100 }, (_, code) => {
  if (code === ampersand) return '+';
  return code < 0x80 ? undefined : `\u00e9${code.toString(16)}`;
});

/**
 * A tag in latin1, fit for saxes: the bytes of a non-ASCII letter must all be name characters to it, or two names would be
 * one, and a stray `&` would swallow what follows up to a `;`.
 */
export function maskTag(tag: string): string {
  if (!foreign.test(tag)) return tag;
  let masked = '';
  let from = 0;
  for (let at = 0; at < tag.length; at += 1) {
    const mask = masks[tag.charCodeAt(at)];
    if (mask === undefined) continue;
    masked += tag.slice(from, at) + mask;
    from = at + 1;
  }
  return masked + tag.slice(from);
}

/** The name of an element without its prefix: `Inform` of `cwmp:Inform`. CPEs choose any prefix, or none. */
export function localName(name: string): string {
  const colon = name.lastIndexOf(':');
  return colon < 0 ? name : name.slice(colon + 1);
}

/** What is told of the elements of a message. */
export interface ElementEvents {
  onOpen(name: string): void;
  onClose(): void;
}

/** The elements that are open. saxes decides what a tag opens and closes, where that is not plain to see. */
export class OpenElements {
  readonly #names: string[] = [];
  /** How many of each name are open; from the first end tag on that does not close the innermost element. */
  #counts: Map<string, number> | undefined;
  readonly #events: ElementEvents;
  /** From the first tag on that is not well-formed: until then it would be told of each tag and have nothing to say. */
  #parser: TagParser | undefined;

  constructor(events: ElementEvents) {
    this.#events = events;
  }

  get depth(): number {
    return this.#names.length;
  }

  /** A well-formed start tag; `slash` is `/` where it closes itself, else empty. */
  open(name: string, slash: string): void {
    if (this.#parser !== undefined) {
      this.#parser.write(`<${name}${slash}>`);
      return;
    }
    this.#enter(name);
    if (slash !== '') this.#leave();
  }

  /** An end tag. One that nothing is open for is passed over: saxes would close everything. */
  close(name: string): void {
    const isInnermost = name === this.#names.at(-1);
    if (!isInnermost && !this.#isOpen(name)) return;
    if (isInnermost && this.#parser === undefined) this.#leave();
    else this.read(`</${name}>`);
  }

  /** A tag, or the next part of one, that is not well-formed. */
  read(part: string): void {
    if (this.#parser === undefined) {
      this.#parser = new TagParser();
      for (const name of this.#names) this.#parser.write(`<${name}>`);
      this.#parser.on('opentag', ({ name }) => this.#enter(name));
      this.#parser.on('closetag', () => this.#leave());
    }
    this.#parser.write(part);
  }

  /** Lets go of the names: each may be a part of the text that keeps the whole of it. */
  clear(): void {
    this.#names.length = 0;
    this.#counts = undefined;
  }

  #isOpen(name: string): boolean {
    if (this.#counts === undefined) {
      this.#counts = new Map();
      for (const open of this.#names) this.#count(open, 1);
    }
    return (this.#counts.get(name) ?? 0) > 0;
  }

  #count(name: string, change: number): void {
    const count = (this.#counts?.get(name) ?? 0) + change;
    if (count === 0) this.#counts?.delete(name);
    else this.#counts?.set(name, count);
  }

  #enter(name: string): void {
    this.#names.push(name);
    if (this.#counts !== undefined) this.#count(name, 1);
    this.#events.onOpen(name);
  }

  #leave(): void {
    const name = this.#names.pop();
    if (this.#counts !== undefined && name !== undefined) this.#count(name, -1);
    this.#events.onClose();
  }
}
