import type { ServerResponse } from 'node:http';
import { AcsDouble, type AcsAnswer, type AcsRequest, type AcsSession } from './acs-double.js';

/**
 * A session of a cookie in one process's memory: perl-cwmp and its kin. It sends the cookie with each answer, head
 * and body in two segments; `endsWith` is how it ends a session: old ACSs do it by an empty 200.
 */
export class CookieAcs extends AcsDouble {
  readonly #sessions = new Map<string, AcsSession>();
  readonly #endsWith: 200 | 204;

  constructor(endsWith: 200 | 204 = 204) {
    super();
    this.#endsWith = endsWith;
  }

  protected override answer(acs: AcsRequest): AcsAnswer {
    const session = acs.isInform ? this.newSession(acs.body) : this.#sessions.get(acs.cookie('ID') ?? '');
    if (session === undefined) return this.refuse('Invalid session');
    this.#sessions.set(session.id, session);
    const { headers = [], ...answer } = this.step(session, acs);
    return { ...answer, headers: [...headers, 'Set-Cookie', `ID=${session.id}; path=/`] };
  }

  protected override end(session: AcsSession): AcsAnswer {
    this.#sessions.delete(session.id);
    return this.#endsWith === 200 ? { status: 200 } : { status: 204, reason: 'OK' };
  }

  protected override write(
    response: ServerResponse,
    { status, reason = 'OK', headers = [], body = '' }: AcsAnswer,
  ): void {
    response.writeHead(status, reason, [...headers, 'Content-Length', String(Buffer.byteLength(body))]);
    response.flushHeaders();
    setImmediate(() => response.end(body));
  }
}
