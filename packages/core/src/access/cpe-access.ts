import type { IncomingMessage, ServerResponse } from 'node:http';
import { CpeAuthenticator } from './cpe-authenticator.js';
import { reply } from '../http/response.js';
import type { ResolvedCpeAuth } from '../options/cpe-auth.js';

/** CPEs show who they are before their messages reach a backend, and the backend is told. */
export class CpeGate {
  readonly #authenticator: CpeAuthenticator;

  /** @param onOtherUri Called with the address of a CPE that answers rightly, but for another uri. */
  constructor(
    { users, schemes, algorithms, realm, compareUri }: ResolvedCpeAuth,
    onOtherUri: (address: string) => void,
  ) {
    this.#authenticator = new CpeAuthenticator({ users, schemes, algorithms, realm, compareUri, onOtherUri });
  }

  /**
   * Resolves with the user name that a CPE has proven; with `undefined` where its request may not go on, and was answered here. The connection stays open: a CPE answers a challenge on
   * the same one (TR-069 A6 §3.4.5). Rejects with {@link CwmpProxyError} where nobody can tell who it is, the CPE has left, or the
   * response cannot be written.
   */
  async admit(request: IncomingMessage, response: ServerResponse, target: string): Promise<string | undefined> {
    const decision = await this.#authenticator.authenticate(request, response, target);
    if (decision.pass) return decision.username;
    const headers: Record<string, string | string[]> = { 'Content-Length': '0' };
    if (decision.challenges.length > 0) headers['WWW-Authenticate'] = [...decision.challenges];
    if (decision.retryAfter !== undefined) headers['Retry-After'] = String(decision.retryAfter);
    await reply(response, decision.statusCode, headers);
    return undefined;
  }
}
