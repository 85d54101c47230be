import type { OutgoingHttpHeaders } from 'node:http';

/** Who can stand at either end of an arrow. The proxy is one end of each arrow, and never the one that records it. */
export type Party = 'CPE' | 'proxy' | 'ACS-1' | 'ACS-2' | 'ACS-3';

/** One HTTP message that a CPE or an ACS really sent or received. */
export interface Observation {
  readonly from: Party;
  readonly to: Party;
  /** Serial number of the CPE, where the CPE is the one that saw the message. */
  readonly serialNumber?: string;
  /** Names the TCP connection as its observer knows it, for instance `127.0.0.1:40112>41337`. */
  readonly connection: string;
  /** The request line's method and target; absent for an answer. */
  readonly request?: { readonly method: string; readonly target: string };
  /** The answer's status; absent for a request. */
  readonly status?: number;
  /** The schemes in `Authorization` or `WWW-Authenticate`, never what follows them. */
  readonly schemes: readonly string[];
  /** The body as it stood on the wire, chunk framing removed. */
  readonly body: Buffer;
}

/** What the peers saw, in the order in which they saw it. Everything the demo draws and checks comes from here. */
export class Journal {
  readonly #observations: Observation[] = [];
  readonly #listeners = new Set<(observation: Observation) => void>();

  /** Keeps at most this many observations; the eldest go first, so that `--keep` may run for days. */
  readonly #limit = 2_000;

  record(observation: Observation): void {
    this.#observations.push(observation);
    if (this.#observations.length > this.#limit) this.#observations.shift();
    for (const listener of this.#listeners) listener(observation);
  }

  /** Calls `listener` with each observation to come; returns what ends that. */
  listen(listener: (observation: Observation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Runs `work` and returns all that was observed meanwhile. */
  async during(work: () => Promise<unknown>): Promise<Observation[]> {
    const seen: Observation[] = [];
    const stop = this.listen((observation) => seen.push(observation));
    try {
      await work();
    } finally {
      stop();
    }
    return seen;
  }

  /** Resolves to true once `matches` holds for an observation to come, to false after `timeoutMs`. */
  waitFor(matches: (observation: Observation) => boolean, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (found: boolean): void => {
        clearTimeout(timer);
        stop();
        resolve(found);
      };
      // Whoever no longer waits must not be kept from leaving.
      const timer = setTimeout(() => settle(false), timeoutMs).unref();
      const stop = this.listen((observation) => {
        if (matches(observation)) settle(true);
      });
    });
  }
}

/** Which authentication schemes a message asks for or uses: the only thing of those fields that is kept. */
export function schemesOf(headers: OutgoingHttpHeaders): string[] {
  const value = headers['authorization'] ?? headers['Authorization'] ?? headers['www-authenticate'] ?? '';
  return [...String(value).matchAll(/(?:^|,)\s*(Basic|Digest)\s/gi)].map(([, scheme = '']) => scheme);
}
