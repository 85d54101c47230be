import { TagParser } from './tag-parser.js';

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
  /** From the first tag on that is not faultless: until then it would be told of each tag and have nothing to say. */
  #parser: TagParser | undefined;

  constructor(events: ElementEvents) {
    this.#events = events;
  }

  get depth(): number {
    return this.#names.length;
  }

  /** A faultless start tag; `slash` is `/` where it closes itself, else empty. */
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

  /** A tag, or the next part of one, that is not faultless. */
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
