import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { BackendControl } from './backend-control.js';
import { BackendPool } from './backends/backend-pool.js';
import { ConnectionRequestGate } from './connection-request/connection-requests.js';
import type { WakeOptions } from './connection-request/wake/wake-options.js';
import type { WakeResult } from './connection-request/result.js';
import { CpeGate } from './access/cpe-access.js';
import { CwmpProxyError } from './errors.js';
import { CwmpProxyEmitter, shownUrl } from './events/events.js';
import { EdgeHeaders, type IdentitySettings } from './forward/edge-headers.js';
import { Forwarder } from './forward/forwarder.js';
import { type OnAnswered, Passage } from './forward/passage.js';
import { AddressConnections } from './http/address-limit.js';
import { answerFailure, cutWithoutRest } from './http/answer-error.js';
import { Clients } from './http/client-address.js';
import { onClosed } from './http/client-left.js';
import { HoldBudget } from './http/hold-budget.js';
import { localShortage, shortageOfCode } from './http/local-shortage.js';
import { RequestLine } from './http/request-line.js';
import { cut, responseFault } from './http/response.js';
import { readRest } from './http/rest-of-request.js';
import { whileUnread } from './http/unread-request.js';
import { informEvents, Informs, isOtherDevice } from './events/informs.js';
import { OwnAddresses } from './policy/own-addresses.js';
import { Names } from './names/names.js';
import { readableRequest } from './mount/kept-body.js';
import { isBelow, type MountOptions } from './mount/proxy-first.js';
import { rewriteRequest, type RewriteRequestSettings } from './mount/rewrite-request.js';
import { refuseOption } from './option-checks.js';
import type { CwmpProxyOptions } from './options/options.js';
import { EventHub } from './events/event-hub.js';
import { Warnings } from './events/warnings.js';
import type { ResolvedCpeAuth } from './options/cpe-auth.js';
import { basicAuthorization } from './digest/authorization.js';
import { resolveBackend, resolveOptions } from './options/resolve-options.js';
import type { Session } from './sessions/session.js';
import { AffinityCookie } from './sessions/affinity-cookie.js';
import { SessionTable } from './sessions/session-table.js';
import type { ProxyStats } from './events/stats.js';
import type { CwmpMessage } from './soap/message.js';
import { isCpeOrigin } from './url/cpe-origin.js';
import { createProxiedUrls, maxConnectionRequestUrlLength, type ProxiedUrls } from './url/proxied-url.js';
import { readTarget } from './http/request-target.js';

/** How a framework hands a request on. */
export interface HandleOptions {
  /**
   * The request target as the peer sent it, for frameworks that shorten `request.url` when mounted at a path. Default
   * `request.url`.
   */
  target?: string | undefined;
  /**
   * The body as a parser in front has kept it, a Buffer or a string; looked at only when the request was read already.
   * Default `request.rawBody`, else `request.body`.
   */
  keptBody?: unknown;
  /**
   * Called in place of the proxy's own answer when an exchange fails before anything was sent, for hosts that answer errors
   * themselves. Of a body that is still coming the rest is read before, for at most 2 s; if it does not end then, the connection is
   * cut after another 2 s, answered or not. What it throws, or its promise rejects with, goes to the process, and the proxy answers
   * where nothing was sent. Default: the proxy answers with the error's status and code.
   */
  onError?: ((error: CwmpProxyError) => void | Promise<void>) | undefined;
}

/** How {@link CwmpProxy.serves} decides. */
export interface ServesOptions extends MountOptions {
  /** As in {@link HandleOptions.target}. */
  target?: string | undefined;
}

/** Shortest `keepAliveTimeout` of a host's server that does not cut a CPE's session, in milliseconds. */
const minKeepAliveMs = 30_000;

/**
 * A TR-069 proxy inside a Node process: it hands CPEs' messages to the backend ACSs with their ConnectionRequestURL
 * rewritten, and ACSs' connection requests to the CPEs. Made by {@link createCwmpProxy}.
 */
export class CwmpProxy extends CwmpProxyEmitter {
  /** The backends: what they do, and which there are. */
  readonly backends: BackendControl;
  readonly #urls: ProxiedUrls;
  readonly #pool: BackendPool;
  readonly #sessions: SessionTable;
  readonly #forwarder: Forwarder;
  readonly #rewriting: RewriteRequestSettings;
  readonly #budget: HoldBudget;
  readonly #hub = new EventHub(this);
  readonly #warnings = new Warnings(this.#hub);
  readonly #affinity: AffinityCookie | undefined;
  readonly #gate: ConnectionRequestGate;
  readonly #cpeGate: CpeGate | undefined;
  readonly #informs: Informs;
  readonly #checkedServers = new WeakSet<object>();
  readonly #checkedSockets = new WeakSet<Socket>();
  readonly #clients: Clients;
  /** The names of backends and of the proxy itself. */
  readonly #names: Names;
  readonly #ownAddresses: OwnAddresses;
  /** Responses whose fault was told; what their exchanges fail with comes of it. */
  readonly #faulty = new WeakSet<ServerResponse>();
  /** Hears what responses emit as `error`, whenever it comes; one function for all. */
  readonly #onResponseError: (this: ServerResponse, cause: Error) => void;
  readonly #connections: AddressConnections;
  #closed = false;

  /** @internal */
  constructor(options: CwmpProxyOptions) {
    super();
    const onFault = (response: ServerResponse, cause: Error): void => this.#onFault(response, cause);
    this.#onResponseError = function (cause) {
      onFault(this, cause);
    };
    const hub = this.#hub;
    const resolved = resolveOptions(options);
    const { publicUrl, backends, connectionRequests, cpeAuth, sessions, forwarding, timeouts, limits } = resolved;
    this.#urls = createProxiedUrls({ publicUrl, ...connectionRequests.urls });
    const budget = new HoldBudget(limits.maxHeldTotalBytes, timeouts.requestMs);
    this.#budget = budget;
    this.#rewriting = {
      rewriteUrl: (url) => this.#rewriteUrl(url),
      maxBodyBytes: Math.min(limits.maxBodyBytes, limits.maxDecodedBytes),
      timeoutMs: timeouts.requestMs,
      budget,
    };
    this.#clients = new Clients({
      trusted: resolved.trustedProxies,
      lookup: resolved.clientAddress,
      onIgnored: (field, address) => this.#warnings.forwardedIgnored(field, address),
      onLookupFault: (fault) => this.#warnings.clientAddress(fault),
    });
    this.#informs = new Informs({
      isHeard: () => informEvents.some((name) => hub.isHeard(name)),
      tell: (name, ...event) => hub.tell(name, ...event),
      onMismatch: (identity) => this.#warnings.deviceMismatch(identity),
    });
    const onLookupFault = (cause: unknown): void => this.#warnings.lookup(cause);
    this.#names = new Names({ lookup: resolved.lookup, onFault: onLookupFault });
    this.#connections = new AddressConnections(limits.maxConnectionsPerAddress);
    const pool = new BackendPool(
      {
        onState: (figures) => hub.tell('backend', figures),
        onShortage: (shortage) => this.#warnings.shortage(shortage),
      },
      limits.maxSessions,
      this.#names.lookup,
    );
    this.#pool = pool;
    this.#sessions = new SessionTable(pool, {
      idleTimeoutMs: sessions.idleTimeoutMs,
      graceMs: sessions.graceMs,
      maxSessions: limits.maxSessions,
      maxSessionsPerAddress: limits.maxSessionsPerAddress,
      byAddress: sessions.recogniseBy.includes('address'),
      onStart: ({ id, backend }) => hub.tell('sessionStart', { session: id, backend: backend.url }),
      onEnd: ({ id, backend }, why) => hub.tell('sessionEnd', { session: id, backend: backend.url, why }),
    });
    this.backends = new BackendControl(pool, this.#sessions, (one) => resolveBackend('backend', one, resolved));
    for (const settings of backends) pool.add(settings);
    this.#cpeGate = cpeAuth && new CpeGate(cpeAuth, (address) => this.#warnings.otherUri(address, 'cpeAuth'));
    this.#affinity = sessions.affinityKey === undefined ? undefined : new AffinityCookie(sessions.affinityKey, pool);
    this.#forwarder = new Forwarder({
      sessions: this.#sessions,
      backends: pool,
      connectMs: timeouts.connectMs,
      edgeHeaders: new EdgeHeaders(forwarding, cpeAuth && identityOf(cpeAuth)),
      affinity: this.#affinity,
      rewriteUrl: this.#rewriting.rewriteUrl,
      mountPath: forwarding.mountPath,
      maxHeldBytes: limits.maxHeldBytes,
      budget,
      maxBodyBytes: limits.maxBodyBytes,
      maxDecodedBytes: limits.maxDecodedBytes,
      unknownCoding: forwarding.unknownCoding,
      quietMs: timeouts.requestMs,
      failOverMs: timeouts.headersMs / 2,
      checkMessage:
        cpeAuth?.onMismatch === 'refuse' ? (message, { identity }) => this.#checkDevice(message, identity) : undefined,
      onMessage: (message, { session, identity }) => this.#announce(message, session, identity),
      onExchange: (exchange, { id, backend }) =>
        hub.tell('exchange', { session: id, backend: backend.url, ...exchange }),
    });
    const { hostBase } = connectionRequests.urls;
    const { protocol } = new URL(publicUrl);
    const own = [publicUrl, ...(hostBase === undefined ? [] : [`${protocol}//cwmp-proxy.${hostBase}`])];
    const ownAddresses = new OwnAddresses(pool, own, this.#names);
    this.#ownAddresses = ownAddresses;
    // Their names are looked up now, so that the first wake knows where not to go.
    ownAddresses.list();
    this.#gate = new ConnectionRequestGate({
      options: connectionRequests,
      limits,
      urls: this.#urls,
      ownAddresses: () => ownAddresses.list(),
      onInform: (listener) => this.#informs.subscribe(listener),
      onWake: (event) => {
        const { origin, inform } = event;
        const shown = inform && { inform: { ...inform, url: shownUrl(inform.url) } };
        hub.tell('wake', { ...event, origin: shownUrl(origin), ...shown });
        if (event.outcome === 'overloaded') this.#warnings.shortage(shortageOfCode(event.legs.at(-1)?.error));
      },
      onFailure: (error) => this.#fail(error, 'GET', 'cpe', undefined),
      publicUrl,
      onRefused: (address, why) => {
        if (why === 'other-uri') this.#warnings.otherUri(address, 'connectionRequests.access');
        else this.#warnings.accessRefused(address);
      },
      onCollision: (origin) => this.#warnings.collision(origin),
      lookup: resolved.lookup,
      onLookupFault,
      onCredentialsFault: (cause) => this.#warnings.credentials(cause),
      onStoreFault: (cause) => this.#warnings.store(cause),
    });
  }

  /**
   * Serves one request: a connection request of an ACS when it is for `<publicUrl>/client`, else a message of a CPE.
   * Resolves when the exchange is over, however it went; never rejects. The requests of one connection are served in order, one
   * at a time.
   */
  async handle(request: IncomingMessage, response: ServerResponse, options: HandleOptions = {}): Promise<void> {
    let passage: Passage | undefined;
    let isForCpe = false;
    let line: RequestLine | undefined;
    try {
      response.on('error', this.#onResponseError);
      this.#clients.identify(request);
      const target = options.target ?? request.url ?? '/';
      isForCpe = this.#urls.isEndpoint(target, request.headers.host);
      const own = RequestLine.of(request.socket);
      if (!own.enter(response)) await whileUnread(request, own.turn(request, response));
      line = own;
      if (this.#closed) throw new CwmpProxyError('ERR_CWMP_CLOSED', 'the proxy was closed');
      this.#checkSocket(request.socket);
      this.#connections.enter(request);
      if (isForCpe) await whileUnread(request, this.#gate.endpoint(request, response, target));
      else {
        const gate = this.#cpeGate;
        const identity = gate && (await whileUnread(request, gate.admit(request, response, target)));
        if (gate === undefined || identity !== undefined) {
          const readable = readableRequest(request, options.keptBody);
          passage = new Passage(readable, response, target, identity, this.#affinity);
          await this.#forwarder.forward(passage);
        }
      }
      // A body that nobody wants, which Node throws away only where nobody has read of it.
      if (passage === undefined) request.resume();
    } catch (cause) {
      const error =
        cause instanceof CwmpProxyError ? cause : new CwmpProxyError('ERR_CWMP_INTERNAL', 'unforeseen', { cause });
      this.#warnings.limit(error);
      const fail = (fault: CwmpProxyError): void =>
        this.#fail(fault, request.method ?? '', isForCpe ? 'cpe' : 'acs', passage?.session);
      if (!this.#faulty.has(response)) fail(error);
      await answerFailure(request, response, error, { onError: options.onError, onFault: fail });
    } finally {
      line?.leave();
    }
  }

  /**
   * Whether a request is one for this proxy: a connection request to its endpoint, or one that {@link MountOptions.paths}
   * names, or without them any POST. Adapters and `proxyFirst` ask before they hand a request on; `handle` does not.
   */
  serves(request: IncomingMessage, { target = request.url ?? '/', paths }: ServesOptions = {}): boolean {
    if (this.#urls.isEndpoint(target, request.headers.host)) return true;
    return paths === undefined ? request.method === 'POST' : isBelow(readTarget(target).path, paths);
  }

  /**
   * For an ACS in whose own process the proxy is: rewrites the body of a CPE's request where it stands, so that whatever
   * reads it next reads the rewritten bytes, and announces the message. `rewriteInform` of the adapters is this as a
   * middleware.
   *
   * @param response Tells by its status whether the ACS has accepted the message. Without it no Inform is believed: there is
   *   no `inform` event, and nothing is learnt of CPEs. To leave it out is deprecated.
   * @returns What the message was; `undefined` for what is no POST or has no body.
   *
   * Rejects with {@link CwmpProxyError}: `ERR_CWMP_BODY_CONSUMED` when something has read of the body before,
   * `ERR_CWMP_BODY_TOO_LARGE`, `ERR_CWMP_REQUEST_TIMEOUT`, `ERR_CWMP_CPE_GONE`; and `ERR_CWMP_OPTION` with `cpeAuth`. The
   * application answers. The rest of the body is read before, for at most 2 s; if it does not end then, the connection is cut after
   * another 2 s.
   */
  async rewriteRequest(request: IncomingMessage, response?: ServerResponse): Promise<CwmpMessage | undefined> {
    if (this.#cpeGate !== undefined) {
      refuseOption('cpeAuth', 'guards what goes to backends only; with rewriteInform the ACS asks its CPEs itself');
    }
    this.#clients.identify(request);
    const message = await rewriteRequest(request, this.#rewriting, response).catch(async (error: unknown) => {
      if (error instanceof CwmpProxyError) {
        this.#warnings.limit(error);
        this.#fail(error, request.method ?? '', 'acs', undefined);
      }
      // Whoever answers may close the connection, or wait for the end of a body that does not come.
      await readRest(request);
      if (response !== undefined) void cutWithoutRest(request, response);
      throw error;
    });
    const onAnswered = message && this.#announce(message, undefined, undefined);
    if (response === undefined) this.#warnings.missingResponse();
    else if (onAnswered !== undefined) {
      onClosed(response, () => onAnswered(response.writableFinished ? response.statusCode : undefined));
    }
    return message;
  }

  /** What the proxy is doing and has done since it was made: one plain object of this moment. */
  stats(): ProxyStats {
    return this.#hub.tally.stats(this.#sessions.size, this.#budget.bytes, this.backends.list());
  }

  /**
   * Makes a CPE call in: sends a connection request to its own URL and answers its challenge (TR-069 A6 §3.2.2). Resolves
   * with the outcome and every leg, whatever the CPE did; rejects for wrong options only (`ERR_CWMP_OPTION`).
   *
   * @param origin The CPE's own ConnectionRequestURL.
   */
  wakeCpe(origin: string, options?: WakeOptions): Promise<WakeResult> {
    return this.#gate.wakes.wake(origin, options);
  }

  /** Ends every session and every wake; resolves when nothing is open any more. The proxy takes no new work. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#budget.close();
    this.#pool.close();
    this.#names.close();
    await Promise.all([this.#gate.close(), this.#sessions.close()]);
  }

  #fail(error: CwmpProxyError, method: string, target: 'acs' | 'cpe', session: Session | undefined): void {
    this.#hub.fail(error, method, target, session);
    if (error.code === 'ERR_CWMP_LOCAL_RESOURCES') this.#warnings.shortage(localShortage(error.cause));
  }

  /** A response has emitted `error`. Its connection is cut, unless that serves the next one already. */
  #onFault(response: ServerResponse, cause: Error): void {
    if (this.#faulty.has(response)) return;
    this.#faulty.add(response);
    if (!response.writableFinished) cut(response);
    const { method = '', url = '/', headers } = response.req;
    const target = this.#urls.isEndpoint(url, headers.host) ? 'cpe' : 'acs';
    this.#fail(responseFault(cause), method, target, undefined);
  }

  #rewriteUrl(url: string): string | undefined | false {
    if (!isCpeOrigin(url)) return false;
    const proxied = this.#urls.build(url);
    if (proxied !== undefined && proxied.length > maxConnectionRequestUrlLength) {
      this.#warnings.urlTooLong(proxied.length, maxConnectionRequestUrlLength);
    }
    return proxied;
  }

  #announce(message: CwmpMessage, session: Session | undefined, identity: string | undefined): OnAnswered | undefined {
    const event = { session: session?.id, backend: session?.backend.url, message };
    this.#hub.tell('message', event);
    return this.#informs.sent(event, identity);
  }

  #checkDevice(message: CwmpMessage, identity: string | undefined): void {
    if (identity === undefined || !message.isInform || !isOtherDevice(identity, message.device)) return;
    this.#warnings.deviceMismatch(identity);
    throw new CwmpProxyError('ERR_CWMP_DEVICE_MISMATCH', 'the DeviceId of the Inform is not that of the CPE');
  }

  /** @throws {@link CwmpProxyError} `ERR_CWMP_LOOP` for a connection that is the other end of one of the proxy's own. */
  #checkSocket(socket: Socket): void {
    if (this.#checkedSockets.has(socket)) return;
    this.#ownAddresses.cameIn(socket.localAddress, socket.localPort);
    if (this.#gate.isOwnEnd(socket)) {
      throw new CwmpProxyError('ERR_CWMP_LOOP', 'a wake of this proxy has come back to it');
    }
    this.#checkedSockets.add(socket);
    this.#checkServer(socket);
  }

  #checkServer(socket: Socket): void {
    const server = 'server' in socket ? socket.server : undefined;
    if (typeof server !== 'object' || server === null || this.#checkedServers.has(server)) return;
    this.#checkedServers.add(server);
    const timeoutMs = 'keepAliveTimeout' in server ? server.keepAliveTimeout : undefined;
    if (typeof timeoutMs !== 'number' || timeoutMs === 0 || timeoutMs >= minKeepAliveMs) return;
    this.#warnings.keepAlive(timeoutMs);
  }
}

/** What backends are told of CPEs that are authenticated. */
function identityOf({ identityHeader, backendCredentials }: ResolvedCpeAuth): IdentitySettings {
  const { username, password } = backendCredentials ?? {};
  const authorization =
    username === undefined || password === undefined ? undefined : basicAuthorization(username, password);
  return { header: identityHeader, authorization };
}

/**
 * Makes a proxy. It opens no socket of its own: hand it requests with {@link CwmpProxy.handle} or an adapter.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` naming the option that is wrong.
 */
export function createCwmpProxy(options: CwmpProxyOptions): CwmpProxy {
  return new CwmpProxy(options);
}
