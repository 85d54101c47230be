const structName = 'ParameterValueStruct';
const urlName = 'ConnectionRequestURL';

/**
 * Watches the bytes after the place where the structure was lost: a URL may have been missed only where its name stands
 * there, in a struct. Keeps the last few bytes of what it has read.
 */
export class MissedUrlWatch {
  #structSeen = false;
  #missed = false;
  #tail = '';

  /** Whether a ConnectionRequestURL may have been missed. */
  get missed(): boolean {
    return this.#missed;
  }

  /** Reads on; `inStruct` tells whether the structure was lost inside a struct. */
  read(bytes: Buffer, inStruct: boolean): void {
    if (this.#missed) return;
    this.#structSeen ||= inStruct;
    const text = this.#tail + bytes.toString('latin1');
    const struct = this.#structSeen ? 0 : text.indexOf(structName);
    if (struct >= 0) {
      this.#structSeen = true;
      this.#missed = text.includes(urlName, struct);
    }
    this.#tail = text.slice(-(urlName.length - 1));
  }
}
