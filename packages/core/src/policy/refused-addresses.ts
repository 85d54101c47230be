import { CwmpProxyError } from '../errors.js';
import { blockAround, type IpAddress, type IpBlock, isInside, readIpAddress, readIpBlock } from './ip-address.js';

/** Addresses at which no CPE lives, or which mean this machine, its link or its cloud (IANA special-purpose registries). */
const refusedIpv4 = [
  '0.0.0.0/8', // unspecified, "this network"
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, metadata of most clouds among them
  '192.0.0.0/24', // IETF protocol assignments, metadata of Oracle's cloud among them
  '192.88.99.0/24', // 6to4 relays
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, limited broadcast
  '100.100.100.200', // metadata of Alibaba's cloud
  '168.63.129.16', // Azure's host
].map(block);

const refusedIpv6 = [
  '::', // unspecified
  '::1', // loopback
  '100::/64', // discard
  'fe80::/10', // link-local
  'fec0::/10', // site-local, deprecated
  'ff00::/8', // multicast
  'fd00:ec2::254', // metadata of Amazon's cloud
  'fd20:ce::254', // metadata of Google's cloud
  'fd00:42::42', // metadata of Scaleway
].map(block);

const loopback = ['127.0.0.0/8', '::1'].map(block);

/** IPv6 addresses that stand for an IPv4 one, and where in them that one begins, in bits. */
const disguises = [
  { within: block('::/96'), at: 96 }, // IPv4-compatible
  { within: block('::ffff:0:0/96'), at: 96 }, // IPv4-mapped
  { within: block('::ffff:0:0:0/96'), at: 96 }, // IPv4-translated (SIIT)
  { within: block('64:ff9b::/96'), at: 96 }, // NAT64
  { within: block('64:ff9b:1::/48'), at: 96 }, // NAT64 for local use
  { within: block('2002::/16'), at: 16 }, // 6to4
  { within: block('2001::/32'), at: 96, inverted: true }, // Teredo
];

/** An address that belongs to the proxy's own side. */
export interface OwnAddress {
  address: string;
  port: number;
  /** Whose it is. Default: a backend's. The proxy's own is refused whatever `allow` says. */
  of?: 'backend' | 'proxy' | undefined;
}

/** Whether an address and port are the proxy's own, in its own form or carried by an IPv4-mapped one. */
export function isProxy(address: IpAddress, port: number, own: Iterable<OwnAddress>): boolean {
  for (const one of own) {
    if (one.of !== 'proxy' || one.port !== port) continue;
    const known = readIpAddress(one.address);
    if (known !== undefined && canonical(known) === canonical(address)) return true;
  }
  return false;
}

/** An IPv4 address and the IPv6 one that maps it are the same to a socket. */
function canonical({ family, value }: IpAddress): bigint {
  return family === 4 ? value | 0xffff_0000_0000n : value;
}

/**
 * The blocks of refused addresses that an address lies in; empty for an ordinary one. An IPv6 address that carries an IPv4
 * one is refused as such, and once more for what it carries.
 *
 * @param own Addresses of the backends. Each is refused on all ports, as an ACS has others with less guard; on loopback,
 * where all programs of a machine share addresses, on its own port only.
 */
export function refusalsOf(address: IpAddress, port: number, own: Iterable<OwnAddress>): IpBlock[] {
  const backends = [...own].filter(({ of }) => of !== 'proxy');
  const isOwn = (one: IpAddress): boolean => backends.some((backend) => isBackend(one, port, backend));
  const found = [...refusedIpv4, ...refusedIpv6].filter((refused) => isInside(address, refused));
  if (isOwn(address)) found.push(blockAround(address, address.family === 4 ? 32 : 128));
  if (address.family === 6) found.push(...disguisesOf(address, isOwn));
  return found;
}

function isBackend(address: IpAddress, port: number, backend: OwnAddress): boolean {
  const known = readIpAddress(backend.address);
  if (known?.family !== address.family || known.value !== address.value) return false;
  return port === backend.port || !loopback.some((refused) => isInside(address, refused));
}

function disguisesOf(address: IpAddress, isOwn: (one: IpAddress) => boolean): IpBlock[] {
  const found: IpBlock[] = [];
  for (const { within, at, inverted } of disguises) {
    if (!isInside(address, within)) continue;
    found.push(within, ...refusedInside(address, at, inverted ?? false, isOwn));
  }
  // ISATAP (RFC 5214 §6.1) needs no prefix of its own: the interface identifier tells.
  const identifier = (address.value >> 32n) & 0xfdff_ffffn;
  if (identifier === 0x0000_5efen) found.push(...refusedInside(address, 96, false, isOwn));
  return found;
}

function refusedInside(
  address: IpAddress,
  at: number,
  inverted: boolean,
  isOwn: (one: IpAddress) => boolean,
): IpBlock[] {
  const raw = (address.value >> BigInt(96 - at)) & 0xffff_ffffn;
  const carried: IpAddress = { family: 4, value: inverted ? raw ^ 0xffff_ffffn : raw };
  const lengths = refusedIpv4.filter((refused) => isInside(carried, refused)).map(({ length }) => length);
  if (isOwn(carried)) lengths.push(32);
  return lengths.map((length) => blockAround(address, at + length));
}

function block(text: string): IpBlock {
  const read = readIpBlock(text);
  if (read === undefined) throw new CwmpProxyError('ERR_CWMP_INTERNAL', `${text} is no block`);
  return read;
}
