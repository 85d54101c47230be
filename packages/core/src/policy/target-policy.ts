import { checkGroup, refuseOption } from '../option-checks.js';
import { type IpBlock, isInside, readIpAddress, readIpBlock } from './ip-address.js';
import { isProxy, type OwnAddress, refusalsOf } from './refused-addresses.js';

/** Addresses, or names, and the ports there that a connection request may go to. */
export interface AllowedTarget {
  /**
   * An IP address, a CIDR block (`10.0.0.0/8`, `fd00::/8`), a host name, or `*.` and a domain for all names below it. What
   * a name resolves to must not be refused by default; a block may name such an address only by lying in what is refused.
   */
  host: string;
  /** Ports, and ranges of them: `[7547, [30000, 30100]]`. Default: all. */
  ports?: readonly (number | readonly [number, number])[] | undefined;
}

/** Where a wake may go. Asked with the very address and port that are about to be dialled, on each leg anew. */
export interface WakePolicy {
  /**
   * Whether a connection may be opened.
   *
   * @param address IP address in textual form, without brackets.
   * @param port TCP port.
   * @param name Host name that led to the address; none when the URL holds the address itself.
   */
  allows(address: string, port: number, name?: string): boolean;
  /**
   * Whether any address at all could be allowed for a name. One of which none could is not looked up. Default: every name is.
   *
   * @param name Host name, in lower case.
   * @param port TCP port.
   */
  mayAllow?(name: string, port: number): boolean;
}

/** What {@link createWakePolicy} needs. */
export interface WakePolicyOptions {
  /** What is allowed; `'any'` allows every address there is; `undefined` every one that is not refused by default. */
  allow: readonly (string | AllowedTarget)[] | 'any' | undefined;
  /** Addresses of the proxy and of the backends at this moment. */
  ownAddresses?: (() => Iterable<OwnAddress>) | undefined;
}

interface Entry {
  isOpen: (port: number) => boolean;
  matches: (name: string | undefined) => boolean;
  block: IpBlock | undefined;
}

/**
 * Makes the policy of where a wake may go. Loopback, link-local, unspecified, multicast and reserved addresses, the
 * metadata services of clouds, IPv6 addresses that carry an IPv4 one, and the backends' own addresses are refused unless a
 * block names them: one that lies inside the refused block, `127.0.0.0/8` for loopback, and not `0.0.0.0/0`.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when an entry cannot be read.
 */
export function createWakePolicy({ allow, ownAddresses = () => [] }: WakePolicyOptions): WakePolicy {
  const entries = allow === 'any' ? undefined : allow?.map(readEntry);
  return {
    mayAllow(name, port) {
      return (
        entries?.some(({ isOpen, matches, block }) => isOpen(port) && (block !== undefined || matches(name))) ?? true
      );
    },
    allows(address, port, name) {
      const dialled = readIpAddress(address);
      if (dialled === undefined) return false;
      const own = [...ownAddresses()];
      // To itself the proxy would be a CPE that sends nonsense, or one that wakes another one.
      if (isProxy(dialled, port, own)) return false;
      if (allow === 'any') return true;
      const refusals = refusalsOf(dialled, port, own);
      if (entries === undefined) return refusals.length === 0;
      return entries.some(({ isOpen, matches, block }) => {
        if (!isOpen(port)) return false;
        if (block === undefined) return matches(name) && refusals.length === 0;
        return isInside(dialled, block) && refusals.every((refused) => isInside(block, refused));
      });
    },
  };
}

function readEntry(entry: string | AllowedTarget, index: number): Entry {
  const path = `connectionRequests.allow[${index}]`;
  const target = typeof entry === 'string' ? { host: entry } : entry;
  // A misspelt `ports` would open them all.
  if (typeof target === 'object' && target !== null) checkGroup(path, target, ['host', 'ports']);
  const { host, ports }: Partial<AllowedTarget> = target ?? {};
  if (typeof host !== 'string') return refuseOption(path, 'expected a text or { host, ports }');
  const block = readIpBlock(host);
  // A text of digits, dots and slashes is meant as a block, and would never match as a name.
  if (block === undefined && !isNamePattern(host)) {
    refuseOption(
      path,
      `${JSON.stringify(host.slice(0, 60))} is no IP address, CIDR block, host name or "*." and a domain`,
    );
  }
  const ranges = readPorts(`${path}.ports`, ports);
  return {
    block,
    matches: nameMatcher(host.toLowerCase()),
    isOpen: (port) => ranges.length === 0 || ranges.some(([from, to]) => port >= from && port <= to),
  };
}

function isNamePattern(text: string): boolean {
  const name = text.startsWith('*.') ? text.slice(2) : text;
  const isName =
    name.length <= 253 && /^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?(?:\.|$))+$/i.test(name) && !name.endsWith('.');
  return isName && !/(?:^|\.)\d+$/.test(name);
}

function nameMatcher(pattern: string): Entry['matches'] {
  if (!pattern.startsWith('*.')) return (name) => name?.toLowerCase() === pattern;
  return (name) =>
    name !== undefined && name.length > pattern.length - 1 && name.toLowerCase().endsWith(pattern.slice(1));
}

function readPorts(path: string, ports: AllowedTarget['ports']): readonly (readonly [number, number])[] {
  if (ports === undefined) return [];
  // An empty list would open them all, which nobody means who writes one.
  if (!Array.isArray(ports) || ports.length === 0) return refuseOption(path, 'expected a list of at least one port');
  return ports.map((one: unknown) => {
    const [from, to, ...rest]: unknown[] = Array.isArray(one) ? one : [one, one];
    if (isPort(from) && isPort(to) && from <= to && rest.length === 0) return [from, to];
    return refuseOption(path, 'expected ports from 1 to 65535, or [from, to]');
  });
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= 65_535;
}
