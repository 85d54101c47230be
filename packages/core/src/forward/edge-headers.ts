import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Passage } from './passage.js';
import type { Client } from '../http/client-address.js';
import { hasClosedQuotes } from '../http/forwarded-fields.js';

/** What a backend is told of the CPE's connection, which it can not see itself. */
export interface EdgeSettings {
  /** Our name in `Via` (RFC 9110 §7.6.3); `false` for no `Via`. */
  via: string | false;
  /** Which fields tell of the CPE's address, scheme and host. */
  forwarded: 'x-forwarded' | 'forwarded' | 'none';
  /** Whether a CPE's TLS client certificate is told in `Client-Cert` (RFC 9440). */
  clientCert: boolean;
  /** Asserted fields that go on when a trusted proxy sent them. */
  fromTrusted: readonly string[];
  /** Which field tells the backend the name of the session; absent for none. */
  sessionHeader?: string | undefined;
}

/** What backends are told of a CPE that the proxy has authenticated. Its own answer to the challenge is dropped. */
export interface IdentitySettings {
  /** Which field tells its user name; `undefined` for none. */
  readonly header: string | undefined;
  /** The proxy's own `Authorization` towards backends; `undefined` for none. */
  readonly authorization: string | undefined;
}

/** The fields a proxy adds to each request towards a backend. */
export class EdgeHeaders {
  /** Lower-case names of the proxy's own fields, whose incoming copies are dropped. */
  readonly replaced: ReadonlySet<string>;
  readonly #settings: EdgeSettings;
  readonly #identity: IdentitySettings | undefined;
  readonly #fromTrusted: ReadonlySet<string>;
  /** Connections that renegotiate no more. */
  readonly #settled = new WeakSet<TLSSocket>();

  /** @param identity `undefined` where the proxy does not authenticate CPEs. */
  constructor(settings: EdgeSettings, identity: IdentitySettings | undefined) {
    this.#settings = settings;
    this.#identity = identity;
    this.#fromTrusted = new Set(settings.fromTrusted.map((name) => name.toLowerCase()));
    const own = [settings.sessionHeader, identity && 'authorization', identity?.header];
    this.replaced = new Set(own.flatMap((name) => (name === undefined ? [] : [name.toLowerCase()])));
  }

  /** Lower-case names of the asserted fields that go on, because a trusted proxy sent them. */
  believed({ isProxied }: Client): ReadonlySet<string> | undefined {
    return isProxied ? this.#fromTrusted : undefined;
  }

  /**
   * Adds the fields for one request to those that go on.
   *
   * @param session Names the session.
   */
  addTo(headers: string[], { request, client, identity }: Passage, session: string): void {
    const { via, forwarded, clientCert, sessionHeader } = this.#settings;
    if (via !== false) headers.push('Via', `${request.httpVersion} ${via}`);
    if (forwarded === 'x-forwarded') addXForwarded(headers, request, client);
    if (forwarded === 'forwarded') addForwarded(headers, request, client);
    if (clientCert && request.socket instanceof TLSSocket) this.#addClientCert(headers, request.socket);
    if (sessionHeader !== undefined) headers.push(sessionHeader, session);
    if (this.#identity !== undefined) addIdentity(headers, this.#identity, identity);
  }

  #addClientCert(headers: string[], socket: TLSSocket): void {
    if (!this.#settled.has(socket)) {
      this.#settled.add(socket);
      // Another certificate would come in the middle of the connection (TLS 1.2).
      socket.disableRenegotiation();
    }
    const { raw } = socket.getPeerCertificate();
    // An empty object stands for "none". After a renegotiation with a certificate that does not verify, Node leaves
    // `authorized` true and sets `authorizationError` only; so both are asked for each request.
    if (raw === undefined || !socket.authorized || socket.authorizationError) return;
    headers.push('Client-Cert', `:${raw.toString('base64')}:`);
  }
}

function addIdentity(
  headers: string[],
  { header, authorization }: IdentitySettings,
  identity: string | undefined,
): void {
  if (authorization !== undefined) headers.push('Authorization', authorization);
  // A name that is no plain text is told in the form that TR-069 gives user names.
  if (header !== undefined && identity !== undefined) {
    headers.push(header, /^[!-~]+$/.test(identity) ? identity : encodeURIComponent(identity));
  }
}

/** Extends what a trusted proxy has told; of others nothing is taken over. */
function addXForwarded(headers: string[], request: IncomingMessage, client: Client): void {
  const { address, peer, scheme, host, isProxied } = client;
  const before = isProxied ? (joined(request.headers['x-forwarded-for']) ?? address) : undefined;
  headers.push('X-Forwarded-For', before === undefined ? address : `${withoutZones(before)}, ${peer}`);
  headers.push('X-Forwarded-Proto', scheme);
  if (host !== undefined) headers.push('X-Forwarded-Host', host);
}

function addForwarded(headers: string[], request: IncomingMessage, client: Client): void {
  const { address, peer, isProxied } = client;
  if (!isProxied) {
    headers.push('Forwarded', forwardedElement(address, client));
    return;
  }
  const { 'x-forwarded-for': xForwardedFor, forwarded } = request.headers;
  // The client's own, where its proxy writes the other field; and what a backend could read otherwise than we do.
  const isExtended = xForwardedFor === undefined && forwarded !== undefined && hasClosedQuotes(forwarded);
  const before = isExtended ? forwarded : forwardedElement(address, client);
  headers.push('Forwarded', `${withoutZones(before)}, ${forwardedElement(peer, peerOf(request))}`);
}

function peerOf({ socket, headers }: IncomingMessage): Pick<Client, 'scheme' | 'host'> {
  return { scheme: socket instanceof TLSSocket ? 'https' : 'http', host: headers.host };
}

function forwardedElement(address: string, { scheme, host }: Pick<Client, 'scheme' | 'host'>): string {
  const element = `for=${address.includes(':') ? `"[${address}]"` : address};proto=${scheme}`;
  return host === undefined ? element : `${element};host="${host.replaceAll(/["\\]/g, '')}"`;
}

/** An IPv6 zone names an interface of another machine, which is nobody's business. */
function withoutZones(list: string): string {
  return list.includes('%') ? list.replaceAll(/%[^\s,;"\]]*/g, '') : list;
}

function joined(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
