import type { Socket } from 'node:net';
import type { Backend } from '../backends/backend.js';
import type { BackendConnection } from '../backends/backend-connection.js';

/**
 * Where a session stands: `opening` until the backend has answered, `challenged` while the message that begins the session is
 * to come again (after a 401, a redirect, or fault 8005), `open` after any other answer, `ended` when the CPE has nothing more to say and the ACS answered nothing (TR-069 A6 §3.7.2.4), when the ACS
 * refused, when something failed, or when its time was over.
 */
export type SessionPhase = 'opening' | 'challenged' | 'open' | 'ended';

/** Why a session ended. */
export type SessionEnd = 'complete' | 'refused' | 'cpe-gone' | 'idle' | 'failed' | 'superseded' | 'removed' | 'closed';

/** What a table of sessions works with. */
export interface SessionSettings {
  /** Maximum quiet time of a session, in milliseconds. */
  idleTimeoutMs: number;
  /** How long a session waits for its CPE to connect again, in milliseconds. */
  graceMs: number;
  /** Maximum number of sessions at once. */
  maxSessions: number;
  /** Maximum number of sessions of one client address. */
  maxSessionsPerAddress: number;
  /** Whether a CPE without cookie and nonce is recognised by its address. */
  byAddress: boolean;
  onStart: (session: Session) => void;
  onEnd: (session: Session, why: SessionEnd) => void;
}

/** A CPE's request, as far as its session depends on it. What costs a look is read only where it matters. */
export interface SessionRequest {
  readonly socket: Socket;
  /** The address of the CPE. */
  readonly address: string;
  /** The group that it is counted in. */
  readonly addressGroup: string;
  /** Whether the message is an Inform, with which a session begins. */
  readonly isInform: boolean;
  /** The device that an Inform names, as a hash; `undefined` where it cannot be read, and for other messages. */
  readonly device: string | undefined;
  /** By what the CPE may be recognised. */
  readonly keys: readonly string[];
  /** Whether it answers a challenge. */
  readonly answersChallenge: boolean;
  /** Name of the backend that an affinity cookie names. */
  readonly affinity: string | undefined;
}

/** One answer of the backend, as far as a session is moved by it. */
export interface SessionAnswer {
  status: number;
  /** What was answered: a POST without a body, another POST, or a file transfer. */
  to: 'empty' | 'message' | 'transfer';
  /** Whether the answer had no body. */
  empty: boolean;
  /** Whether it has the CPE send the same message once more: fault 8005 (TR-069 A6 §A.5.2). */
  asksAgain: boolean;
}

/** One CPE connection and the backend connection that is its own. It moves itself along the diagram in ARCHITECTURE.md. */
export class Session {
  /** Names the session in events. */
  readonly id: string;
  /** Counts the sessions of the proxy, from 1. */
  readonly number: number;
  /** The address of the CPE. */
  readonly address: string;
  /** The group that the address is counted in. */
  readonly addressGroup: string;
  /** The device that the session is of, as a hash; `undefined` where no Inform named one. */
  device: string | undefined;
  /** The session that its CPE was in the middle of, with a request under way on a connection that it has left. */
  heirOf: Session | undefined;
  /** By what the CPE can be recognised when it returns: hashes of cookies and nonces. */
  readonly keys: Set<string> = new Set();
  #backend: Backend;
  #connection: BackendConnection;
  #socket: Socket | undefined;
  #phase: SessionPhase = 'opening';
  /** Whether the CPE has sent its empty POST: from then on it only answers, and an empty answer of the ACS is the last. */
  #emptied = false;
  /** Requests that the backend has not yet answered. */
  #inFlight = 0;
  /** Requests of its connection whose bodies are being read. */
  #arriving = 0;
  /** Backends that could not be connected to for the request that was sent last; `undefined` where that has not happened. */
  #tried: Set<Backend> | undefined;
  /** Maximum quiet time, in milliseconds; an Inform's SessionTimeout can raise it. */
  #idleMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    name: { id: string; number: number },
    { address, addressGroup }: Pick<SessionRequest, 'address' | 'addressGroup'>,
    backend: Backend,
    idleMs: number,
  ) {
    this.id = name.id;
    this.number = name.number;
    this.address = address;
    this.addressGroup = addressGroup;
    this.#backend = backend;
    this.#connection = backend.openConnection();
    this.#idleMs = idleMs;
    backend.sessionBegins(this);
  }

  get backend(): Backend {
    return this.#backend;
  }

  /** The backend connection of this CPE and of nobody else. */
  get connection(): BackendConnection {
    return this.#connection;
  }

  /** The CPE's connection; `undefined` while the CPE is away. */
  get socket(): Socket | undefined {
    return this.#socket;
  }

  get phase(): SessionPhase {
    return this.#phase;
  }

  /** Whether the backend has a request that it has not answered. */
  get isBusy(): boolean {
    return this.#inFlight > 0;
  }

  /** Maximum quiet time, in milliseconds. */
  get idleMs(): number {
    return this.#idleMs;
  }

  /** The CPE has this connection now. */
  attach(socket: Socket): void {
    this.#socket = socket;
  }

  /** The CPE has none. */
  detach(): void {
    this.#socket = undefined;
  }

  /** The body of a request begins to be read, which is no quiet time; `arrived` follows. */
  arrives(): void {
    this.#arriving += 1;
  }

  arrived(): void {
    this.#arriving -= 1;
  }

  /** A request goes to the backend; `settled` follows. */
  sent(): void {
    this.#tried = undefined;
    this.#inFlight += 1;
    this.#backend.inFlight += 1;
  }

  /** The request that was sent last is over, whatever came of it. */
  settled(): void {
    this.#inFlight -= 1;
    this.#backend.settled(1);
    this.#timer?.refresh();
  }

  /** The backend has answered. Returns why the session ends by that, if it does; then {@link end} is to be called. */
  answered({ status, to, empty, asksAgain }: SessionAnswer): 'complete' | 'refused' | undefined {
    if (to === 'transfer') return undefined;
    const comesAgain = status === 401 || (status >= 300 && status < 400) || asksAgain;
    if (to === 'empty' && !comesAgain) this.#emptied = true;
    if (this.#emptied && empty && (status === 204 || status === 200)) return 'complete';
    if (status >= 400 && status !== 401) return 'refused';
    // An ACS may challenge, redirect or put off in mid-session too; its session goes on.
    if (!comesAgain) this.#phase = 'open';
    else if (this.#phase === 'opening') this.#phase = 'challenged';
    return undefined;
  }

  /** The CWMP session is over; its connections may stand for a while yet. Returns whether it was not before. */
  end(): boolean {
    if (this.#phase === 'ended') return false;
    this.#phase = 'ended';
    this.#backend.sessionEnds();
    return true;
  }

  /** The backend could not be connected to: it is among those that `next` leaves out. Returns whether there was another one. */
  failOver(next: (tried: ReadonlySet<Backend>) => Backend | undefined): boolean {
    if (this.#phase !== 'opening') return false;
    const left = this.#backend;
    this.#tried = (this.#tried ?? new Set()).add(left);
    const backend = next(this.#tried);
    if (backend === undefined) return false;
    this.#reconnect(backend);
    backend.inFlight += this.#inFlight;
    backend.sessionBegins(this);
    left.settled(this.#inFlight);
    left.sessionEnds();
    left.over(this);
    return true;
  }

  /** The backend connection has broken; the session may go on on another one. */
  reconnect(): void {
    this.#reconnect(this.#backend);
  }

  #reconnect(backend: Backend): void {
    void this.#connection.destroy();
    this.#backend = backend;
    this.#connection = backend.openConnection();
  }

  /** Sets the maximum quiet time. */
  allowQuiet(idleMs: number): void {
    this.#idleMs = idleMs;
  }

  /** After so many quiet milliseconds `onQuiet` is called. While a request is under way its own limits hold. */
  watchQuiet(delayMs: number, onQuiet: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#inFlight > 0 || this.#arriving > 0) this.#timer?.refresh();
      else onQuiet();
    }, delayMs);
    this.#timer.unref();
  }

  /** Closes the backend connection. Resolves when it is closed. */
  close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#socket = undefined;
    return this.#connection.destroy();
  }
}
