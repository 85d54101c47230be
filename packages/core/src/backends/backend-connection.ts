import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { CwmpProxyError } from '../errors.js';
import { type ResponseListener, ResponseParser } from '../http/response-parser.js';
import type { BackendDialer } from './backend-dialer.js';
import { Deadline } from './deadline.js';
import { requestHead } from './request-head.js';
import { Upload } from './upload.js';

/** Where a {@link BackendConnection} goes, and how long it waits. */
export interface ConnectionSettings {
  dialer: BackendDialer;
  /** Maximum time to connect, look-up and TLS included, in milliseconds. Each address of a name gets an even share of it. */
  connectTimeoutMs: number;
  /** Maximum time from the request to the end of the answer's head, in milliseconds. It begins anew with what goes of a long body. */
  headersTimeoutMs: number;
  /** Maximum silence inside an answer's body, in milliseconds. */
  bodyTimeoutMs: number;
  /** Called when a connection stands. */
  onConnected: () => void;
}

/** One request as it goes to a backend. */
export interface BackendRequest {
  method: string;
  /** Path and query. */
  path: string;
  /** Names and values in turn, one character an octet; without `Host`, `Connection` and what frames the body. */
  headers: readonly string[];
  body: Buffer | Readable;
  /** Bytes of a streamed body, where they are known. Otherwise it goes in chunks. */
  length: string | undefined;
}

/** Hears of the answer to one request. */
export interface AnswerListener extends ResponseListener {
  /**
   * There will be no answer, or no more of it.
   *
   * @param isSent Whether a byte of the request may have reached the backend.
   */
  onError(error: Error, isSent: boolean): void;
}

/** Why a connection has failed, beside what the system and TLS say. */
class ConnectionFault extends Error {
  readonly code: 'ERR_CONNECT_TIMEOUT' | 'ERR_HEAD_TIMEOUT' | 'ERR_BODY_TIMEOUT' | 'ERR_CLOSED';

  constructor(code: ConnectionFault['code']) {
    super(code === 'ERR_CLOSED' ? 'the backend closed the connection' : 'the backend was silent for too long');
    this.code = code;
  }
}

/** One for all: to capture a stack for each session that ends costs as much as to rewrite a message. */
const sessionOver = new CwmpProxyError('ERR_CWMP_CLOSED', 'the session is over');

/** A body of up to this length goes out with its head as one string, in one write. */
const smallBytes = 16_384;
/** What is read at once from this length on is copied out of the shared buffer; what is shorter is copied by whoever keeps it. */
const largeBytes = 4_096;

/** One request on its way, in the hands of whoever sent it. */
export class RunningRequest {
  readonly head: string;
  readonly request: BackendRequest;
  readonly listener: AnswerListener;
  /** Whether it was written to a socket, which may not be connected yet. */
  isWritten = false;
  /** Whether a byte of it may have reached the backend. */
  isSent = false;
  /** Whether the answer is whole. */
  isAnswered = false;
  /** What sends its body. */
  upload: Upload | undefined;
  readonly #connection: BackendConnection;

  constructor(connection: BackendConnection, head: string, request: BackendRequest, listener: AnswerListener) {
    this.#connection = connection;
    this.head = head;
    this.request = request;
    this.listener = listener;
  }

  /** Gives it up, and the connection with it. Its listener gets the error, unless it has its answer. */
  abort(error: Error): void {
    this.#connection.abort(this, error);
  }

  /** Reads no more of the answer for now. */
  pause(): void {
    this.#connection.pause(this);
  }

  /** Reads on. */
  resume(): void {
    this.#connection.resume(this);
  }
}

/**
 * A connection of its own for one CPE. An ACS binds the session and the Digest nonce to the socket, so it is shared with
 * nobody, and idle it stays open for as long as the ACS and the session let it. When the ACS closes it between two requests,
 * the next request opens it anew; a request that was under way is never sent again.
 */
export class BackendConnection {
  readonly #settings: ConnectionSettings;
  readonly #parser = new ResponseParser();
  readonly #deadline: Deadline;
  readonly #waiting: RunningRequest[] = [];
  #running: RunningRequest | undefined;
  #socket: Socket | undefined;
  /** The one that was opened last; it may be closing. */
  #latest: Socket | undefined;
  #dialling: Dialling | undefined;
  #isOver = false;
  #isPaused = false;

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
    this.#deadline = new Deadline(() => this.#late());
  }

  /**
   * Sends a request when those before it are answered.
   *
   * @throws {@link CwmpProxyError} `ERR_CWMP_BAD_REQUEST` for a method, target or field that is no HTTP.
   */
  send(request: BackendRequest, listener: AnswerListener): RunningRequest {
    const head = requestHead(request, this.#settings.dialer.authority);
    const running = new RunningRequest(this, head, request, listener);
    this.#waiting.push(running);
    if (this.#running === undefined) this.#next();
    return running;
  }

  abort(running: RunningRequest, error: Error): void {
    if (this.#running === running) return this.#fail(error);
    const index = this.#waiting.indexOf(running);
    if (index === -1) return;
    this.#waiting.splice(index, 1);
    running.listener.onError(error, false);
  }

  pause(running: RunningRequest): void {
    if (this.#running !== running || this.#isPaused) return;
    this.#isPaused = true;
    this.#deadline.clear();
    this.#socket?.pause();
  }

  resume(running: RunningRequest): void {
    if (this.#running !== running || !this.#isPaused) return;
    this.#isPaused = false;
    this.#deadline.set(this.#settings.bodyTimeoutMs);
    this.#socket?.resume();
  }

  /** Closes at once; what is in flight fails with `ERR_CWMP_CLOSED`. Resolves when it is closed. */
  destroy(): Promise<void> {
    this.#isOver = true;
    const waiting = this.#waiting.splice(0);
    this.#fail(sessionOver);
    this.#deadline.stop();
    for (const { listener } of waiting) listener.onError(sessionOver, false);
    const latest = this.#latest;
    if (latest === undefined || latest.closed) return Promise.resolve();
    return new Promise((resolve) => latest.once('close', () => resolve()));
  }

  #next(): void {
    const running = this.#waiting.shift();
    if (running === undefined) return;
    this.#running = running;
    if (this.#isOver) this.#fail(sessionOver);
    else if (this.#socket === undefined) this.#open(running);
    // What has come of the end of this connection is seen first; then the request goes on a new one.
    else setImmediate(() => this.#begin(running));
  }

  #begin(running: RunningRequest): void {
    if (this.#running !== running) return;
    if (this.#socket === undefined) return this.#open(running);
    this.#write(running, this.#socket);
    running.isSent = true;
    running.upload?.start();
    this.#deadline.set(this.#settings.headersTimeoutMs);
  }

  #open(running: RunningRequest): void {
    const { dialer, connectTimeoutMs } = this.#settings;
    const until = performance.now() + connectTimeoutMs;
    this.#deadline.set(connectTimeoutMs);
    dialer.addresses((error, addresses) => {
      if (this.#running !== running) return;
      if (error === null) this.#dial(running, { addresses, until, faults: [] });
      else this.#fail(error);
    });
  }

  /** Tries the first of the addresses. */
  #dial(running: RunningRequest, dialling: Dialling): void {
    const { addresses, until } = dialling;
    const { dialer, onConnected, headersTimeoutMs } = this.#settings;
    this.#dialling = dialling;
    this.#deadline.set(Math.max(0, until - performance.now()) / addresses.length);
    let socket: Socket;
    try {
      socket = dialer.connect(
        addresses[0] ?? '',
        (bytes, buffer) => this.#socket === socket && this.#read(buffer, bytes),
      );
    } catch (fault) {
      return this.#fail(asError(fault));
    }
    this.#socket = socket;
    this.#latest = socket;
    socket.once(dialer.readyEvent, () => {
      if (this.#socket !== socket) return;
      this.#dialling = undefined;
      running.isSent = true;
      onConnected();
      this.#deadline.set(headersTimeoutMs);
      running.upload?.start();
    });
    socket.on('error', (error) => this.#gone(socket, error));
    socket.on('end', () => this.#gone(socket));
    socket.on('close', () => this.#gone(socket));
    this.#write(running, socket);
  }

  #write(running: RunningRequest, socket: Socket): void {
    const { head, request } = running;
    const { method, body, length } = request;
    running.isWritten = true;
    this.#parser.begin(method);
    if (!Buffer.isBuffer(body)) {
      socket.write(head, 'latin1');
      running.upload = new Upload(body, socket, length === undefined, {
        onProgress: () => this.#awaitHead(running),
        onDone: () => (running.isAnswered ? this.#settle(running) : this.#awaitHead(running)),
        onError: (error) => this.abort(running, error),
      });
    } else if (body.length <= smallBytes) {
      socket.write(body.length === 0 ? head : head + body.toString('latin1'), 'latin1');
    } else {
      socket.cork();
      socket.write(head, 'latin1');
      socket.write(body);
      socket.uncork();
    }
  }

  /** The time for the head of the answer begins anew. */
  #awaitHead(running: RunningRequest): void {
    if (!running.isAnswered && !this.#parser.isInBody) this.#deadline.set(this.#settings.headersTimeoutMs);
  }

  /** Takes what has come; whether more is to be read. */
  #read(buffer: Uint8Array, bytes: number): boolean {
    const running = this.#running;
    // Nobody has asked for it.
    if (running?.isWritten !== true) {
      this.#drop();
      return false;
    }
    const view = Buffer.from(buffer.buffer, buffer.byteOffset, bytes);
    try {
      this.#parser.push(bytes < largeBytes ? view : Buffer.from(view), running.listener);
    } catch (fault) {
      if (this.#running === running) this.#fail(asError(fault));
      return false;
    }
    if (this.#running !== running) return false;
    if (this.#parser.isOver) this.#settle(running);
    else if (this.#parser.isInBody && !this.#isPaused) this.#deadline.set(this.#settings.bodyTimeoutMs);
    return !this.#isPaused;
  }

  /** The answer is whole. The next request has its turn as soon as this one is sent. */
  #settle(running: RunningRequest): void {
    running.isAnswered = true;
    if (this.#isPaused) {
      // The CPE was slow to the end of this answer; the next one is read again.
      this.#isPaused = false;
      this.#socket?.resume();
    }
    this.#deadline.clear();
    const isSending = running.upload?.isDone === false;
    if (isSending && this.#parser.isReusable) return;
    this.#running = undefined;
    if (!this.#parser.isReusable) this.#letClose();
    if (isSending) endUpload(running);
    this.#next();
  }

  /** A socket has ended or failed, unless it was let go of before. */
  #gone(socket: Socket, error?: Error): void {
    if (this.#socket !== socket) return;
    const running = this.#running;
    if (running?.isWritten !== true) return this.#drop();
    if (error === undefined && !running.isAnswered && this.#parser.end(running.listener)) return this.#settle(running);
    this.#broken(running, error ?? new ConnectionFault('ERR_CLOSED'));
  }

  #late(): void {
    const running = this.#running;
    if (running === undefined) return;
    const waited = this.#parser.isInBody ? 'ERR_BODY_TIMEOUT' : 'ERR_HEAD_TIMEOUT';
    this.#broken(running, new ConnectionFault(running.isSent ? waited : 'ERR_CONNECT_TIMEOUT'));
  }

  /** The connection has failed; where it did not stand yet, the next address is tried. */
  #broken(running: RunningRequest, error: Error): void {
    const dialling = this.#dialling;
    if (dialling === undefined) return this.#fail(error);
    const [, ...addresses] = dialling.addresses;
    const faults = [...dialling.faults, error];
    if (addresses.length === 0) return this.#fail(faults.length === 1 ? error : faultOfAll(faults));
    this.#drop();
    running.upload?.stop();
    this.#dial(running, { ...dialling, addresses, faults });
  }

  #fail(error: Error): void {
    const running = this.#running;
    this.#running = undefined;
    this.#isPaused = false;
    this.#deadline.clear();
    this.#parser.stop();
    this.#drop();
    if (running === undefined) return;
    // Of a body that nothing was read of another backend may be sent all.
    if (running.isSent) endUpload(running);
    else running.upload?.stop();
    if (!running.isAnswered) running.listener.onError(error, running.isSent);
    this.#next();
  }

  /** The backend closes the connection, as it has said; where it has not, or sends more, it is closed here. */
  #letClose(): void {
    const socket = this.#socket;
    if (socket === undefined || !this.#parser.closes) return this.#drop();
    this.#socket = undefined;
    this.#settings.dialer.linger(socket);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#dialling = undefined;
    socket?.destroy();
  }
}

/** A connection that is being made. */
interface Dialling {
  /** Those still to be tried; the first is at hand. */
  readonly addresses: readonly string[];
  /** When time is over for all of them, on the clock of `performance.now()`. */
  readonly until: number;
  /** Why those before could not be reached. */
  readonly faults: readonly Error[];
}

function endUpload({ upload, request }: RunningRequest): void {
  upload?.stop();
  if (!Buffer.isBuffer(request.body)) request.body.destroy();
}

/** Why none of several addresses could be reached; told by the code of the last. */
function faultOfAll(faults: readonly Error[]): Error {
  const last = faults.at(-1);
  const code = last !== undefined && 'code' in last ? last.code : undefined;
  return Object.assign(new AggregateError(faults, last?.message), { code });
}

function asError(fault: unknown): Error {
  return fault instanceof Error ? fault : new Error(String(fault));
}
