import { createHmac, randomBytes } from 'node:crypto';
import { BoundedMap } from '../bounded-map.js';
import type { CredentialsSource } from './credentials.js';

/** Maximum number of CPEs and credentials that are remembered; the one that has served for longest ago is forgotten. */
const maxRemembered = 10_000;

/** Knows credentials by their value, without keeping them; and which of them a CPE has taken. */
export class ProvenPairs {
  readonly #key = randomBytes(32);
  readonly #functions = new WeakMap<object, string>();
  readonly #proven = new BoundedMap<string, true>(maxRemembered);

  /** Equal for equal pairs. A function is equal to itself only. */
  nameOf(source: CredentialsSource | undefined): string {
    if (source === undefined) return '';
    if (typeof source !== 'function') {
      const pairs = 'username' in source ? [source] : source;
      return this.hash(
        JSON.stringify([pairs === source, ...pairs.flatMap(({ username, password }) => [username, password])]),
      );
    }
    const name = this.#functions.get(source) ?? randomBytes(16).toString('hex');
    this.#functions.set(source, name);
    return name;
  }

  /** A keyed hash; the key ends with the process. */
  hash(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64');
  }

  /** Whether this CPE has taken what has this name. */
  has(cpe: string, name: string): boolean {
    return this.#proven.has(this.hash(`${cpe}\0${name}`));
  }

  /** This CPE has taken it. */
  add(cpe: string, name: string): void {
    this.#proven.set(this.hash(`${cpe}\0${name}`), true);
  }

  /** This CPE takes it no more. */
  delete(cpe: string, name: string): void {
    this.#proven.delete(this.hash(`${cpe}\0${name}`));
  }
}
