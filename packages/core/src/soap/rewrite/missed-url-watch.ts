import { structName, urlName } from './names.js';

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
