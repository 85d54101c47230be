import type { Socket } from 'node:net';

/**
 * The group that a client address is counted in: an IPv4 address by itself, also where it is written as an IPv4-mapped IPv6
 * address; an IPv6 address by its /64, because one subscriber has all of it.
 */
export function addressGroup(address: string | undefined = ''): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!plain.includes(':')) return plain;
  const [head = '', tail = ''] = plain.split('::');
  const groups = head.split(':');
  const gap = Array<string>(Math.max(0, 8 - groups.length - tail.split(':').length)).fill('0');
  return [...groups, ...gap, ...tail.split(':')].slice(0, 4).join(':');
}

const groups = new WeakMap<Socket, string>();

/** The group of a connection's client address, see {@link addressGroup}; remembered, because Node forgets it at the end. */
export function addressGroupOf(socket: Socket): string {
  let group = groups.get(socket);
  if (group === undefined) {
    group = addressGroup(socket.remoteAddress);
    groups.set(socket, group);
  }
  return group;
}
