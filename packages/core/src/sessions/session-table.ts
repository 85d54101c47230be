import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Backend } from '../backends/backend.js';
import type { BackendPool } from '../backends/backend-pool.js';
import { BoundedMap } from '../bounded-map.js';
import { CwmpProxyError } from '../errors.js';
import { unknownAddress } from '../http/client-address.js';
import { inTurns } from '../in-turns.js';
import { AddressShares } from './address-shares.js';
import { CpeConnections } from './cpe-connections.js';
import { type KnownCpe, KeyTable } from './key-table.js';
import { hasLeft, isAddress, keyOfAddress, LoneAddresses } from './lone-addresses.js';
import { decide, isAnother, isBeginning, isOfTwo, type KnownKey } from './recognition.js';
import { isNonce } from './session-keys.js';
import { Session, type SessionAnswer, type SessionEnd, type SessionRequest, type SessionSettings } from './session.js';

/** Maximum number of cookies and nonces by which one session is recognised; the oldest gives way. */
const maxKeysOfSession = 32;

/** How many keys a session has at most, on an average of all. */
const keysPerSession = 4;

/** Share of {@link SessionSettings.maxSessions} that is kept for Informs. */
const informShare = 0.1;

/** Which CPE connection belongs to which backend connection (ACSs bind a session to the socket, GenieACS for one). */
export class SessionTable {
  readonly #settings: SessionSettings;
  readonly #backends: BackendPool;
  readonly #sessions = new Set<Session>();
  /**
   * Those that have ended while their CPE's connection stands, and have no request under way; the first of them gives way when
   * there are too many.
   */
  readonly #ended = new BoundedMap<Session, true>(Infinity);
  readonly #shares: AddressShares;
  readonly #bySocket = new CpeConnections();
  /** Names of the backends of connections whose session is gone: what comes on them after that is for the same backend. */
  readonly #homes = new WeakMap<Socket, string>();
  /** Connections whose end is listened for. */
  readonly #watched = new WeakSet<Socket>();
  readonly #keys: KeyTable;
  /** `undefined` where no CPE is recognised by its address. */
  readonly #addresses: LoneAddresses | undefined;
  readonly #prefix = randomBytes(3).toString('hex');
  #count = 0;
  #closed = false;

  constructor(backends: BackendPool, settings: SessionSettings) {
    this.#backends = backends;
    this.#settings = settings;
    this.#keys = new KeyTable({
      maxKeys: keysPerSession * settings.maxSessions,
      maxKeysPerAddress: Math.max(maxKeysOfSession, keysPerSession * settings.maxSessionsPerAddress),
    });
    this.#shares = new AddressShares(settings.maxSessionsPerAddress);
    this.#addresses = settings.byAddress ? new LoneAddresses() : undefined;
  }

  /** Sessions that have not ended, or have a request under way. */
  get size(): number {
    return this.#sessions.size - this.#ended.size;
  }

  /** The session that runs on a CPE's connection, when one does. */
  runningOn(socket: Socket, address: string): Session | undefined {
    const session = this.#bySocket.get(socket, address);
    return session?.phase === 'ended' ? undefined : session;
  }

  /**
   * The session a request belongs to: that of its connection; otherwise the one its CPE is recognised to return to; otherwise
   * a new one on the next backend. An Inform begins a new one, unless it comes again for the session that it has begun.
   *
   * @throws {@link CwmpProxyError} `ERR_CWMP_NO_BACKEND`, `ERR_CWMP_BUSY`.
   */
  find(request: SessionRequest): Session {
    const session =
      this.#ofConnection(request) ?? this.#recognised(request) ?? this.#begin(request, this.#home(request));
    if (isBeginning(session.phase) && request.isInform) session.device = request.device ?? session.device;
    return session;
  }

  #ofConnection(request: SessionRequest): Session | undefined {
    const own = this.#bySocket.get(request.socket, request.address);
    if (own === undefined) return undefined;
    const startsOver = request.isInform && (!isBeginning(own.phase) || isAnother(own.device, request.device));
    if (!startsOver) return own;
    this.#supersede(own);
    return this.#begin(request, undefined);
  }

  #home(request: SessionRequest): string | undefined {
    const home = this.#homes.get(request.socket);
    return home === undefined || request.isInform ? request.affinity : home;
  }

  /** The session of a CPE that comes on a new connection, if a key tells which. */
  #recognised(request: SessionRequest): Session | undefined {
    const { isInform, answersChallenge } = request;
    const shown = this.#keysShown(request);
    for (const key of shown) {
      const known = this.#keys.get(key);
      if (known === undefined) continue;
      const { session } = known;
      const device = isInform ? request.device : undefined;
      const facts = this.#factsOf(key, known, request.address);
      const asked = { isInform, device, answersChallenge, showsOthers: shown.length > 1 };
      const isShared = isOfTwo(facts, asked);
      if (isShared) this.#keys.putOut(key);
      const recognition = decide(facts, asked);
      if (recognition === 'ignore') continue;
      if (recognition === 'continue' && session !== undefined) {
        this.#attach(session, request.socket);
        return session;
      }
      const backend = session?.backend.url ?? known.backend;
      if (recognition === 'supersede' && session !== undefined) this.#supersede(session);
      const next = this.#begin(request, backend);
      if (!isShared) this.#inherit(next, key, known, request);
      return next;
    }
    return undefined;
  }

  #factsOf(key: string, { session, address, device }: KnownCpe, from: string): KnownKey {
    const socket = session?.socket;
    return {
      kind: isAddress(key) ? 'address' : isNonce(key) ? 'nonce' : 'cookie',
      isElsewhere: address !== from,
      phase: session?.phase,
      device: session?.device ?? device,
      isAway: socket === undefined || hasLeft(socket) || this.#bySocket.isShared(socket),
      isBusy: session?.isBusy ?? false,
      hasOthers: (session?.keys.size ?? 0) > 1,
    };
  }

  /** A session takes over from the one that its CPE comes from. */
  #inherit(next: Session, key: string, { session, address, device }: KnownCpe, request: SessionRequest): void {
    if (session === undefined) {
      next.device = request.device ?? device;
      this.#keys.give(key, next);
    } else if (!request.isInform && address === request.address) {
      next.device = session.device;
      if (session.isBusy) next.heirOf = session;
    }
  }

  /** By what the CPE may be recognised, the surest first. */
  #keysShown({ keys, socket, address }: SessionRequest): readonly string[] {
    if (this.#addresses === undefined || address === unknownAddress) return keys;
    const key = keyOfAddress(address);
    if (!this.#addresses.isAlone(socket, address)) this.#keys.putOut(key);
    return [...keys, key];
  }

  /**
   * Moves a session to a backend that it has not tried, because the one it was to begin on could not be connected to.
   * Returns whether there was one, and the session is still there: whoever is told of a drained backend may end it.
   */
  failOver(session: Session): boolean {
    return session.failOver((tried) => this.#backends.next(tried)) && this.#sessions.has(session);
  }

  /** A request of the session goes to its backend. */
  sent(session: Session): void {
    session.sent();
    if (session.phase === 'ended') this.#keep(session);
  }

  /** The request that was sent last is over, whatever came of it. */
  settled(session: Session): void {
    session.settled();
    if (session.phase === 'ended') this.#mayGiveWay(session);
  }

  /**
   * The backend answered.
   *
   * @param keys By what the CPE can be recognised from now on.
   */
  answered(session: Session, answer: SessionAnswer, keys: readonly string[], request: SessionRequest): void {
    if (session.phase === 'ended') return;
    const why = session.answered(answer);
    if (why !== undefined) return this.#end(session, why);
    this.#learn(session, keys, answer.status !== 401, request);
    session.heirOf = undefined;
  }

  #learn(session: Session, keys: readonly string[], accepted: boolean, request: SessionRequest): void {
    let known: readonly string[] | undefined;
    const shown = (): readonly string[] => (known ??= request.keys);
    for (const key of keys) this.#keys.learn(key, session, accepted, shown);
    // An ACS may set a new cookie with every reply; a CPE shows the latest.
    for (const key of session.keys) {
      if (session.keys.size <= maxKeysOfSession) break;
      this.#keys.forget(key, session);
    }
    if (this.#addresses === undefined || session.device === undefined || session.address === unknownAddress) return;
    this.#keys.learn(keyOfAddress(session.address), session, accepted, () => []);
  }

  /** The backend failed: the CPE begins anew, elsewhere. */
  failed(session: Session): void {
    this.#end(session, 'failed');
  }

  /** The CPE broke off, and the backend connection with it; the session may go on on another one. */
  broken(session: Session): void {
    if (this.#sessions.has(session)) session.reconnect();
  }

  /** Raises the quiet time a session is allowed, in milliseconds: an Inform's SessionTimeout (TR-069 A6 §3.7.1.1). */
  allowQuiet(session: Session, idleMs: number): void {
    if (idleMs <= session.idleMs) return;
    session.allowQuiet(idleMs);
    this.#startTimer(session, idleMs, 'idle');
  }

  /** Ends the sessions of a backend, those in the middle of an exchange too; a few in each turn of the event loop. */
  removeBackend(backend: Backend): void {
    inTurns(this.#of(backend), (session) => {
      this.#end(session, 'removed');
      void this.#drop(session);
    });
  }

  *#of(backend: Backend): Generator<Session, void, undefined> {
    for (const session of this.#sessions) if (session.backend === backend) yield session;
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

  /** @param wanted Name of the backend that the CPE is to meet, if it is there. */
  #begin(request: SessionRequest, wanted: string | undefined): Session {
    // The body of a request may have been on its way when the table was closed.
    if (this.#closed) throw new CwmpProxyError('ERR_CWMP_CLOSED', 'the proxy was closed');
    const { isInform } = request;
    const { maxSessions } = this.#settings;
    const limit = Math.max(1, Math.floor(maxSessions * (1 - informShare)));
    if (this.size >= limit && (this.size >= maxSessions || !isInform)) {
      throw new CwmpProxyError('ERR_CWMP_BUSY', 'too many sessions are open, see limits.maxSessions');
    }
    const givesWay = this.#shares.admit(request.addressGroup);
    // A draining backend takes nothing new, but finishes what runs.
    const known = wanted === undefined ? undefined : this.#backends.find(wanted);
    const takes = known?.admits(performance.now()) === true || (known?.state === 'draining' && !isInform);
    const backend = takes ? known : this.#backends.next();
    if (backend === undefined) {
      throw this.#backends.full
        ? new CwmpProxyError('ERR_CWMP_BUSY', 'every backend has as many sessions as its maxSessions')
        : new CwmpProxyError('ERR_CWMP_NO_BACKEND', 'no backend is up');
    }
    if (givesWay !== undefined) void this.#drop(givesWay);
    const longestEnded = this.#ended.oldestKey;
    if (this.#sessions.size >= maxSessions && longestEnded !== undefined) void this.#drop(longestEnded);
    return this.#open(request, backend);
  }

  #open(request: SessionRequest, backend: Backend): Session {
    this.#count += 1;
    const number = this.#count;
    const id = `${this.#prefix}-${number.toString(36)}`;
    const session = new Session({ id, number }, request, backend, this.#settings.idleTimeoutMs);
    this.#sessions.add(session);
    this.#shares.begun(session);
    this.#attach(session, request.socket);
    this.#settings.onStart(session);
    return session;
  }

  #attach(session: Session, socket: Socket): void {
    // A CPE that opens its next connection before it closes the last one has moved to the next one.
    if (session.socket !== undefined) this.#bySocket.delete(session.socket, session);
    session.attach(socket);
    this.#bySocket.set(socket, session);
    this.#startTimer(session, session.idleMs, 'idle');
    if (this.#watched.has(socket)) return;
    this.#watched.add(socket);
    this.#addresses?.opened(socket, session.address);
    socket.once('close', () => {
      for (const one of this.#bySocket.takeAll(socket)) this.#detach(one);
    });
  }

  /** The CPE has closed its connection. */
  #detach(session: Session): void {
    session.detach();
    if (session.phase !== 'ended' && session.keys.size > 0) {
      this.#startTimer(session, this.#settings.graceMs, 'cpe-gone');
      return;
    }
    this.#end(session, 'cpe-gone');
    void this.#drop(session);
  }

  #startTimer(session: Session, delayMs: number, why: SessionEnd): void {
    session.watchQuiet(delayMs, () => {
      this.#end(session, why);
      void this.#drop(session);
    });
  }

  /** The CPE begins another session in its place. */
  #supersede(session: Session): void {
    this.#end(session, 'superseded');
    void this.#drop(session);
  }

  /** The CWMP session is over; its connections may stand for a while yet. */
  #end(session: Session, why: SessionEnd): void {
    if (!session.end()) return;
    this.#mayGiveWay(session);
    // A CPE that was merely away or quiet for too long is still led to the backend that knows it; after an end it is a new
    // guest.
    for (const key of session.keys) {
      if (why === 'cpe-gone' || why === 'idle') this.#keys.detach(key, session);
      else this.#keys.forget(key, session);
    }
    session.keys.clear();
    // The time that its Inform asked for is over with it; its backend connection is not held for longer than others are.
    if (session.idleMs > this.#settings.idleTimeoutMs && session.socket !== undefined) {
      session.allowQuiet(this.#settings.idleTimeoutMs);
      this.#startTimer(session, session.idleMs, 'idle');
    }
    this.#settings.onEnd(session, why);
  }

  /** A session that has ended makes room for others, unless a request is under way on it. */
  #mayGiveWay(session: Session): void {
    if (session.isBusy || !this.#sessions.has(session)) return;
    this.#ended.set(session, true);
    this.#shares.ended(session);
  }

  /** A request comes on a session that has ended. */
  #keep(session: Session): void {
    this.#ended.delete(session);
    this.#shares.kept(session);
  }

  /** Forgets the session, which has ended, and closes its backend connection. */
  #drop(session: Session): Promise<void> {
    if (this.#sessions.delete(session)) this.#shares.dropped(session);
    this.#ended.delete(session);
    if (session.socket !== undefined) {
      this.#bySocket.delete(session.socket, session);
      this.#homes.set(session.socket, session.backend.url);
    }
    return session.close();
  }
}
