import { BlockList, isIP } from 'node:net';
import { CwmpProxyError } from '../errors.js';

/** Where a wake may go. Asked with the very address that is about to be dialled, never with a name. */
export interface WakePolicy {
  /** Whether a connection may be opened to this IP address (textual form, no brackets). */
  allows(address: string): boolean;
}

/**
 * Makes the policy of where a wake may go.
 *
 * @param allow IP addresses and CIDR blocks (`192.168.0.0/16`, `fd00::/8`, `10.1.2.3`), or `'any'` for every address.
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when a block cannot be read.
 */
export function createWakePolicy(allow: readonly string[] | 'any'): WakePolicy {
  if (allow === 'any') return { allows: (address) => isIP(address) !== 0 };
  const blocks = new BlockList();
  for (const block of allow) addBlock(blocks, block);
  return {
    allows(address) {
      const family = isIP(address);
      return family !== 0 && blocks.check(address, family === 4 ? 'ipv4' : 'ipv6');
    },
  };
}

function addBlock(blocks: BlockList, block: string): void {
  const [address = '', prefix, ...rest] = block.split('/');
  const family = isIP(address);
  const bits = family === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (family === 0 || rest.length > 0 || !(length <= bits)) {
    throw new CwmpProxyError(
      'ERR_CWMP_OPTION',
      `connectionRequests.allow: ${JSON.stringify(block.slice(0, 60))} is not an IP address or CIDR block`,
    );
  }
  blocks.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
}
