import { maxTextBytes } from './limits.js';

/** Keeps the raw content of one element while it is read, {@link maxTextBytes} at most and what one chunk adds. */
export class TextCapture {
  #from = -1;
  #kept = '';

  /** Begins at an offset of the message. */
  begin(offset: number): void {
    this.#kept = '';
    this.#from = offset;
  }

  /** Takes what `buffer`, which begins at the offset `base`, holds of the content up to `to`, before the buffer goes. */
  keep(buffer: string, base: number, to: number): void {
    if (this.#from < 0 || this.#kept.length > maxTextBytes) return;
    this.#kept += buffer.slice(Math.max(this.#from - base, 0), to);
  }

  /** The content up to `offset`, the last of which `buffer` holds; undefined where it is too long or was never begun. */
  end(offset: number, buffer: string, base: number): string | undefined {
    const from = this.#from;
    this.#from = -1;
    if (from < 0 || offset - from > maxTextBytes) return undefined;
    return this.#kept + buffer.slice(Math.max(from - base, 0), offset - base);
  }
}
