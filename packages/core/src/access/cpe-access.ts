import type { IncomingMessage, ServerResponse } from 'node:http';
import { basicAuthorization } from '../digest/authorization.js';
import { CpeAuthenticator } from './cpe-authenticator.js';
import { EdgeHeaders, type EdgeSettings } from '../forward/edge-headers.js';
import type { Client } from '../http/client-address.js';
import { reply } from '../http/response.js';
import type { ResolvedCpeAuth } from '../options/cpe-auth.js';

/** CPEs show who they are before their messages reach a backend, and the backend is told. */
export class CpeGate {
  readonly #authenticator: CpeAuthenticator;
  readonly #identities = new WeakMap<IncomingMessage, string>();

  /** @param onOtherUri Called with the address of a CPE that answers rightly, but for another uri. */
  constructor(
    { users, schemes, algorithms, realm, compareUri }: ResolvedCpeAuth,
    onOtherUri: (address: string) => void,
  ) {
    this.#authenticator = new CpeAuthenticator({ users, schemes, algorithms, realm, compareUri, onOtherUri });
  }

  /**
   * Whether a request may go on; one that may not is answered here. The connection stays open: a CPE answers a challenge on
   * the same one (TR-069 A6 §3.4.5). Rejects with {@link CwmpProxyError} where nobody can tell who it is, the CPE has left, or the
   * response cannot be written.
   */
  async admit(request: IncomingMessage, response: ServerResponse, target: string): Promise<boolean> {
    const decision = await this.#authenticator.authenticate(request, response, target);
    if (decision.pass) {
      this.#identities.set(request, decision.username);
      return true;
    }
    const headers: Record<string, string | string[]> = { 'Content-Length': '0' };
    if (decision.challenges.length > 0) headers['WWW-Authenticate'] = [...decision.challenges];
    if (decision.retryAfter !== undefined) headers['Retry-After'] = String(decision.retryAfter);
    await reply(response, decision.statusCode, headers);
    return false;
  }

  /** Says that one request is another one anew, whose body a parser has kept. */
  isSame(copy: IncomingMessage, request: IncomingMessage): void {
    const identity = this.#identities.get(request);
    if (identity !== undefined) this.#identities.set(copy, identity);
  }

  /** The user whose request it is, once it was admitted. */
  identityOf(request: IncomingMessage): string | undefined {
    return this.#identities.get(request);
  }
}

/** The fields a proxy adds when it has asked the CPE who it is; the CPE's own copies of them, and its answer, are dropped. */
export class IdentityHeaders extends EdgeHeaders {
  readonly #gate: CpeGate;
  readonly #header: string | undefined;
  readonly #authorization: string | undefined;

  constructor(settings: EdgeSettings, gate: CpeGate, { identityHeader, backendCredentials }: ResolvedCpeAuth) {
    super(settings, identityHeader === undefined ? ['authorization'] : ['authorization', identityHeader.toLowerCase()]);
    this.#gate = gate;
    this.#header = identityHeader;
    if (backendCredentials !== undefined) {
      this.#authorization = basicAuthorization(backendCredentials.username, backendCredentials.password);
    }
  }

  override addTo(headers: string[], request: IncomingMessage, client: Client, session: string): void {
    super.addTo(headers, request, client, session);
    const identity = this.#gate.identityOf(request);
    if (this.#authorization !== undefined) headers.push('Authorization', this.#authorization);
    // A name that is no plain text is told in the form TR-069 gives user names.
    if (this.#header !== undefined && identity !== undefined) {
      headers.push(this.#header, /^[!-~]+$/.test(identity) ? identity : encodeURIComponent(identity));
    }
  }
}
