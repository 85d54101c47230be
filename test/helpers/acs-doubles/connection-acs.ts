import type { Socket } from 'node:net';
import { AcsDouble, type AcsAnswer, type AcsRequest, type AcsSession } from './acs-double.js';

/** abxuz/cwmp: a session is a TCP connection; no cookie, no other way back. */
export class ConnectionAcs extends AcsDouble {
  readonly #bySocket = new WeakMap<Socket, AcsSession>();

  protected override answer(acs: AcsRequest): AcsAnswer {
    const own = this.#bySocket.get(acs.socket);
    if (acs.isInform) {
      if (own !== undefined) return this.refuse('Inform inside a session');
      const session = this.newSession(acs.body);
      this.#bySocket.set(acs.socket, session);
      return this.step(session, acs);
    }
    if (own === undefined) return this.refuse('Invalid session');
    const answer = this.step(own, acs);
    if (answer.status === 204) this.#bySocket.delete(acs.socket);
    return answer;
  }

  protected override end(): AcsAnswer {
    return { status: 204 };
  }
}
