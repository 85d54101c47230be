import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { CwmpProxyError } from '../errors.js';
import { keysOfAnswer, keysOfRequest } from '../sessions/session-keys.js';
import type { Session } from '../sessions/session.js';
import type { SessionTable } from '../sessions/session-table.js';
import { InformRewriter } from '../soap/inform-rewriter.js';
import type { CwmpMessage } from '../soap/message.js';
import { rewriteMessage } from '../soap/rewrite-message.js';
import type { EdgeHeaders } from './edge-headers.js';
import { type ExchangeOutcome, type OutgoingRequest, exchange } from './exchange.js';
import { requestHeaders } from './headers.js';
import { type PathMap, mapBack, toBackend } from './path-map.js';
import { readBody } from './read-body.js';
import { checkRequest, originForm } from './request-checks.js';

/** What a {@link Forwarder} works with. */
export interface ForwarderSettings {
  sessions: SessionTable;
  edgeHeaders: EdgeHeaders;
  /** The proxied form of a CPE's URL, or `undefined` to leave it. */
  rewriteUrl: (url: string) => string | undefined;
  /** Path in front of every target that the backends do not know; empty when there is none. */
  mountPath: string;
  /** Longest body held in memory, in bytes, in either direction; longer ones are streamed. */
  maxHeldBytes: number;
  /** Longest silence of a CPE inside its request body, in milliseconds. */
  requestTimeoutMs: number;
  /** Told of every CWMP message of a CPE, as soon as its session is known. */
  onMessage: (message: CwmpMessage, session: Session) => void;
  /** Told of every exchange that a backend has answered whole. */
  onExchange: (exchange: { method: string; status: number; ms: number }, session: Session) => void;
}

/** CPE → ACS: one exchange after the other. */
export class Forwarder {
  readonly #settings: ForwarderSettings;

  constructor(settings: ForwarderSettings) {
    this.#settings = settings;
  }

  /**
   * Hands a CPE's request to the backend of its session and the answer back.
   *
   * @param target The request target as it came.
   *
   * Rejects with a {@link CwmpProxyError}; the response is untouched then, or its connection was cut.
   */
  async forward(request: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
    checkRequest(request);
    const path = originForm(target);
    const { sessions, maxHeldBytes, requestTimeoutMs, onMessage, rewriteUrl } = this.#settings;
    const rewriting = { rewriteUrl, contentType: request.headers['content-type'] };

    const { held } = await readBody(request, maxHeldBytes, requestTimeoutMs);
    let body: OutgoingRequest['body'] = held ?? request;
    let message: CwmpMessage | undefined;
    if (request.method === 'POST' && held !== undefined && held.length > 0) {
      const rewritten = rewriteMessage(held, rewriting);
      body = Buffer.from(rewritten.body.buffer, rewritten.body.byteOffset, rewritten.body.byteLength);
      ({ message } = rewritten);
    }

    const session = sessions.find({
      socket: request.socket,
      inform: message?.isInform === true,
      keys: () => keysOfRequest(request.rawHeaders),
    });
    if (message !== undefined) {
      if (message.isInform && message.sessionTimeout !== undefined)
        sessions.allowQuiet(session, message.sessionTimeout * 1000);
      onMessage(message, session);
    } else if (request.method === 'POST' && held === undefined) {
      const rewriter = new InformRewriter(rewriting);
      rewriter.once('message', (streamed: CwmpMessage) => onMessage(streamed, session));
      body = pipeline(request, rewriter, () => {
        // A request that breaks off destroys the rewriter, and with it the exchange that reads from it.
      });
    }
    await this.#exchange(request, response, path, body, session);
  }

  async #exchange(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    body: OutgoingRequest['body'],
    session: Session,
  ): Promise<void> {
    const { sessions } = this.#settings;
    sessions.sent(session);
    const since = performance.now();
    try {
      for (;;) {
        const { backend } = session;
        try {
          const outcome = await this.#send(request, response, path, body, session);
          backend.succeeded();
          const emptyPost = request.method === 'POST' && Buffer.isBuffer(body) && body.length === 0;
          const { status } = outcome;
          this.#settings.onExchange({ method: request.method ?? '', status, ms: performance.now() - since }, session);
          sessions.answered(session, { ...outcome, emptyPost }, keysOfAnswer(outcome.headers));
          return;
        } catch (error) {
          if (!(error instanceof CwmpProxyError)) throw error;
          const { code } = error;
          if (code === 'ERR_CWMP_BACKEND_UNREACHABLE' || code === 'ERR_CWMP_BACKEND_TIMEOUT') backend.failed();
          // Not one byte was sent: another backend may take it. A stream may have been read from, and stays.
          const whole = body === null || Buffer.isBuffer(body);
          if (code === 'ERR_CWMP_BACKEND_UNREACHABLE' && whole && sessions.failOver(session)) continue;
          if (code !== 'ERR_CWMP_CPE_GONE') sessions.failed(session);
          throw error;
        }
      }
    } finally {
      sessions.settled(session);
    }
  }

  #send(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    body: OutgoingRequest['body'],
    session: Session,
  ): Promise<ExchangeOutcome> {
    const { edgeHeaders, maxHeldBytes, mountPath } = this.#settings;
    const { basePath, origin } = session.backend;
    const map: PathMap = { mountPath, basePath, backendOrigin: origin, cpeOrigin: cpeOrigin(request) };
    const headers = requestHeaders(request.rawHeaders, edgeHeaders.replaced);
    edgeHeaders.addTo(headers, request);
    const length = request.headers['content-length'];
    // A file on its way (TR-069 A6 §3.4.3): nothing changes it, its length stands.
    if (body === request && length !== undefined) headers.push('Content-Length', length);
    const outgoing = { method: request.method ?? 'GET', path: toBackend(path, map), headers, body };
    return exchange(session.connection, outgoing, response, {
      maxHeldBytes,
      mapHeaders: (answer) => mapBack(answer, map),
    });
  }
}

function cpeOrigin({ headers, socket }: IncomingMessage): string | undefined {
  return headers.host === undefined ? undefined : `${socket instanceof TLSSocket ? 'https' : 'http'}://${headers.host}`;
}
