import { Lingering } from '../../http/lingering.js';
import { type Socket, connect as connectTcp, isIP, type NetConnectOpts } from 'node:net';
import type { DuplexOptions } from 'node:stream';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { Origin } from '../cpe-url.js';
import { type Reply, ReplyReader } from './reply-reader.js';

/** The two ends of a connection. */
export type Ends = Pick<Socket, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>;

/** What is kept of a connection. */
interface Closable {
  /** Closes it at once; what still waits on it fails with this error. */
  stop(error: string): void;
  /** Whether the socket is the other end of this connection. */
  isOtherEnd(socket: Ends): boolean;
}

/** The connections of a pipeline that are open, and those among them that only wait for the CPE to close. */
export class OpenConnections {
  readonly #all = new Set<Closable>();
  readonly #lingering = new Lingering<Closable>((connection) => connection.stop('closed'));

  /** A connection has been opened. */
  add(connection: Closable): void {
    this.#all.add(connection);
  }

  /**
   * Whether a connection that has come in is the other end of one of these: a wake has come back to the proxy. Only one from this
   * machine can be, so that the own ends, which cost a system call each, are seldom read.
   */
  isOwn(socket: Ends): boolean {
    if (socket.remoteAddress === undefined) return false;
    const address = plain(socket.remoteAddress);
    if (address !== plain(socket.localAddress) && !address.startsWith('127.') && address !== '::1') return false;
    for (const connection of this.#all) if (connection.isOtherEnd(socket)) return true;
    return false;
  }

  /** It has been closed. */
  delete(connection: Closable): void {
    this.#all.delete(connection);
    this.#lingering.delete(connection);
  }

  /** Lets the CPE close it, which has said that it will. */
  linger(connection: Closable): void {
    this.#lingering.add(connection);
  }

  /** Closes all. */
  close(): void {
    for (const connection of this.#all) connection.stop('aborted');
    this.#lingering.stop();
  }
}

/** An address; an IPv4 one in its own form. */
function plain(address = ''): string {
  return address.startsWith(':') ? address.replace(/^::ffff:(?=\d+\.)/i, '') : address;
}

/** Why a step on a connection has failed, in the words of {@link WakeLeg.error}. */
export interface Failure {
  readonly error: string;
  /** No connection was made. */
  readonly unreached?: true | undefined;
}

/** How TLS is done towards CPEs with an https origin. */
export interface WakeTls {
  /** Certificates to trust instead of the well-known ones, in PEM. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[] | undefined;
  /** Client certificate to show a CPE that asks for one, in PEM; with its `key`. */
  readonly cert?: string | Buffer | undefined;
  /** Private key of `cert`, in PEM. */
  readonly key?: string | Buffer | undefined;
  /** Oldest version of TLS to speak, as in Node's `tls.connect`. Default: Node's own, TLS 1.2. Old CPEs know `'TLSv1'` only. */
  readonly minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3' | undefined;
  /**
   * Cipher suites in OpenSSL's form, as in Node's `tls.connect`; `'DEFAULT@SECLEVEL=0'` for old CPEs: OpenSSL 3 speaks TLS 1.0 and
   * 1.1, and takes RSA-1024 and SHA-1, at this level only. Default: Node's own.
   */
  readonly ciphers?: string | undefined;
  /** Default true. CPEs seldom have a certificate that can be verified; false trusts whoever answers. */
  readonly rejectUnauthorized?: boolean | undefined;
}

/** Maximum number of bytes that a CPE may send while nothing is asked of it. */
const maxUnaskedBytes = 16_384;

/** How long the body of an answer is waited for once its head has come, in milliseconds: nothing depends on the body. */
const bodyGraceMs = 100;

/**
 * Where the sockets read into. The kernel's bytes are taken in before the next socket reads, so all share one buffer, and
 * ten thousand waiting wakes hold no memory for it.
 */
const readBuffer = Buffer.allocUnsafeSlow(65_536);

/** One TCP connection to a CPE, and the answers on it one after the other. Nothing it returns ever rejects. */
export class CpeConnection {
  /** The IP address that it goes to. */
  readonly address: string;
  readonly #origin: Origin;
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  /** Why it can carry no more requests. */
  #broken: string | undefined;
  #opened: ((failure: Failure | undefined) => void) | undefined;
  #answered: ((end: Reply | Failure) => void) | undefined;
  #grace: NodeJS.Timeout | undefined;
  readonly #open: OpenConnections;
  /** Bytes that came while nothing was asked. */
  #unasked = 0;

  /**
   * Starts to connect to this address, whatever the host of the origin resolves to.
   *
   * @param open all connections that are open; this one is in it until it is closed.
   */
  constructor(origin: Origin, address: string, tls: WakeTls | undefined, open: OpenConnections) {
    this.address = address;
    this.#origin = origin;
    this.#open = open;
    this.#socket = origin.secure ? this.#dialTls(origin, address, tls) : this.#dialTcp(origin, address);
    open.add(this);
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#break(error.code ?? 'connection error'));
    this.#socket.on('end', () => this.#ended());
    this.#socket.on('close', () => this.#break('closed'));
  }

  /** Whether the socket is the other end of this connection. Both ends are compared: the kernel uses a port for several connections. */
  isOtherEnd({ localAddress, localPort, remoteAddress, remotePort }: Ends): boolean {
    const own = this.#socket;
    return (
      own.localPort === remotePort &&
      own.remotePort === localPort &&
      plain(own.localAddress) === plain(remoteAddress) &&
      plain(own.remoteAddress) === plain(localAddress)
    );
  }

  /** Resolves when the connection stands, or says why it does not. */
  open(): Promise<Failure | undefined> {
    return new Promise((resolve) => {
      if (this.#broken === undefined) this.#opened = resolve;
      else resolve({ error: this.#broken });
    });
  }

  /** Sends a GET for the origin in one write, with this `Authorization`; resolves with the answer or what came instead. */
  get(authorization: string | undefined): Promise<Reply | Failure> {
    const { target, authority } = this.#origin;
    const request =
      `GET ${target} HTTP/1.1\r\nHost: ${authority}\r\n` +
      (authorization === undefined ? '' : `Authorization: ${authorization}\r\n`) +
      'User-Agent: cwmp-proxy\r\n\r\n';
    return new Promise((resolve) => {
      if (this.#broken !== undefined) {
        resolve({ error: this.#broken });
        return;
      }
      this.#reader.reset();
      this.#answered = resolve;
      this.#socket.write(request, 'latin1');
    });
  }

  /** Whether another request can be sent on it. */
  get reusable(): boolean {
    return this.#broken === undefined && this.#reader.reusable;
  }

  /** Whether the answer to the last request has begun to come. */
  get answering(): boolean {
    return this.#reader.started;
  }

  /** Ends what is being waited for, with the answer if enough of it has come, else with this error; and the connection. */
  stop(error: string): void {
    if (this.#answered !== undefined) this.#reader.end();
    this.#break(error);
  }

  /** Closes it; a CPE that has said that it closes may do so first. */
  close(): void {
    if (this.#broken === undefined && this.#reader.peerCloses) this.#open.linger(this);
    else this.#break('closed');
  }

  #dialTcp(origin: Origin, address: string): Socket {
    const options: NetConnectOpts & DuplexOptions = {
      host: address,
      port: origin.port,
      autoSelectFamily: false,
      // A CPE that closes is done; without this, Node would shut down the other half first and then close.
      allowHalfOpen: true,
      onread: {
        buffer: readBuffer,
        callback: (length, buffer) => {
          this.#read(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return true;
        },
      },
      // Node's own to set; a field that it has to add makes a connection half as expensive again in Node 20 (ARCHITECTURE.md).
      emitClose: undefined,
      autoDestroy: undefined,
      decodeStrings: undefined,
    };
    return connectTcp(options).on('connect', () => this.#connected());
  }

  #dialTls(origin: Origin, address: string, tls: WakeTls = {}): Socket {
    const options: ConnectionOptions = { host: address, port: origin.port };
    if (isIP(origin.host) === 0) options.servername = origin.host;
    for (const name of ['rejectUnauthorized', 'cert', 'key', 'minVersion', 'ciphers'] as const) {
      if (tls[name] !== undefined) Object.assign(options, { [name]: tls[name] });
    }
    if (tls.ca !== undefined) options.ca = typeof tls.ca === 'string' || Buffer.isBuffer(tls.ca) ? tls.ca : [...tls.ca];
    const socket = connectTls(options);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    return socket.on('secureConnect', () => this.#connected());
  }

  #connected(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.(undefined);
  }

  #read(chunk: Buffer): void {
    const reader = this.#reader;
    if (this.#answered === undefined) {
      // The rest of an answer's body may come late; a CPE that goes on is not read for ever.
      this.#unasked += chunk.length;
      if (this.#unasked > maxUnaskedBytes) return this.#break('closed');
    }
    reader.push(chunk);
    if (this.#answered === undefined) return;
    if (reader.error !== undefined) this.#break(reader.error);
    else if (reader.complete) this.#deliver();
    else if (reader.reply !== undefined && this.#grace === undefined) {
      this.#grace = setTimeout(() => {
        reader.end();
        this.#deliver();
      }, bodyGraceMs).unref();
    }
  }

  #ended(): void {
    this.#reader.end();
    this.#break(this.#reader.error ?? 'closed');
  }

  #deliver(): void {
    const answered = this.#answered;
    const { reply } = this.#reader;
    if (answered === undefined || reply === undefined) return;
    this.#answered = undefined;
    clearTimeout(this.#grace);
    this.#grace = undefined;
    answered(reply);
  }

  #break(error: string): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#open.delete(this);
    clearTimeout(this.#grace);
    this.#socket.destroy();
    this.#opened?.({ error });
    this.#opened = undefined;
    this.#deliver();
    this.#answered?.({ error });
    this.#answered = undefined;
  }
}
