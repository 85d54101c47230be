import { localShortage } from '../http/local-shortage.js';
import type { Answer } from './answer.js';
import { DnsQuery } from './dns-query.js';
import { addressesIn } from './hosts-file.js';
import { nameSources } from './name-sources.js';
import { candidatesFor, readSearchList, type SearchList } from './search-list.js';
import { WatchedFile } from './watched-file.js';

/** A look-up that is under way. */
export interface Query {
  readonly answer: Promise<Answer>;
  /** Ends it. */
  cancel(): void;
}

/** Any machine's own names, whatever its files and name servers say (RFC 6761 §6.3). */
const loopback = ['127.0.0.1', '::1'];

/**
 * The names that this machine knows, as `getaddrinfo` finds them: in the hosts file, then by the name servers with the search domains of
 * resolv.conf. No thread waits for an answer, and what nobody waits for any more is ended.
 */
export class SystemNames {
  readonly #hosts = new WatchedFile();
  readonly #resolvConf = new WatchedFile();
  #searchList: SearchList = { domains: [], ndots: 1 };

  /**
   * Reads the files again where they have changed.
   *
   * @returns Whether they have.
   * @throws The system's error where they cannot be read because this machine lacks something.
   */
  refresh(): boolean {
    const isOther = this.#hosts.refresh(nameSources.hosts);
    if (!this.#resolvConf.refresh(nameSources.resolvConf)) return isOther;
    this.#searchList = readSearchList(this.#resolvConf.text);
    return true;
  }

  /** What can be said of a name, in lower case, without asking anybody. */
  local(name: string): Answer | undefined {
    const found = addressesIn(this.#hosts.text, name);
    if (found.length > 0) return { addresses: found, keptMs: Infinity };
    if (/(?:^|\.)localhost\.?$/.test(name)) return { addresses: loopback, keptMs: Infinity };
    return isHostName(name) ? undefined : { code: 'ENOTFOUND' };
  }

  /** Asks the name servers. */
  query(name: string): Query {
    const query = new DnsQuery(nameSources.servers);
    const answer = query
      .run(candidatesFor(name, this.#searchList))
      // Servers that c-ares cannot take, for instance.
      .catch((): Answer => ({ code: 'EAI_AGAIN' }))
      .then((one) => {
        if ('addresses' in one) return one;
        // Without a descriptor c-ares says that no server is there, or any other thing.
        return { code: localShortage({ code: one.code, syscall: 'getaddrinfo' })?.code ?? one.code };
      });
    return { answer, cancel: () => query.cancel() };
  }
}

/** Whether it can be the name of a host. One whose last label is a number would be an address in disguise (127.1, 0x7f.1). */
function isHostName(name: string): boolean {
  if (name.length > 254) return false;
  const labels = name.replace(/\.$/, '').split('.');
  if (!labels.every((label) => /^[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?$/.test(label))) return false;
  return !/^(?:\d+|0x[\da-f]*)$/.test(labels.at(-1) ?? '');
}
