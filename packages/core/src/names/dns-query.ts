import { Resolver, type RecordWithTtl } from 'node:dns';
import { networkInterfaces } from 'node:os';
import type { Answer } from './answer.js';
import { isServerFault, lookupCode } from './dns-codes.js';

/** How long a name server is waited for before the next one is asked, in milliseconds; twice as long when all were asked, and so on. */
const timeoutMs = 500;

/** Maximum of addresses of one family; further ones are not used. */
const maxOfFamily = 16;

/** How often each name server is asked. */
const tries = 3;

/** How long addresses of the other family are waited for once there are some, in milliseconds (RFC 8305 §3). */
const otherFamilyMs = 200;

/** Shortest and longest time that addresses are kept, in milliseconds. */
const [minKeptMs, maxKeptMs] = [1_000, 300_000];

/** How long it is kept that there are none, in milliseconds. */
export const noneKeptMs = 1_000;

/** What name servers say of one name and type. */
interface Reply {
  readonly records: readonly RecordWithTtl[];
  /** The code of c-ares where there are none. */
  readonly code: string;
}

/** Asks the name servers for one name. It is ended at once, and by itself after a few seconds. */
export class DnsQuery {
  readonly #resolver = new Resolver({ timeout: timeoutMs, tries });
  #cancelled = false;

  /** @param servers Name servers in place of those of the system. */
  constructor(servers: readonly string[] | undefined) {
    if (servers !== undefined) this.#resolver.setServers(servers);
  }

  /** The addresses of the first of these names that there is. */
  async run(candidates: readonly string[]): Promise<Answer> {
    let code = 'ENOTFOUND';
    for (const name of candidates) {
      const replies = await this.#ask(name);
      const records = replies.flatMap((reply) => reply.records);
      if (records.length > 0) return found(records);
      const fault = replies.map((reply) => reply.code).find((one) => lookupCode(one) !== 'ENOTFOUND');
      if (fault === undefined) continue;
      code = lookupCode(fault);
      // As getaddrinfo does: who says that he cannot tell is asked for the next name, who says nothing is not.
      if (this.#cancelled || !isServerFault(fault)) break;
    }
    return { code };
  }

  /** Ends it: what is awaited comes at once, as `EAI_AGAIN`. */
  cancel(): void {
    this.#cancelled = true;
    this.#resolver.cancel();
  }

  /** Asks for both families. A server that cannot tell has the next one asked, which c-ares does for those that are silent only. */
  async #ask(name: string): Promise<readonly Reply[]> {
    for (;;) {
      const replies = await this.#bothFamilies(name);
      const isFault =
        replies.every(({ records }) => records.length === 0) && replies.some(({ code }) => isServerFault(code));
      const others = isFault && !this.#cancelled ? this.#resolver.getServers().slice(1) : [];
      if (others.length === 0) return replies;
      this.#resolver.setServers(others);
    }
  }

  #bothFamilies(name: string): Promise<readonly Reply[]> {
    return new Promise((resolve) => {
      const replies: Reply[] = [];
      let timer: NodeJS.Timeout | undefined;
      const take = (error: NodeJS.ErrnoException | null, records: readonly RecordWithTtl[]): void => {
        replies.push(error === null ? { records, code: 'ENODATA' } : { records: [], code: error.code ?? 'EBADRESP' });
        if (replies.length === 2) {
          clearTimeout(timer);
          resolve(replies);
        } else if (error === null) {
          // Some servers drop one of the questions.
          timer = setTimeout(() => {
            resolve([...replies]);
            this.#resolver.cancel();
          }, otherFamilyMs);
        }
      };
      this.#resolver.resolve6(name, { ttl: true }, take);
      this.#resolver.resolve4(name, { ttl: true }, take);
    });
  }
}

function found(records: readonly RecordWithTtl[]): Answer {
  const addresses = [...new Set(records.map(({ address }) => address))];
  const v4 = addresses.filter((one) => !one.includes(':')).slice(0, maxOfFamily);
  const v6 = addresses.filter((one) => one.includes(':')).slice(0, maxOfFamily);
  const sorted = v4.length > 0 && v6.length > 0 && hasIpv6() ? [...v6, ...v4] : [...v4, ...v6];
  const ttlMs = 1_000 * Math.min(...records.map(({ ttl }) => ttl));
  return { addresses: sorted, keptMs: Math.min(maxKeptMs, Math.max(minKeptMs, ttlMs)) };
}

/** Whether this machine has an IPv6 address that others can reach: without one IPv4 goes first (RFC 6724). */
function hasIpv6(): boolean {
  try {
    return Object.values(networkInterfaces()).some((list) =>
      list?.some(({ family, internal, scopeid }) => family === 'IPv6' && !internal && scopeid === 0),
    );
  } catch {
    // Not everywhere may a process see them.
    return false;
  }
}
