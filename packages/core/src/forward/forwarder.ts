import type { BackendPool } from '../backends/backend-pool.js';
import { CwmpProxyError } from '../errors.js';
import { whileThere } from '../http/client-left.js';
import type { Hold } from '../http/held-room.js';
import { checkAnswerable } from '../http/response.js';
import type { AffinityCookie } from '../sessions/affinity-cookie.js';
import { keysOfAnswer } from '../sessions/session-keys.js';
import type { Session } from '../sessions/session.js';
import type { SessionTable } from '../sessions/session-table.js';
import type { CwmpMessage } from '../soap/message.js';
import { BackendFault } from './backend-error.js';
import type { EdgeHeaders } from './edge-headers.js';
import type { ExchangeOutcome } from './answer.js';
import { exchange } from './exchange.js';
import { droppedFields, requestHeaders } from './headers.js';
import { type PathMap, mapBack, toBackend } from './path-map.js';
import type { OnAnswered, Passage } from './passage.js';
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
  /** Maximum number of bytes that a compressed body may expand to. */
  maxDecodedBytes: number;
  /** Whether a body in a content coding that is not known leaves as it came or is refused. */
  unknownCoding: 'pass' | 'reject';
  /**
   * How long after a message was there another backend is tried with it, in milliseconds: several that are silent would else
   * take longer, one after the other, than its CPE waits for all (TR-069 A6 §3.7.1.4).
   */
  failOverMs: number;
  /** Refuses a message before it has a session, by throwing a {@link CwmpProxyError}; `undefined` where nothing is checked. */
  checkMessage: ((message: CwmpMessage, passage: Passage) => void) | undefined;
  /**
   * Called with every CWMP message of a CPE, as soon as its session is known. What it returns is called when the message's
   * exchange is over.
   */
  onMessage: (message: CwmpMessage, passage: Passage) => OnAnswered | undefined;
  /** Told of every exchange that a backend has answered whole. */
  onExchange: (exchange: { method: string; status: number; ms: number }, session: Session) => void;
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
   * Rejects with a {@link CwmpProxyError}; the response is untouched then, or its connection was cut.
   */
  async forward(passage: Passage): Promise<void> {
    const { request, response } = passage;
    const { checkMessage, sessions } = this.#settings;
    checkRequest(request);
    originForm(passage.target);
    passage.session = sessions.runningOn(passage.socket, passage.address);
    const holds: Hold[] = [];
    try {
      passage.prepared = await this.#prepare(passage, holds);
      // Nobody would ever tell the session of the end of a connection that has ended.
      checkAnswerable(response);
      const { beginning } = passage.prepared;
      if (checkMessage !== undefined && beginning !== undefined) checkMessage(beginning, passage);
      const session = this.#sessionIfAny(passage) ?? (await this.#awaitSession(passage));
      passage.session = session;
      passage.since = performance.now();
      this.#announce(passage);
      sessions.sent(session);
      try {
        await this.#exchange(passage, session);
      } finally {
        sessions.settled(session);
        session.backend.over(session);
        passage.end();
      }
    } catch (error) {
      passage.prepared.discard();
      throw error;
    } finally {
      for (const hold of holds) hold.release();
    }
  }

  async #prepare({ request, session }: Passage, holds: Hold[]): Promise<Prepared> {
    // A body that takes long is no quiet time of its session.
    session?.arrives();
    try {
      return await prepareBody(request, this.#settings, holds);
    } finally {
      session?.arrived();
    }
  }

  /** The session that a request belongs to; `undefined` where one begins and no backend is up or free to be tried. */
  #sessionIfAny(passage: Passage): Session | undefined {
    try {
      return this.#sessionOf(passage);
    } catch (error) {
      if (error instanceof CwmpProxyError && error.code === 'ERR_CWMP_NO_BACKEND') return undefined;
      throw error;
    }
  }

  /** Waits for a backend that is up or free to be tried, for no longer than a connection to it may take. */
  async #awaitSession(passage: Passage): Promise<Session> {
    const { response, addressGroup } = passage;
    const { backends, connectMs } = this.#settings;
    const until = performance.now() + connectMs;
    const wait = (gone: AbortSignal): Promise<boolean> =>
      backends.whenFree(addressGroup, until - performance.now(), gone);
    while (await whileThere(response, wait)) {
      try {
        checkAnswerable(response);
        const session = this.#sessionIfAny(passage);
        if (session !== undefined) return session;
      } catch (error) {
        backends.passOn();
        throw error;
      }
    }
    checkAnswerable(response);
    return this.#sessionOf(passage);
  }

  #sessionOf(passage: Passage): Session {
    const { sessions } = this.#settings;
    const session = sessions.find(passage);
    // Only what begins a session asks for more time; the others are not searched for it.
    const sessionTimeout =
      session.phase === 'opening' || session.phase === 'challenged' ? passage.prepared.sessionTimeout : undefined;
    if (sessionTimeout !== undefined)
      sessions.allowQuiet(session, Math.min(sessionTimeout, longestQuietSeconds) * 1000);
    return session;
  }

  #announce(passage: Passage): void {
    const { prepared } = passage;
    const { onMessage } = this.#settings;
    if (prepared.message !== undefined) {
      passage.onAnswered = onMessage(prepared.message, passage);
      // It holds on to the text of the body, which would live through collections of garbage until the backend has answered.
      prepared.message = undefined;
    }
    void prepared.streamed?.then((message) => {
      const onAnswered = onMessage(message, passage);
      // An early answer to an upload may have gone before; nothing of the message counts then.
      if (passage.isOver) onAnswered?.(undefined);
      else passage.onAnswered = onAnswered;
    });
  }

  /** Tries the backend of the session; where nothing of the request has been sent, the next one. */
  async #exchange(passage: Passage, session: Session): Promise<void> {
    const { sessions } = this.#settings;
    for (;;) {
      const { backend } = session;
      const wasEjected = backend.state === 'ejected';
      let outcome: ExchangeOutcome;
      try {
        outcome = await this.#send(passage, session);
      } catch (error) {
        if (!(error instanceof CwmpProxyError)) throw error;
        if (error instanceof BackendFault) backend.failed(error, session, passage.addressGroup);
        if (this.#mayMove(error, passage) && sessions.failOver(session)) continue;
        throw this.#failed(error, session, wasEjected);
      }
      backend.succeeded();
      this.#answered(passage, session, outcome);
      return;
    }
  }

  /** Whether another backend may take the request: not one byte was sent, of a stream none was read, and there is time left. */
  #mayMove(error: CwmpProxyError, { prepared, since }: Passage): boolean {
    if (!(error instanceof BackendFault) || !error.mayMove) return false;
    return isWhole(prepared.body) && performance.now() - since < this.#settings.failOverMs;
  }

  /** The session ends, or goes on on another connection; returns what is told. */
  #failed(error: CwmpProxyError, session: Session, wasEjected: boolean): CwmpProxyError {
    const { sessions, backends } = this.#settings;
    if (error.statusCode >= 500) sessions.failed(session);
    else sessions.broken(session);
    // Tried because no backend is up, and in vain.
    if (wasEjected && error.code === 'ERR_CWMP_BACKEND_UNREACHABLE' && !backends.isUp) {
      return new CwmpProxyError('ERR_CWMP_NO_BACKEND', 'no backend is up', { cause: error });
    }
    return error;
  }

  #answered(passage: Passage, session: Session, { status, empty, headers, body }: ExchangeOutcome): void {
    const { request, prepared, since } = passage;
    const ms = performance.now() - since;
    passage.answered(status);
    this.#settings.onExchange({ method: request.method ?? '', status, ms }, session);
    const to = request.method === 'POST' ? prepared.kind : 'transfer';
    // Only what begins a session changes its course by being put off.
    const asksAgain = session.phase !== 'open' && status === 200 && body !== undefined && isRetryFault(body);
    this.#settings.sessions.answered(session, { to, status, empty, asksAgain }, keysOfAnswer(headers), passage);
  }

  #send(passage: Passage, session: Session): Promise<ExchangeOutcome> {
    const { request, response, prepared, client } = passage;
    const target = originForm(passage.target);
    const { edgeHeaders, affinity, maxHeldBytes, budget, mountPath, quietMs } = this.#settings;
    const { backend, phase } = session;
    if (backend.basePath !== '') checkInside(target);
    const map: PathMap = {
      mountPath,
      basePath: backend.basePath,
      backendPath: backend.path,
      backendOrigin: backend.origin,
      cpeOrigin: client.host === undefined ? undefined : `${client.scheme}://${client.host}`,
    };
    const headers = requestHeaders(request.rawHeaders, this.#dropped, edgeHeaders.believed(client));
    edgeHeaders.addTo(headers, passage, session.id);
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
