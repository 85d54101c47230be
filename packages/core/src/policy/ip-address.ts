import { isIP } from 'node:net';

/** An IP address as a number, so that it has one form only. */
export interface IpAddress {
  family: 4 | 6;
  value: bigint;
}

/** A CIDR block; the bits of `value` below `length` are zero. */
export interface IpBlock extends IpAddress {
  /** Length of the prefix, in bits. */
  length: number;
}

/**
 * Reads an IP address in textual form, without brackets. IPv4 in four plain decimal parts only; IPv6 without a zone, which
 * names an interface of this machine. `undefined` for anything else.
 */
export function readIpAddress(text: string): IpAddress | undefined {
  const family = isIP(text);
  if (family === 4) return { family, value: readIpv4(text) };
  if (family !== 6 || text.includes('%')) return undefined;
  const [head = '', tail] = text.split('::');
  const high = readGroups(head);
  const low = tail === undefined ? [] : readGroups(tail);
  const gap = Array<bigint>(8 - high.length - low.length).fill(0n);
  const value = [...high, ...gap, ...low].reduce((sum, group) => (sum << 16n) | group, 0n);
  return { family: 6, value };
}

/**
 * An IP address in one form only, however it was written: an IPv4 one in its own form, also where an IPv6 address maps it; an IPv6 one in
 * eight groups of four digits. What is no address stays.
 */
export function canonicalAddress(text: string): string {
  if (!text.includes(':')) return text;
  const address = readIpAddress(text);
  if (address === undefined) return text;
  const { value } = address;
  if (value >> 32n === 0xffffn) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  return value
    .toString(16)
    .padStart(32, '0')
    .replace(/.{4}(?=.)/g, '$&:');
}

/** Reads an IP address (a block of one) or a CIDR block. `undefined` for anything else. */
export function readIpBlock(text: string): IpBlock | undefined {
  const [host = '', prefix, ...rest] = text.split('/');
  const address = readIpAddress(host);
  if (address === undefined || rest.length > 0) return undefined;
  const width = widthOf(address);
  if (prefix === undefined) return { ...address, length: width };
  const length = /^(?:0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) : Number.NaN;
  return length <= width ? blockAround(address, length) : undefined;
}

/** The block of `length` bits that an address lies in. */
export function blockAround({ family, value }: IpAddress, length: number): IpBlock {
  const free = BigInt((family === 4 ? 32 : 128) - length);
  return { family, value: (value >> free) << free, length };
}

/** Whether an address, or the whole of another block, lies in a block. */
export function isInside(inner: IpAddress | IpBlock, outer: IpBlock): boolean {
  if (inner.family !== outer.family) return false;
  if ('length' in inner && inner.length < outer.length) return false;
  return blockAround(inner, outer.length).value === outer.value;
}

function widthOf({ family }: IpAddress): number {
  return family === 4 ? 32 : 128;
}

function readIpv4(text: string): bigint {
  return text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function readGroups(text: string): bigint[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const ipv4 = readIpv4(group);
    return [ipv4 >> 16n, ipv4 & 0xffffn];
  });
}
