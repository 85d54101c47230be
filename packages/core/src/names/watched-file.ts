import { readFileSync, statSync } from 'node:fs';
import { shortageOfCode } from '../http/local-shortage.js';

/** The text of a file that may change, or not be there. */
export class WatchedFile {
  #path = '';
  #mark = '';
  /** In lower case, one character an octet. */
  text = '';

  /**
   * Reads the file again if it has changed. Synchronously, which takes a few microseconds: Node's other way goes through threads that may
   * all wait for a name server.
   *
   * @returns Whether it has changed.
   * @throws The system's error where this machine lacks what it takes to read a file.
   */
  refresh(path: string): boolean {
    const mark = markOf(path);
    if (path === this.#path && mark === this.#mark) return false;
    this.text = mark === '' ? '' : read(path).toLowerCase();
    this.#path = path;
    this.#mark = mark;
    return true;
  }
}

function markOf(path: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch (error) {
    return absentUnlessShort(error);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    return absentUnlessShort(error);
  }
}

/** A file that cannot be read is no file, as for `getaddrinfo`. Where no file at all could be, nobody knows what it says. */
function absentUnlessShort(error: unknown): '' {
  if (error instanceof Error && 'code' in error && shortageOfCode(error.code) !== undefined) throw error;
  return '';
}
