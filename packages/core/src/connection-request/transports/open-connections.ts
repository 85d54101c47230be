import type { Socket } from 'node:net';

/** The two ends of a connection. */
export type Ends = Pick<Socket, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>;

/** What is kept of a connection. */
interface Closable {
  /** Closes it at once; what still waits on it fails with this error. */
  stop(error: string): void;
  /** Whether the socket is the other end of this connection. */
  isOtherEnd(socket: Ends): boolean;
}

/** How long a CPE that has said that it closes is let close first, in milliseconds, at least; at most twice as long. */
const lingerMs = 100;

/** The connections of a pipeline that are open, and those among them that only wait for the CPE to close. */
export class OpenConnections {
  readonly #all = new Set<Closable>();
  /** Lingering since the last tick of the timer, and since before it. One timer serves all: most are gone within a millisecond. */
  #recent = new Set<Closable>();
  #overdue = new Set<Closable>();
  #timer: NodeJS.Timeout | undefined;

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
    this.#recent.delete(connection);
    this.#overdue.delete(connection);
  }

  /** Lets the CPE close it: who closes first keeps the port in TIME_WAIT. It is closed if the CPE does not. */
  linger(connection: Closable): void {
    this.#recent.add(connection);
    this.#timer ??= setTimeout(() => this.#tick(), lingerMs).unref();
  }

  /** Closes all. */
  close(): void {
    for (const connection of this.#all) connection.stop('aborted');
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    this.#timer = undefined;
    for (const connection of this.#overdue) connection.stop('closed');
    [this.#overdue, this.#recent] = [this.#recent, new Set()];
    if (this.#overdue.size > 0) this.#timer = setTimeout(() => this.#tick(), lingerMs).unref();
  }
}

/** An address; an IPv4 one in its own form. */
export function plain(address = ''): string {
  return address.startsWith(':') ? address.replace(/^::ffff:(?=\d+\.)/i, '') : address;
}
