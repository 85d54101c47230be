/** What is kept of a connection. */
interface Closable {
  /** Closes it at once; what still waits on it fails with this error. */
  stop(error: string): void;
}

/** How long a CPE that has said that it closes is let close first, in milliseconds, at least; at most twice as long. */
const lingerMs = 100;

/** The connections of a pipeline that are open, and those among them that only wait for the CPE to close. */
export class OpenConnections {
  readonly #all = new Set<Closable>();
  /** Own ends of the connections, as the other end sees them. */
  readonly #ownEnds = new Set<string>();
  /** Lingering since the last tick of the timer, and since before it. One timer serves all: most are gone within a millisecond. */
  #recent = new Set<Closable>();
  #overdue = new Set<Closable>();
  #timer: NodeJS.Timeout | undefined;

  /** A connection has been opened. */
  add(connection: Closable): void {
    this.#all.add(connection);
  }

  /** A connection stands, from this address and port of ours. Returns a function to call when it is closed. */
  connected(address: string | undefined, port: number | undefined): () => void {
    const end = endOf(address, port);
    this.#ownEnds.add(end);
    return () => this.#ownEnds.delete(end);
  }

  /** Whether a connection from this address and port is one of these: a wake has come back to the proxy. */
  isOwn(address: string | undefined, port: number | undefined): boolean {
    return this.#ownEnds.size > 0 && this.#ownEnds.has(endOf(address, port));
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

function endOf(address = '', port = 0): string {
  return `${address.replace(/^::ffff:(?=\d+\.)/i, '')} ${port}`;
}
