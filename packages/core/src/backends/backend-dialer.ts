import { Lingering } from '../http/lingering.js';
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

/** TLS towards a backend, in the terms of Node's `tls.connect`. */
export interface BackendTls {
  /** Certificate authorities to trust instead of the well-known ones, PEM. */
  ca?: string | Buffer | readonly (string | Buffer)[] | undefined;
  /** Client certificate, PEM. */
  cert?: string | Buffer | undefined;
  /** Private key of the client certificate, PEM. */
  key?: string | Buffer | undefined;
  /** Name for SNI and for the check of the certificate. Default: the URL's host name. */
  servername?: string | undefined;
}

/** Called with what has been read, and how much of the buffer it is. The buffer is read into again after the call. */
export type OnRead = (bytes: number, buffer: Uint8Array) => boolean;

/** All connections of the process read into it, one after the other. Only where libuv reads ahead (Windows) each needs its own. */
const sharedBuffer = Buffer.allocUnsafeSlow(65_536);

/**
 * What Node sets of a socket's options, whatever they are: a field that it has to add makes a connection half as expensive again in
 * Node 20 (ARCHITECTURE.md).
 */
const setByNode = { allowHalfOpen: undefined, emitClose: undefined, autoDestroy: undefined, decodeStrings: undefined };

/** Opens the sockets of one backend. */
export class BackendDialer {
  /** Host and port, as the `Host` field has them. */
  readonly authority: string;
  readonly isSecure: boolean;
  readonly #host: string;
  readonly #port: number;
  readonly #lookup: LookupFunction;
  /** Own addresses that connections come from, in turn; none where the system chooses. */
  readonly #localAddresses: readonly string[];
  #turn = 0;
  readonly #lingering = new Lingering<Socket>((socket) => socket.destroy());
  readonly #tls: ConnectionOptions;
  /** Of the last connection, for the next to resume. */
  #tlsSession: Buffer | undefined;

  constructor(
    { protocol, host, hostname, port }: URL,
    { ca, ...tls }: BackendTls,
    localAddresses: readonly string[],
    lookup: LookupFunction,
  ) {
    this.#localAddresses = localAddresses;
    this.authority = host;
    this.isSecure = protocol === 'https:';
    this.#host = hostname.replace(/^\[|\]$/g, '');
    this.#port = Number(port) || (this.isSecure ? 443 : 80);
    this.#lookup = lookup;
    this.#tls = {
      ...tls,
      ...(ca !== undefined && { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] }),
      ...(isIP(this.#host) === 0 && tls.servername === undefined && { servername: this.#host }),
      ALPNProtocols: ['http/1.1'],
    };
  }

  /** Calls back with the addresses of the backend, at once where its URL holds one; at least one, or why there is none. */
  addresses(callback: (error: Error | null, addresses: readonly string[]) => void): void {
    if (isIP(this.#host) !== 0) return callback(null, [this.#host]);
    this.#lookup(this.#host, { all: true }, (error, found) => {
      callback(error, typeof found === 'string' ? [found] : found.map(({ address }) => address));
    });
  }

  /**
   * Opens a socket. It is ready at its event {@link readyEvent}.
   *
   * Throws what Node throws of TLS options that it does not take.
   */
  connect(address: string, onRead: OnRead): Socket {
    const buffer = process.platform === 'win32' ? Buffer.allocUnsafeSlow(65_536) : sharedBuffer;
    const onread = { buffer, callback: onRead };
    const where = { ...setByNode, host: address, port: this.#port, localAddress: this.#localAddress(address), onread };
    if (!this.isSecure) return connectTcp(where);
    const socket = connectTls({ ...where, ...this.#tls, session: this.#tlsSession });
    return socket.on('session', (session) => (this.#tlsSession = session));
  }

  /** The next own address of the same family. */
  #localAddress(address: string): string | undefined {
    if (this.#localAddresses.length === 0) return undefined;
    const family = isIP(address);
    const fit = this.#localAddresses.filter((one) => isIP(one) === family);
    this.#turn += 1;
    return fit[this.#turn % fit.length];
  }

  /** Lets the backend close a connection that is over, as it has said. */
  linger(socket: Socket): void {
    this.#lingering.add(socket);
    socket.once('close', () => this.#lingering.delete(socket));
  }

  /** The event by which a socket is connected, TLS included. */
  get readyEvent(): 'connect' | 'secureConnect' {
    return this.isSecure ? 'secureConnect' : 'connect';
  }
}
