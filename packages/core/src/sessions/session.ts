import type { Socket } from 'node:net';
import type { Client } from 'undici';
import type { Backend } from '../backends/backend.js';

/**
 * Where a session stands: `opening` until the backend has answered, `challenged` after a 401, `open` after any other
 * answer, `ended` after the empty answer to an empty POST (TR-069 A6 §3.7.2.4), a failure or its time.
 */
export type SessionPhase = 'opening' | 'challenged' | 'open' | 'ended';

/** Why a session ended. */
export type SessionEnd = 'complete' | 'cpe-gone' | 'idle' | 'failed' | 'superseded' | 'removed' | 'closed';

/** One answer of the backend, as far as a session is moved by it. */
export interface SessionAnswer {
  status: number;
  /** Whether the request was a POST without a body. */
  emptyPost: boolean;
  /** Whether the answer had no body. */
  empty: boolean;
}

/** One CPE connection and the backend connection that is its own. */
export class Session {
  /** Names the session in events. */
  readonly id: string;
  backend: Backend;
  /** The backend connection of this CPE and of nobody else. */
  connection: Client;
  /** The CPE's connection; `undefined` while the CPE is away. */
  socket: Socket | undefined;
  phase: SessionPhase = 'opening';
  /** Requests the backend has not yet answered; more than one only when a CPE pipelines, which it must not. */
  inFlight = 0;
  /** Backends that could not be connected to. */
  readonly tried: Set<Backend> = new Set();
  /** By what the CPE can be recognised when it returns: hashes of cookies and nonces. */
  readonly keys: Set<string> = new Set();
  /** Ends the session when nothing moves for too long. */
  timer: NodeJS.Timeout | undefined;
  /** Longest quiet time, in milliseconds; an Inform's SessionTimeout can raise it. */
  idleMs: number;

  constructor(id: string, backend: Backend, idleMs: number) {
    this.id = id;
    this.backend = backend;
    this.idleMs = idleMs;
    this.connection = backend.openConnection();
  }

  /** Whether a message of a CPE that is put back on it can go on where it stood. */
  get resumable(): boolean {
    return this.phase !== 'ended' && this.inFlight === 0;
  }
}
