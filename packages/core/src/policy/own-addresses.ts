import { isIP } from 'node:net';
import type { Answer } from '../names/answer.js';
import type { Names } from '../names/names.js';
import type { OwnAddress } from './refused-addresses.js';

/** How long what a name resolved to is taken for true, in milliseconds. */
const refreshMs = 60_000;

/** When a name that could not be resolved is looked up again, in milliseconds. */
const retryMs = 1_000;

interface Known {
  addresses: readonly string[];
  /** When it was last looked up, on the clock of `performance.now()`. */
  at: number;
}

/** Names for tests and documentation, which name no machine (RFC 6761 §6). */
const reserved = /\.(?:example|invalid|test)$/;

/** Maximum of listening sockets that are remembered. */
const maxListening = 256;

/**
 * The addresses of the proxy itself and of the backends, where no wake may go. Names are looked up in the background, at first use
 * and every minute.
 */
export class OwnAddresses {
  readonly #backends: Iterable<{ readonly url: string }>;
  readonly #urls: readonly string[];
  readonly #system: Pick<Names, 'ask'>;
  readonly #names = new Map<string, Known>();
  /** Where requests have come in, by address and port. */
  readonly #listening = new Map<string, OwnAddress>();

  /**
   * @param backends The backends at any moment.
   * @param urls Where the proxy itself is reached.
   * @param names What looks names up.
   */
  constructor(backends: Iterable<{ readonly url: string }>, urls: readonly string[], names: Pick<Names, 'ask'>) {
    this.#system = names;
    this.#backends = backends;
    this.#urls = urls;
  }

  /** A request has come in by this address and port of a server. */
  cameIn(address: string | undefined, port: number | undefined): void {
    if (address === undefined || port === undefined) return;
    const key = `${address} ${port}`;
    if (this.#listening.has(key) || this.#listening.size >= maxListening) return;
    this.#listening.set(key, { address, port, of: 'proxy' });
  }

  /** All of them; of a name those that it resolved to last. */
  list(): OwnAddress[] {
    const found: OwnAddress[] = [...this.#listening.values()];
    const names = new Set<string>();
    const places = [
      ...Array.from(this.#backends, ({ url }) => ({ url, of: 'backend' }) as const),
      ...this.#urls.map((url) => ({ url, of: 'proxy' }) as const),
    ];
    for (const { url, of } of places) {
      const { hostname, port, protocol } = new URL(url);
      const host = hostname.replace(/^\[|\]$/g, '');
      const number = Number(port === '' ? (protocol === 'https:' ? 443 : 80) : port);
      if (of === 'proxy' && reserved.test(host)) continue;
      if (isIP(host) === 0) names.add(host);
      const addresses = isIP(host) === 0 ? this.#addressesOf(host) : [host];
      for (const address of addresses) found.push({ address, port: number, of });
    }
    for (const name of this.#names.keys()) if (!names.has(name)) this.#names.delete(name);
    return found;
  }

  #addressesOf(name: string): readonly string[] {
    const known: Known = this.#names.get(name) ?? { addresses: [], at: -Infinity };
    if (performance.now() - known.at < refreshMs) return known.addresses;
    known.at = performance.now();
    this.#names.set(name, known);
    const onAnswer = (answer: Answer): void => {
      // A name that cannot be resolved for now keeps what it stood for, and is looked up again soon.
      if ('addresses' in answer) known.addresses = answer.addresses;
      else known.at += retryMs - refreshMs;
    };
    const answer = this.#system.ask(name, { asker: '', onAnswer });
    if (answer !== undefined) onAnswer(answer);
    return known.addresses;
  }
}
