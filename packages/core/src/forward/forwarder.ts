import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BackendPool } from '../backends/backend-pool.js';
import { CwmpProxyError } from '../errors.js';
import { clientOf } from '../http/client-address.js';
import { whileThere } from '../http/client-left.js';
import type { Hold } from '../http/held-room.js';
import { checkAnswerable } from '../http/response.js';
import type { AffinityCookie } from '../sessions/affinity-cookie.js';
import { keysOfAnswer } from '../sessions/session-keys.js';
import type { Session } from '../sessions/session.js';
import type { SessionTable } from '../sessions/session-table.js';
import type { CwmpMessage } from '../soap/message.js';
import { BackendFault } from './backend-error.js';
import { CpeRequest } from './cpe-request.js';
import type { EdgeHeaders } from './edge-headers.js';
import { type ExchangeOutcome, exchange } from './exchange.js';
import { droppedFields, requestHeaders } from './headers.js';
import { type PathMap, mapBack, toBackend } from './path-map.js';
import type { BodyLimits } from './request-body.js';
import { checkInside, checkRequest, originForm } from './request-checks.js';
import { type Prepared, prepareBody } from './prepare-body.js';

/** Some CPEs write the largest number there is for "never". */
const longestQuietSeconds = 3_600;

/** What a {@link Forwarder} works with. */
export interface ForwarderSettings extends BodyLimits {
  sessions: SessionTable;
  backends: Pick<BackendPool, 'whenFree' | 'passOn' | 'isUp'>;
  /** How long a session that begins may wait for a backend while none is up, in milliseconds. */
  connectMs: number;
  edgeHeaders: EdgeHeaders;
  /** The proxy's own cookie; `undefined` when there is none. */
  affinity: AffinityCookie | undefined;
  /** The proxied form of a CPE's URL, or `undefined` to leave it. */
  rewriteUrl: (url: string) => string | undefined | false;
  /** Path in front of every target that the backends do not know; empty when there is none. */
  mountPath: string;
  /** Most bytes that a compressed body may expand to. */
  maxDecodedBytes: number;
  /** Whether a body in a content coding that is not known leaves as it came or is refused. */
  unknownCoding: 'pass' | 'reject';
  /**
   * How long after a message was there another backend is tried with it, in milliseconds: several that are silent would else
   * take longer, one after the other, than its CPE waits for all (TR-069 A6 §3.7.1.4).
   */
  failOverMs: number;
  /** Refuses a message before it has a session, by throwing a {@link CwmpProxyError}; `undefined` where nothing is checked. */
  checkMessage: ((message: CwmpMessage, request: IncomingMessage) => void) | undefined;
  /**
   * Called with every CWMP message of a CPE, as soon as its session is known. What it returns is called when the message's
   * exchange is over.
   */
  onMessage: (message: CwmpMessage, session: Session, request: IncomingMessage) => OnAnswered | undefined;
  /** Told of every exchange that a backend has answered whole. */
  onExchange: (exchange: { method: string; status: number; ms: number }, session: Session) => void;
}

/** Called with the status by which a backend answered a message; `undefined` where it gave no whole answer. */
export type OnAnswered = (status: number | undefined) => void;

/** One request of a CPE on its way. */
interface Passage {
  request: IncomingMessage;
  response: ServerResponse;
  /** Its target in origin form. */
  target: string;
  prepared: Prepared;
  /** The request as its session was found by it. */
  asked: CpeRequest;
  session: Session;
  /** When the whole request was there. */
  since: number;
  /** Who waits for the answer to this very message. */
  onAnswered: OnAnswered | undefined;
  /** Whether its exchange is over. */
  isOver: boolean;
}

/** CPE → ACS: one exchange after the other. */
export class Forwarder {
  readonly #settings: ForwarderSettings;
  readonly #dropped: ReadonlySet<string>;

  constructor(settings: ForwarderSettings) {
    this.#settings = settings;
    this.#dropped = droppedFields(settings.edgeHeaders.replaced);
  }

  /**
   * Hands a CPE's request, whose turn on its connection has come, to the backend of its session and the answer back.
   *
   * @param asked The request target as it came.
   * @param onSession Told which session the request belongs to.
   *
   * Rejects with a {@link CwmpProxyError}; the response is untouched then, or its connection was cut.
   */
  async forward(
    request: IncomingMessage,
    response: ServerResponse,
    asked: string,
    onSession: (session: Session) => void,
  ): Promise<void> {
    checkRequest(request);
    const target = originForm(asked);
    const { checkMessage, affinity, sessions } = this.#settings;
    const running = sessions.runningOn(request.socket, clientOf(request).address);
    if (running !== undefined) onSession(running);
    const holds: Hold[] = [];
    let prepared: Prepared | undefined;
    try {
      // A body that takes long is no quiet time of its session.
      if (running !== undefined) running.arriving += 1;
      try {
        prepared = await prepareBody(request, this.#settings, holds);
      } finally {
        if (running !== undefined) running.arriving -= 1;
      }
      // Nobody would ever tell the session of the end of a connection that has ended.
      checkAnswerable(response);
      const { beginning } = prepared;
      if (checkMessage !== undefined && beginning !== undefined) checkMessage(beginning, request);
      const asked = new CpeRequest(request, prepared, affinity);
      const session = this.#sessionIfAny(asked, prepared) ?? (await this.#awaitSession(asked, response, prepared));
      onSession(session);
      const since = performance.now();
      const passage: Passage = {
        request,
        response,
        target,
        prepared,
        asked,
        session,
        since,
        onAnswered: undefined,
        isOver: false,
      };
      this.#announce(passage);
      sessions.sent(session);
      try {
        await this.#exchange(passage);
      } finally {
        sessions.settled(session);
        session.backend.over(session);
        passage.isOver = true;
        // It has been called where the backend has answered.
        passage.onAnswered?.(undefined);
      }
    } catch (error) {
      prepared?.discard();
      throw error;
    } finally {
      for (const hold of holds) hold.release();
    }
  }

  /** The session that a request belongs to; `undefined` where one begins and no backend is up or free to be tried. */
  #sessionIfAny(asked: CpeRequest, prepared: Prepared): Session | undefined {
    try {
      return this.#sessionOf(asked, prepared);
    } catch (error) {
      if (error instanceof CwmpProxyError && error.code === 'ERR_CWMP_NO_BACKEND') return undefined;
      throw error;
    }
  }

  /** Waits for a backend that is up or free to be tried, for no longer than a connection to it may take. */
  async #awaitSession(asked: CpeRequest, response: ServerResponse, prepared: Prepared): Promise<Session> {
    const { backends, connectMs } = this.#settings;
    const until = performance.now() + connectMs;
    const wait = (gone: AbortSignal): Promise<boolean> =>
      backends.whenFree(asked.addressGroup, until - performance.now(), gone);
    while (await whileThere(response, wait)) {
      try {
        checkAnswerable(response);
        const session = this.#sessionIfAny(asked, prepared);
        if (session !== undefined) return session;
      } catch (error) {
        backends.passOn();
        throw error;
      }
    }
    checkAnswerable(response);
    return this.#sessionOf(asked, prepared);
  }

  #sessionOf(asked: CpeRequest, prepared: Prepared): Session {
    const { sessions } = this.#settings;
    const session = sessions.find(asked);
    // Only what begins a session asks for more time; the others are not searched for it.
    const sessionTimeout =
      session.phase === 'opening' || session.phase === 'challenged' ? prepared.sessionTimeout : undefined;
    if (sessionTimeout !== undefined)
      sessions.allowQuiet(session, Math.min(sessionTimeout, longestQuietSeconds) * 1000);
    return session;
  }

  #announce(passage: Passage): void {
    const { request, prepared, session } = passage;
    const { onMessage } = this.#settings;
    if (prepared.message === undefined) {
      prepared.onMessage = (streamed) => {
        const onAnswered = onMessage(streamed, session, request);
        // An early answer to an upload may have gone before; nothing of the message counts then.
        if (passage.isOver) onAnswered?.(undefined);
        else passage.onAnswered = onAnswered;
      };
      return;
    }
    passage.onAnswered = onMessage(prepared.message, session, request);
    // It holds on to the text of the body, which would live through collections of garbage until the backend has answered.
    prepared.message = undefined;
  }

  #exchange(passage: Passage): Promise<void> {
    const { backend } = passage.session;
    return this.#send(passage).then(
      (outcome) => {
        backend.succeeded();
        this.#answered(passage, outcome);
      },
      (error: unknown) => this.#failed(passage, backend, error),
    );
  }

  #answered(passage: Passage, { status, empty, headers, body }: ExchangeOutcome): void {
    const { request, prepared, asked, session, since, onAnswered } = passage;
    const ms = performance.now() - since;
    passage.onAnswered = undefined;
    onAnswered?.(status);
    this.#settings.onExchange({ method: request.method ?? '', status, ms }, session);
    const to = request.method === 'POST' ? prepared.kind : 'transfer';
    // Only what begins a session changes its course by being put off.
    const asksAgain = session.phase !== 'open' && status === 200 && body !== undefined && isRetryFault(body);
    this.#settings.sessions.answered(session, { to, status, empty, asksAgain }, keysOfAnswer(headers), asked);
  }

  /** Resolves when another backend has answered. */
  async #failed(passage: Passage, backend: Session['backend'], error: unknown): Promise<void> {
    if (!(error instanceof CwmpProxyError)) throw error;
    const { sessions, backends, failOverMs } = this.#settings;
    const { asked, prepared, session, since } = passage;
    const fault = error instanceof BackendFault ? error : undefined;
    const wasEjected = backend.state === 'ejected';
    if (fault !== undefined) backend.failed(fault, session, asked.addressGroup);
    // Not one byte was sent: another backend may take it, a stream too as long as nobody has read of it.
    const mayMove = fault?.mayMove === true && isWhole(prepared.body) && performance.now() - since < failOverMs;
    if (mayMove && sessions.failOver(session)) return this.#exchange(passage);
    if (error.statusCode >= 500) sessions.failed(session);
    else sessions.broken(session);
    // Tried because no backend is up, and in vain.
    if (wasEjected && error.code === 'ERR_CWMP_BACKEND_UNREACHABLE' && !backends.isUp) {
      throw new CwmpProxyError('ERR_CWMP_NO_BACKEND', 'no backend is up', { cause: error });
    }
    throw error;
  }

  #send({ request, response, target, prepared, session }: Passage): Promise<ExchangeOutcome> {
    const { edgeHeaders, affinity, maxHeldBytes, budget, mountPath, quietMs } = this.#settings;
    const { backend, phase } = session;
    if (backend.basePath !== '') checkInside(target);
    const client = clientOf(request);
    const map: PathMap = {
      mountPath,
      basePath: backend.basePath,
      backendPath: backend.path,
      backendOrigin: backend.origin,
      cpeOrigin: client.host === undefined ? undefined : `${client.scheme}://${client.host}`,
    };
    const headers = requestHeaders(request.rawHeaders, this.#dropped, edgeHeaders.believed(client));
    edgeHeaders.addTo(headers, request, client, session.id);
    const path = toBackend(target, map);
    const { body, length } = prepared;
    const outgoing = { method: request.method ?? 'GET', path, headers, body, length };
    return exchange(session.connection, outgoing, response, {
      maxHeldBytes,
      budget,
      quietMs,
      mapHeaders: (answer) => {
        // A proxy in front has taken its prefix off; the CPE knows it.
        mapBack(answer, client.prefix === '' ? map : { ...map, mountPath: client.prefix + mountPath });
        // After a 401 once more: some CPEs take no cookie from it (ucwmp).
        const begins = phase === 'opening' || phase === 'challenged';
        if (affinity !== undefined && begins) answer.push('Set-Cookie', affinity.setCookie(backend));
      },
    });
  }
}

/** Whether all of a body can still be sent. */
function isWhole(body: Prepared['body']): boolean {
  return Buffer.isBuffer(body) || !(body.readableDidRead || body.destroyed);
}

/** Whether an answer has its CPE send the same message once more (TR-069 A6 §3.5, fault 8005 "Retry request"). */
function isRetryFault(body: Buffer): boolean {
  const at = body.indexOf('FaultCode');
  return at !== -1 && body.subarray(at, at + 64).includes('8005');
}
