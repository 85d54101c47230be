import type { IncomingMessage } from 'node:http';
import { isIPv6, type Socket, SocketAddress } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type IpBlock, isInside, readIpAddress } from '../policy/ip-address.js';
import { lastValue, readForwarded, readXForwardedFor } from './forwarded-fields.js';

/** Who a request is from, as far as its connection and the operator's own proxies in front of us tell. */
export interface Client {
  /** IP address of the client, without a zone; an IPv4 address in its own form. `unknown` where the connection has none. */
  readonly address: string;
  /** The scheme by which the client came. */
  readonly scheme: 'http' | 'https';
  /** The host that the client asked for; `undefined` where nobody tells. */
  readonly host: string | undefined;
  /** Path that a proxy in front has taken off the request target; empty for none. */
  readonly prefix: string;
  /** IP address of the other end of the connection: the client itself, or the proxy that is next to us. */
  readonly peer: string;
  /** Whether the peer is a trusted proxy, whose own fields count. */
  readonly isProxied: boolean;
}

/** Gives the address of a client that the connection does not show: out of a PROXY protocol header, for instance. */
export type ClientAddressLookup = (request: IncomingMessage) => string | undefined;

/** What {@link Clients} works with. */
export interface ClientsSettings {
  /** Addresses of the operator's own proxies. */
  readonly trusted: readonly IpBlock[];
  /** The host's own lookup; `undefined` for none. */
  readonly lookup: ClientAddressLookup | undefined;
  /** Called once: a field of a proxy came in, and its sender is not trusted. */
  readonly onIgnored: (field: string, address: string) => void;
  /** Called when `lookup` throws, or gives something that is no IP address. */
  readonly onLookupFault: (fault: unknown) => void;
}

const known = new WeakMap<IncomingMessage, Client>();

/** The client of a request, as {@link Clients.identify} found it; otherwise the other end of its connection. */
export function clientOf(request: IncomingMessage): Client {
  return known.get(request) ?? direct(request, addressOf(request.socket));
}

/** Says that one request is another one anew: its body was kept by a parser, for instance. */
export function isSameClient(copy: IncomingMessage, request: IncomingMessage): void {
  const client = known.get(request);
  if (client !== undefined) known.set(copy, client);
}

/** The group that the client of a request is counted in, see {@link addressGroup}. */
export function clientGroupOf(request: IncomingMessage): string {
  const client = known.get(request);
  return client === undefined ? addressGroupOf(request.socket) : addressGroup(client.address);
}

/** Finds out who requests are from. */
export class Clients {
  readonly #settings: ClientsSettings;
  readonly #trustedPeers = new WeakMap<Socket, boolean>();
  #hasWarned = false;

  constructor(settings: ClientsSettings) {
    this.#settings = settings;
  }

  /**
   * Finds the client of a request: behind a trusted proxy the rightmost address of `X-Forwarded-For`, or of `Forwarded`
   * (RFC 7239) where there is no such field, that is no trusted proxy itself. Entries further to the left were written by
   * who is not trusted.
   */
  identify(request: IncomingMessage): void {
    const { lookup } = this.#settings;
    if (lookup === undefined && !this.#trusts(request.socket)) return this.#warnOfIgnored(request);
    const peer = this.#peerOf(request, lookup);
    const isProxied = lookup === undefined || this.#isTrusted(peer);
    known.set(request, isProxied ? this.#behindProxy(request, peer) : direct(request, peer));
  }

  #peerOf(request: IncomingMessage, lookup: ClientAddressLookup | undefined): string {
    try {
      const found: unknown = lookup?.(request);
      const address = typeof found === 'string' ? writtenAddress(found) : undefined;
      if (address !== undefined) return address;
      if (found !== undefined) throw new TypeError('clientAddress: expected an IP address or undefined');
    } catch (fault) {
      this.#settings.onLookupFault(fault);
    }
    return addressOf(request.socket);
  }

  #behindProxy(request: IncomingMessage, peer: string): Client {
    const { headers } = request;
    const hops = readXForwardedFor(headers['x-forwarded-for']) ?? readForwarded(headers.forwarded) ?? [];
    let address = peer;
    let client: (typeof hops)[number] | undefined;
    for (let index = hops.length - 1; index >= 0 && this.#isTrusted(address); index -= 1) {
      client = hops[index];
      const named = writtenAddress(client?.address ?? '');
      // A hop that names no address ends the chain: the client is whoever the last proxy hides.
      if (named === undefined) break;
      address = named;
    }
    const own = direct(request, peer);
    const scheme = client?.proto ?? lastValue(headers['x-forwarded-proto']);
    const host = client?.host ?? lastValue(headers['x-forwarded-host']);
    const prefix = lastValue(headers['x-forwarded-prefix'])?.replace(/\/$/, '');
    return {
      address,
      peer,
      scheme: scheme === 'http' || scheme === 'https' ? scheme : own.scheme,
      host: host !== undefined && /^[\w.:[\]-]{1,255}$/.test(host) ? host : own.host,
      prefix: prefix !== undefined && prefix.length <= 256 && /^(?:\/[\w.~%-]+)*$/.test(prefix) ? prefix : '',
      isProxied: true,
    };
  }

  /** Whether a connection is that of a trusted proxy; remembered, because each of its requests asks. */
  #trusts(socket: Socket): boolean {
    if (this.#settings.trusted.length === 0) return false;
    let trusts = this.#trustedPeers.get(socket);
    if (trusts === undefined) {
      trusts = this.#isTrusted(addressOf(socket));
      this.#trustedPeers.set(socket, trusts);
    }
    return trusts;
  }

  #isTrusted(text: string): boolean {
    const address = readIpAddress(text);
    return address !== undefined && this.#settings.trusted.some((block) => isInside(address, block));
  }

  #warnOfIgnored(request: IncomingMessage): void {
    if (this.#hasWarned) return;
    const { headers } = request;
    const field =
      headers['x-forwarded-for'] === undefined
        ? headers.forwarded === undefined
          ? undefined
          : 'Forwarded'
        : 'X-Forwarded-For';
    if (field === undefined) return;
    this.#hasWarned = true;
    this.#settings.onIgnored(field, addressOf(request.socket));
  }
}

function direct({ socket, headers }: IncomingMessage, address: string): Client {
  const scheme = socket instanceof TLSSocket ? 'https' : 'http';
  return { address, peer: address, scheme, host: headers.host, prefix: '', isProxied: false };
}

/** An address without a zone, which means something on one machine only; an IPv4 one in its own form. */
function plainAddress(text: string): string {
  const zone = text.indexOf('%');
  const address = zone === -1 ? text : text.slice(0, zone);
  return address.startsWith(':') ? address.replace(/^::ffff:(?=\d+\.)/i, '') : address;
}

/** An address that a proxy or the host has written, in the form that a socket gives it; nothing for what is none. */
function writtenAddress(text: string): string | undefined {
  const address = plainAddress(text);
  if (readIpAddress(address) === undefined) return undefined;
  return isIPv6(address) ? plainAddress(new SocketAddress({ address, family: 'ipv6' }).address) : address;
}

/** The address of who has none: a client of a Unix socket, for instance. */
export const unknownAddress = 'unknown';

/** The address of the other end of a connection. */
function addressOf({ remoteAddress }: Socket): string {
  return remoteAddress === undefined ? unknownAddress : plainAddress(remoteAddress);
}

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
function addressGroupOf(socket: Socket): string {
  let group = groups.get(socket);
  if (group === undefined) {
    group = addressGroup(addressOf(socket));
    groups.set(socket, group);
  }
  return group;
}
