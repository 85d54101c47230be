import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Backend } from '../backends/backend.js';
import type { BackendPool } from '../backends/backend-pool.js';
import { BoundedMap } from '../bounded-map.js';
import { CwmpProxyError } from '../errors.js';
import { KeyTable } from './key-table.js';
import { isNonce } from './session-keys.js';
import { Session, type SessionAnswer, type SessionEnd, type SessionRequest, type SessionSettings } from './session.js';

/** Most cookies and nonces by which one session is recognised; the oldest gives way. */
const maxKeysOfSession = 32;

/** Share of {@link SessionSettings.maxSessions} that is kept for Informs. */
const informShare = 0.1;

/** Which CPE connection belongs to which backend connection (FIELD.md: ACSs bind a session to the socket). */
export class SessionTable {
  readonly #settings: SessionSettings;
  readonly #backends: BackendPool;
  readonly #sessions = new Set<Session>();
  /** Those that have ended while their CPE's connection stands; the first of them gives way when there are too many. */
  readonly #ended = new BoundedMap<Session, true>(Infinity);
  readonly #bySocket = new WeakMap<Socket, Session>();
  /** Connections whose session was quiet for too long: what comes after that is for the same backend. */
  readonly #homes = new WeakMap<Socket, Backend>();
  /** Connections whose end is listened for. */
  readonly #watched = new WeakSet<Socket>();
  readonly #keys: KeyTable;
  readonly #prefix = randomBytes(3).toString('hex');
  #count = 0;
  #closed = false;

  constructor(backends: BackendPool, settings: SessionSettings) {
    this.#backends = backends;
    this.#settings = settings;
    this.#keys = new KeyTable(4 * settings.maxSessions);
  }

  /** Sessions that have not ended. */
  get size(): number {
    return this.#sessions.size - this.#ended.size;
  }

  /** The session that runs on a CPE's connection, when one does. */
  runningOn(socket: Socket): Session | undefined {
    const session = this.#bySocket.get(socket);
    return session?.phase === 'ended' ? undefined : session;
  }

  /**
   * The session a request belongs to: that of its connection; else the one its CPE is recognised to return to; else a new
   * one on the next backend. An Inform after the end of a session begins a new one.
   *
   * @throws {@link CwmpProxyError} `ERR_CWMP_NO_BACKEND`, `ERR_CWMP_BUSY`.
   */
  find(request: SessionRequest): Session {
    const { socket } = request;
    const own = this.#bySocket.get(socket);
    if (own !== undefined) {
      if (own.phase !== 'ended' || !request.isInform()) return own;
      void this.#drop(own);
      return this.#begin(request, undefined);
    }
    const recognised = this.#recognised(request);
    if (recognised !== undefined) return recognised;
    const home = this.#homes.get(socket);
    return this.#begin(request, home === undefined || request.isInform() ? request.affinity?.() : home);
  }

  /** The session of a CPE that comes on a new connection, if a key tells which. */
  #recognised(request: SessionRequest): Session | undefined {
    const { socket } = request;
    for (const key of request.keys()) {
      const known = this.#keys.get(key);
      if (known === undefined) continue;
      const { session, backend } = known;
      // A key that no ACS made for one CPE alone may be shown by a stranger, whom it may lead to the same ACS and no further.
      const isElsewhere = known.address !== socket.remoteAddress;
      if (isElsewhere && request.isInform()) continue;
      if (isElsewhere || session === undefined) return this.#begin(request, backend);
      if (session.inFlight > 0) {
        const heir = this.#begin(request, backend);
        if (!request.isInform()) heir.heirOf = session;
        return heir;
      }
      const startsOver = request.isInform() && (session.phase === 'open' || !request.answersChallenge);
      // While its CPE's connection stands, only a nonce that was made for this CPE takes it to another (Fritz!Box, FIELD.md).
      if (!startsOver && (session.socket === undefined || isNonce(key))) {
        this.#attach(session, socket);
        return session;
      }
      if (startsOver && session.socket === undefined) {
        // The CPE gave its session up and starts over: it meets the same ACS, on a connection as new as its own.
        this.#end(session, 'superseded');
        void this.#drop(session);
      }
      return this.#begin(request, backend);
    }
    return undefined;
  }

  /**
   * Moves a session to a backend that it has not tried, because the one it was to begin on could not be connected to.
   * Returns whether there was one, and the session is still there: whoever is told of a drained backend may end it.
   */
  failOver(session: Session): boolean {
    if (session.phase !== 'opening') return false;
    const left = session.backend;
    session.tried = (session.tried ?? new Set()).add(left);
    const backend = this.#backends.next(session.tried);
    if (backend === undefined) return false;
    session.moveTo(backend);
    backend.inFlight += session.inFlight;
    backend.sessionBegins(session);
    left.inFlight -= session.inFlight;
    left.sessionEnds();
    left.over(session);
    return this.#sessions.has(session);
  }

  /** A request of the session goes to its backend. */
  sent(session: Session): void {
    session.inFlight += 1;
    session.backend.inFlight += 1;
  }

  /** The request that was sent last is over, whatever came of it. */
  settled(session: Session): void {
    session.inFlight -= 1;
    session.backend.inFlight -= 1;
    session.timer?.refresh();
  }

  /**
   * The backend answered.
   *
   * @param keys By what the CPE can be recognised from now on.
   * @param shown What it showed of that with its request.
   */
  answered(
    session: Session,
    { to, status, empty }: SessionAnswer,
    keys: readonly string[],
    shown: () => readonly string[],
  ): void {
    if (session.phase === 'ended') return;
    if (to === 'empty' && status !== 401) session.emptied = true;
    if (to !== 'transfer') {
      if (session.emptied && empty && (status === 204 || status === 200)) return this.#end(session, 'complete');
      if (status >= 400 && status !== 401) return this.#end(session, 'refused');
    }
    session.phase = status === 401 ? 'challenged' : 'open';
    let known: readonly string[] | undefined;
    for (const key of keys) {
      if (this.#keys.learn(key, session, () => (known ??= shown()))) session.keys.add(key);
    }
    session.heirOf = undefined;
    // An ACS may set a new cookie with every reply; a CPE shows the latest.
    for (const key of session.keys) {
      if (session.keys.size <= maxKeysOfSession) break;
      session.keys.delete(key);
      this.#keys.forget(key, session);
    }
  }

  /** The backend failed: the CPE begins anew, elsewhere. */
  failed(session: Session): void {
    this.#end(session, 'failed');
  }

  /** The CPE broke off, and the backend connection with it; the session may go on on another one. */
  broken(session: Session): void {
    // Left to itself, an undici Client connects anew at once for a request that was aborted.
    if (this.#sessions.has(session)) session.moveTo(session.backend);
  }

  /** Raises the quiet time a session is allowed, in milliseconds: an Inform's SessionTimeout (TR-069 A6 §3.7.1.1). */
  allowQuiet(session: Session, idleMs: number): void {
    if (idleMs <= session.idleMs) return;
    session.idleMs = idleMs;
    this.#startTimer(session, idleMs, 'idle');
  }

  /** Ends the sessions of a backend, those in the middle of an exchange too. */
  removeBackend(backend: Backend): void {
    for (const session of this.#sessions) {
      if (session.backend !== backend) continue;
      this.#end(session, 'removed');
      void this.#drop(session);
    }
  }

  /** Ends every session; resolves when every backend connection is closed. */
  async close(): Promise<void> {
    this.#closed = true;
    const closing = [...this.#sessions].map((session) => {
      this.#end(session, 'closed');
      return this.#drop(session);
    });
    await Promise.all(closing);
  }

  #begin({ socket, isInform }: SessionRequest, wanted: Backend | undefined): Session {
    // The body of a request may have been on its way when the table was closed.
    if (this.#closed) throw new CwmpProxyError('ERR_CWMP_CLOSED', 'the proxy was closed');
    const { maxSessions } = this.#settings;
    const limit = Math.max(1, Math.floor(maxSessions * (1 - informShare)));
    if (this.size >= limit && (this.size >= maxSessions || !isInform())) {
      throw new CwmpProxyError('ERR_CWMP_BUSY', 'too many sessions are open, see limits.maxSessions');
    }
    // A draining backend takes nothing new, but finishes what runs.
    const takes = wanted?.admits(performance.now()) === true || (wanted?.state === 'draining' && !isInform());
    const backend = takes ? wanted : this.#backends.next();
    if (backend === undefined) {
      throw this.#backends.full
        ? new CwmpProxyError('ERR_CWMP_BUSY', 'every backend has as many sessions as its maxSessions')
        : new CwmpProxyError('ERR_CWMP_NO_BACKEND', 'no backend is up');
    }
    const longestEnded = this.#ended.oldestKey;
    if (this.#sessions.size >= maxSessions && longestEnded !== undefined) void this.#drop(longestEnded);
    return this.#open(socket, backend);
  }

  #open(socket: Socket, backend: Backend): Session {
    this.#count += 1;
    const id = `${this.#prefix}-${this.#count.toString(36)}`;
    const session = new Session(id, backend, socket.remoteAddress, this.#settings.idleTimeoutMs);
    this.#sessions.add(session);
    backend.sessionBegins(session);
    this.#attach(session, socket);
    this.#settings.onStart(session);
    return session;
  }

  #attach(session: Session, socket: Socket): void {
    // A CPE that opens its next connection before it closes the last one has moved to the next one.
    if (session.socket !== undefined) this.#bySocket.delete(session.socket);
    session.socket = socket;
    this.#bySocket.set(socket, session);
    this.#startTimer(session, session.idleMs, 'idle');
    if (this.#watched.has(socket)) return;
    this.#watched.add(socket);
    socket.once('close', () => this.#detach(socket));
  }

  #detach(socket: Socket): void {
    const session = this.#bySocket.get(socket);
    if (session === undefined) return;
    this.#bySocket.delete(socket);
    session.socket = undefined;
    if (session.phase !== 'ended' && session.keys.size > 0) {
      this.#startTimer(session, this.#settings.graceMs, 'cpe-gone');
      return;
    }
    this.#end(session, 'cpe-gone');
    void this.#drop(session);
  }

  #startTimer(session: Session, delayMs: number, why: SessionEnd): void {
    clearTimeout(session.timer);
    session.timer = setTimeout(() => this.#onQuiet(session, why), delayMs);
    session.timer.unref();
  }

  #onQuiet(session: Session, why: SessionEnd): void {
    if (session.inFlight > 0 || session.arriving > 0) {
      // While a request is under way its own limits hold.
      session.timer?.refresh();
      return;
    }
    if (session.socket !== undefined) this.#homes.set(session.socket, session.backend);
    this.#end(session, why);
    void this.#drop(session);
  }

  /** The CWMP session is over; its connections may stand for a while yet. */
  #end(session: Session, why: SessionEnd): void {
    if (session.phase === 'ended') return;
    session.phase = 'ended';
    this.#ended.set(session, true);
    // A CPE that was merely away or quiet for too long is still led to the backend that knows it; after an end it is a new
    // guest.
    for (const key of session.keys) {
      if (why === 'cpe-gone' || why === 'idle') this.#keys.detach(key, session);
      else this.#keys.forget(key, session);
    }
    session.keys.clear();
    session.backend.sessionEnds();
    this.#settings.onEnd(session, why);
  }

  /** Forgets the session, which has ended, and closes its backend connection. */
  #drop(session: Session): Promise<void> {
    clearTimeout(session.timer);
    session.timer = undefined;
    this.#sessions.delete(session);
    this.#ended.delete(session);
    if (session.socket !== undefined) this.#bySocket.delete(session.socket);
    session.socket = undefined;
    return session.connection.destroy();
  }
}
