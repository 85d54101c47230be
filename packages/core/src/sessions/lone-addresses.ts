import type { Socket } from 'node:net';

/** The key by which a CPE without cookie and nonce is recognised: its address. */
export function keyOfAddress(address: string): string {
  return `a${address}`;
}

/** Whether a key is that of an address. */
export function isAddress(key: string): boolean {
  return key.startsWith('a');
}

/** Whether the client of a connection has closed it; it can say nothing more on it. */
export function hasLeft(socket: Socket): boolean {
  return socket.destroyed || socket.readableEnded;
}

/** Which connections of CPEs are open at each address. An entry ends with its last connection. */
export class LoneAddresses {
  readonly #open = new Map<string, Set<Socket>>();

  opened(socket: Socket, address: string): void {
    const sockets = this.#open.get(address);
    if (sockets === undefined) this.#open.set(address, new Set([socket]));
    else sockets.add(socket);
    socket.once('close', () => this.#closed(socket, address));
  }

  /** Whether no other connection of its address is open: two at once are those of two CPEs. */
  isAlone(socket: Socket, address: string): boolean {
    for (const other of this.#open.get(address) ?? []) {
      if (other !== socket && !hasLeft(other)) return false;
    }
    return true;
  }

  #closed(socket: Socket, address: string): void {
    const sockets = this.#open.get(address);
    sockets?.delete(socket);
    if (sockets?.size === 0) this.#open.delete(address);
  }
}
