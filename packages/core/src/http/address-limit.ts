import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { CwmpProxyError } from '../errors.js';
import { clientGroupOf, unknownAddress } from './client-address.js';

/** What is refused because its client address has as much as it may: `ERR_CWMP_BUSY`. */
export class AddressLimitError extends CwmpProxyError {
  /** The address, or the /64 of an IPv6 address. */
  readonly address: string;

  constructor(address: string, what: string, option: string) {
    super('ERR_CWMP_BUSY', `a client address has too many ${what}, see ${option}`);
    this.address = address;
  }
}

/** Counts the connections of each client address. An entry ends with its last connection. */
export class AddressConnections {
  readonly #maxPerAddress: number;
  readonly #counts = new Map<string, number>();
  /** In which group each connection is counted. */
  readonly #groups = new WeakMap<Socket, string>();
  /** One for all connections. */
  readonly #onClose: (this: Socket) => void;

  constructor(maxPerAddress: number) {
    this.#maxPerAddress = maxPerAddress;
    const leave = (socket: Socket): void => this.#leave(socket);
    this.#onClose = function onClose() {
      leave(this);
    };
  }

  /**
   * Counts the connection of a request until it closes, once, whatever else comes on it.
   *
   * @throws {@link AddressLimitError} when its address has as many as it may; that connection is not counted.
   */
  enter(request: IncomingMessage): void {
    const { socket } = request;
    // The close of a connection that is gone may have been told already.
    if (this.#groups.has(socket) || socket.destroyed) return;
    const group = clientGroupOf(request);
    // Clients without an address cannot be told from each other.
    if (group === unknownAddress) return;
    const count = this.#counts.get(group) ?? 0;
    if (count >= this.#maxPerAddress) {
      throw new AddressLimitError(group, 'connections', 'limits.maxConnectionsPerAddress');
    }
    this.#counts.set(group, count + 1);
    this.#groups.set(socket, group);
    socket.once('close', this.#onClose);
  }

  #leave(socket: Socket): void {
    const group = this.#groups.get(socket) ?? '';
    const left = (this.#counts.get(group) ?? 0) - 1;
    if (left > 0) this.#counts.set(group, left);
    else this.#counts.delete(group);
  }
}
