import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { AcsHabits } from './acs-habits.js';

/** What an ACS remembers of a CPE from its Inform on. */
export interface AcsSession {
  readonly id: string;
  readonly serialNumber: string;
  /** `Device` or `InternetGatewayDevice`. */
  readonly root: string;
  /** The CWMP version that the CPE speaks. */
  readonly namespace: string;
  /** The connection that the session runs on. */
  socket: Socket;
  /** Whether the ACS has sent its GetParameterValues. */
  hasAsked: boolean;
}

/** The sessions of one ACS, in its own memory: no other ACS knows them. */
export class AcsSessions {
  readonly #knowsBy: AcsHabits['knowsBy'];
  readonly #byId = new Map<string, AcsSession>();
  readonly #limit = 100;

  constructor(knowsBy: AcsHabits['knowsBy']) {
    this.#knowsBy = knowsBy;
  }

  /** Opens a session; refuses where the connection or the CPE is in one already. */
  begin(socket: Socket, cpe: Pick<AcsSession, 'serialNumber' | 'root' | 'namespace'>): AcsSession | undefined {
    for (const open of this.#byId.values()) {
      if (open.socket.destroyed && open.serialNumber === cpe.serialNumber) this.end(open);
      else if (open.socket === socket || open.serialNumber === cpe.serialNumber) return undefined;
    }
    const session: AcsSession = { ...cpe, id: randomBytes(8).toString('hex'), socket, hasAsked: false };
    this.#byId.set(session.id, session);
    const [eldest] = this.#byId.keys();
    if (this.#byId.size > this.#limit && eldest !== undefined) this.#byId.delete(eldest);
    return session;
  }

  /** The session that a POST belongs to, by its connection, its cookie, or both. */
  find(socket: Socket, cookie: string | undefined): AcsSession | undefined {
    const sessions = [...this.#byId.values()];
    if (this.#knowsBy === 'connection') return sessions.find((session) => session.socket === socket);
    const session = sessions.find(({ id }) => cookie?.includes(`=${id}`));
    if (session === undefined || session.socket === socket || this.#knowsBy === 'cookie') return session;
    // The session may move to another connection, but only once its own has closed.
    if (!session.socket.destroyed) return undefined;
    session.socket = socket;
    return session;
  }

  end(session: AcsSession): void {
    this.#byId.delete(session.id);
  }
}
