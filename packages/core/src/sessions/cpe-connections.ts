import type { Socket } from 'node:net';
import type { Session } from './session.js';

/**
 * The sessions on the connections of CPEs: one on each, or one for each client address where a proxy in front puts several CPEs on
 * one connection. Entries end with their session or their connection.
 */
export class CpeConnections {
  readonly #sessions = new WeakMap<Socket, Map<string, Session>>();
  readonly #shared = new WeakSet<Socket>();

  /** The session of the client of this address on a connection. */
  get(socket: Socket, address: string): Session | undefined {
    const sessions = this.#sessions.get(socket);
    const session = sessions?.get(address);
    if (session === undefined && sessions !== undefined && sessions.size > 0) this.#shared.add(socket);
    return session;
  }

  /** Whether several clients were seen on a connection: none of them is bound to it. */
  isShared(socket: Socket): boolean {
    return this.#shared.has(socket);
  }

  set(socket: Socket, session: Session): void {
    const sessions = this.#sessions.get(socket);
    if (sessions === undefined) this.#sessions.set(socket, new Map([[session.address, session]]));
    else sessions.set(session.address, session);
  }

  delete(socket: Socket, { address }: Session): void {
    this.#sessions.get(socket)?.delete(address);
  }

  /** Takes out all of a connection that has closed. */
  takeAll(socket: Socket): Iterable<Session> {
    const sessions = this.#sessions.get(socket);
    this.#sessions.delete(socket);
    return sessions?.values() ?? [];
  }
}
