/** How long the other end is let close first, in milliseconds, at least; at most twice as long. */
const lingerMs = 100;

/**
 * Connections that are over and whose other end will close: it is let close first, because who does keeps the port in TIME_WAIT for a
 * minute. One timer serves all: most are gone within a millisecond.
 */
export class Lingering<Connection> {
  readonly #close: (connection: Connection) => void;
  /** Since the last tick of the timer, and since before it. */
  #recent = new Set<Connection>();
  #overdue = new Set<Connection>();
  #timer: NodeJS.Timeout | undefined;

  /** @param close Closes one whose other end has not. */
  constructor(close: (connection: Connection) => void) {
    this.#close = close;
  }

  add(connection: Connection): void {
    this.#recent.add(connection);
    this.#timer ??= setTimeout(() => this.#tick(), lingerMs).unref();
  }

  /** It is closed. */
  delete(connection: Connection): void {
    this.#recent.delete(connection);
    this.#overdue.delete(connection);
  }

  /** Lets go of all; whoever holds them closes them. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#recent.clear();
    this.#overdue.clear();
  }

  #tick(): void {
    this.#timer = undefined;
    for (const connection of this.#overdue) this.#close(connection);
    [this.#overdue, this.#recent] = [this.#recent, new Set()];
    if (this.#overdue.size > 0) this.#timer = setTimeout(() => this.#tick(), lingerMs).unref();
  }
}
