import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

/** What a backend is told of the CPE's connection, which it can not see itself. */
export interface EdgeSettings {
  /** Our name in `Via` (RFC 9110 §7.6.3); `false` for no `Via`. */
  via: string | false;
  /** Which fields tell of the CPE's address, scheme and host. */
  forwarded: 'x-forwarded' | 'forwarded' | 'none';
  /** Whether the CPE's own copies of these fields are trusted and added to, or replaced. */
  incoming: 'append' | 'replace';
  /** Whether a CPE's TLS client certificate is told in `Client-Cert` (RFC 9440). */
  clientCert: boolean;
  /** Which field tells the backend the name of the session; absent for none. */
  sessionHeader?: string;
}

/** Fields by which a proxy speaks to a backend: a CPE that sends them pretends to be one. */
const spokenByProxies = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
];

/** The fields a proxy adds to each request towards a backend. */
export class EdgeHeaders {
  /** Lower-case names of the fields whose incoming copies are dropped. RFC 9440 §2.4: Client-Cert always. */
  readonly replaced: ReadonlySet<string>;
  readonly #settings: EdgeSettings;

  /** @param alsoReplaced Lower-case names of further fields whose incoming copies are dropped. */
  constructor(settings: EdgeSettings, alsoReplaced: readonly string[] = []) {
    this.#settings = settings;
    const own = settings.sessionHeader === undefined ? [] : [settings.sessionHeader.toLowerCase()];
    // Where they are appended to, the incoming copies are taken up into our own.
    this.replaced = new Set([...spokenByProxies, 'client-cert', 'client-cert-chain', ...own, ...alsoReplaced]);
  }

  /**
   * Adds the fields for one request to those that go on.
   *
   * @param session Names the session.
   */
  addTo(headers: string[], request: IncomingMessage, session: string): void {
    const { via, forwarded, clientCert, sessionHeader } = this.#settings;
    if (via !== false) headers.push('Via', `${request.httpVersion} ${via}`);
    if (forwarded === 'x-forwarded') this.#addXForwarded(headers, request);
    if (forwarded === 'forwarded') this.#addForwarded(headers, request);
    if (clientCert && request.socket instanceof TLSSocket) addClientCert(headers, request.socket);
    if (sessionHeader !== undefined) headers.push(sessionHeader, session);
  }

  #addXForwarded(headers: string[], request: IncomingMessage): void {
    const address = addressOf(request);
    const before = this.#incoming(request, 'x-forwarded-for');
    headers.push('X-Forwarded-For', before === undefined ? address : `${before}, ${address}`);
    headers.push('X-Forwarded-Proto', this.#incoming(request, 'x-forwarded-proto') ?? schemeOf(request));
    const host = this.#incoming(request, 'x-forwarded-host') ?? request.headers.host;
    if (host !== undefined) headers.push('X-Forwarded-Host', host);
  }

  #addForwarded(headers: string[], request: IncomingMessage): void {
    const { host } = request.headers;
    const address = addressOf(request);
    const parts = [`for=${address.includes(':') ? `"[${address}]"` : address}`, `proto=${schemeOf(request)}`];
    if (host !== undefined) parts.push(`host="${host.replaceAll(/["\\]/g, '')}"`);
    const before = this.#incoming(request, 'forwarded');
    headers.push('Forwarded', before === undefined ? parts.join(';') : `${before}, ${parts.join(';')}`);
  }

  #incoming(request: IncomingMessage, name: string): string | undefined {
    if (this.#settings.incoming === 'replace') return undefined;
    const value = request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }
}

/** The CPE's address; an IPv4 one in its own form where the host listens on IPv6. */
function addressOf(request: IncomingMessage): string {
  const address = request.socket.remoteAddress ?? 'unknown';
  return address.startsWith(':') ? address.replace(/^::ffff:(?=\d+\.)/i, '') : address;
}

function schemeOf(request: IncomingMessage): 'http' | 'https' {
  return request.socket instanceof TLSSocket ? 'https' : 'http';
}

function addClientCert(headers: string[], socket: TLSSocket): void {
  const { raw } = socket.getPeerCertificate();
  // An empty object stands for "none"; a certificate that was not verified tells the backend nothing.
  if (raw === undefined || !socket.authorized) return;
  headers.push('Client-Cert', `:${raw.toString('base64')}:`);
}
