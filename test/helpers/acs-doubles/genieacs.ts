import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { digestResponse, parameter } from '../cpe-clients/digest-answer.js';
import { AcsDouble, type AcsAnswer, type AcsRequest, type AcsSession } from './acs-double.js';

interface GenieSession extends AcsSession {
  socket: Socket;
}

/**
 * GenieACS 1.2: session and Digest nonce live in maps keyed by the TCP connection, and a cookie must agree with it.
 * `database` is what several of its processes share.
 */
export class GenieAcs extends AcsDouble {
  readonly #bySocket = new WeakMap<Socket, GenieSession>();
  readonly #nonces = new WeakMap<Socket, string>();
  readonly #database: Map<string, GenieSession>;

  constructor(database: Map<string, GenieSession> = new Map()) {
    super();
    this.#database = database;
  }

  protected override answer(acs: AcsRequest): AcsAnswer {
    const { request, socket, isInform, cookie } = acs;
    if (request.method !== 'POST') return this.refuse('Method not allowed', 405);
    const own = this.#bySocket.get(socket);
    const id = cookie('session');
    if (own !== undefined) {
      if (isInform) return this.refuse('Session in progress on this connection');
      return id === own.id ? this.step(own, acs) : this.refuse('Invalid session');
    }
    if (!isInform) {
      const other = id === undefined ? undefined : this.#database.get(id);
      if (other === undefined || !other.socket.destroyed) return this.refuse('Invalid session');
      other.socket = socket;
      this.#bySocket.set(socket, other);
      return this.step(other, acs);
    }
    if (!this.#authorized(acs)) return this.#challenge(socket);
    const session: GenieSession = { ...this.newSession(acs.body), socket };
    for (const { serial } of this.#database.values()) {
      if (serial === session.serial) return this.refuse('CPE already in session');
    }
    this.#database.set(session.id, session);
    this.#bySocket.set(socket, session);
    const { headers = [], ...answer } = this.step(session, acs);
    return { ...answer, headers: [...headers, 'Set-Cookie', `session=${session.id}`] };
  }

  protected override end(session: AcsSession): AcsAnswer {
    const known = this.#database.get(session.id);
    if (known !== undefined) this.#bySocket.delete(known.socket);
    this.#database.delete(session.id);
    return { status: 204, headers: ['Connection', 'close'] };
  }

  #challenge(socket: Socket): AcsAnswer {
    const nonce = randomBytes(16).toString('hex');
    this.#nonces.set(socket, nonce);
    return {
      status: 401,
      headers: ['WWW-Authenticate', `Digest realm="GenieACS",qop="auth,auth-int",nonce="${nonce}"`],
    };
  }

  #authorized({ request, socket }: AcsRequest): boolean {
    const { authorization = '' } = request.headers;
    const nonce = this.#nonces.get(socket);
    const of = (name: string): string => parameter(authorization, name) ?? '';
    if (nonce === undefined || of('nonce') !== nonce || of('qop') !== 'auth' || of('uri') !== request.url) return false;
    const [username, nc, cnonce] = [of('username'), of('nc'), of('cnonce')];
    const input = {
      username,
      password: 'secret',
      realm: 'GenieACS',
      nonce,
      method: 'POST',
      uri: of('uri'),
      nc,
      cnonce,
    };
    return digestResponse(input) === of('response');
  }
}
