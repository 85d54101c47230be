import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import type { OwnAddress } from './url/refused-addresses.js';

/** How long what a name resolved to is taken for true, in milliseconds. */
const refreshMs = 60_000;

interface Known {
  addresses: readonly string[];
  /** When it was last looked up, on the clock of `performance.now()`. */
  at: number;
}

/** The addresses of the backends, where no wake may go. Names are looked up in the background, at first use and every minute. */
export class BackendAddresses {
  readonly #backends: Iterable<{ readonly url: string }>;
  readonly #names = new Map<string, Known>();

  /** @param backends The backends at any moment. */
  constructor(backends: Iterable<{ readonly url: string }>) {
    this.#backends = backends;
  }

  /** All of them; of a name those that it resolved to last. */
  list(): OwnAddress[] {
    const found: OwnAddress[] = [];
    const names = new Set<string>();
    for (const { url } of this.#backends) {
      const { hostname, port, protocol } = new URL(url);
      const host = hostname.replace(/^\[|\]$/g, '');
      const number = Number(port === '' ? (protocol === 'https:' ? 443 : 80) : port);
      if (isIP(host) === 0) names.add(host);
      const addresses = isIP(host) === 0 ? this.#addressesOf(host) : [host];
      for (const address of addresses) found.push({ address, port: number });
    }
    for (const name of this.#names.keys()) if (!names.has(name)) this.#names.delete(name);
    return found;
  }

  #addressesOf(name: string): readonly string[] {
    const known: Known = this.#names.get(name) ?? { addresses: [], at: -Infinity };
    if (performance.now() - known.at < refreshMs) return known.addresses;
    known.at = performance.now();
    this.#names.set(name, known);
    lookup(name, { all: true }, (error, addresses) => {
      // A name that cannot be resolved for now keeps what it stood for.
      if (error === null) known.addresses = addresses.map(({ address }) => address);
    });
    return known.addresses;
  }
}
