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
  /** Longest quiet time of a session, in milliseconds. */
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

/** One CPE connection and the backend connection that is its own. */
export class Session {
  /** Names the session in events. */
  readonly id: string;
  backend: Backend;
  /** The backend connection of this CPE and of nobody else. */
  connection: BackendConnection;
  /** The CPE's connection; `undefined` while the CPE is away. */
  socket: Socket | undefined;
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
  phase: SessionPhase = 'opening';
  /** Whether the CPE has sent its empty POST: from then on it only answers, and an empty answer of the ACS is the last. */
  emptied = false;
  /** Requests the backend has not yet answered. */
  inFlight = 0;
  /** Requests of its connection whose bodies are being read. */
  arriving = 0;
  /** Backends that could not be connected to for the request that was sent last; `undefined` where that has not happened. */
  tried: Set<Backend> | undefined;
  /** By what the CPE can be recognised when it returns: hashes of cookies and nonces. */
  readonly keys: Set<string> = new Set();
  /** Ends the session when nothing moves for too long. */
  timer: NodeJS.Timeout | undefined;
  /** Longest quiet time, in milliseconds; an Inform's SessionTimeout can raise it. */
  idleMs: number;

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
    this.backend = backend;
    this.idleMs = idleMs;
    this.connection = backend.openConnection();
  }

  /** The exclusive connection to the next backend to try; closes the one that led nowhere. */
  moveTo(backend: Backend): void {
    void this.connection.destroy();
    this.backend = backend;
    this.connection = backend.openConnection();
  }
}
