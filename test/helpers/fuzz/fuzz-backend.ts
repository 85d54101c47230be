import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Random } from '../random.js';
import { addressOf } from '../serve.js';
import type { AnswerPlan } from './answer-plan.js';

/** A request that a backend got. */
export interface SeenRequest {
  mark: number;
  method: string;
  /** Counts the connections of all backends. */
  connection: number;
  /** Lower-case names and values of its fields. */
  head: string;
  body: Buffer;
  whole: boolean;
}

/** A backend that does with each request what its plan says, and notes what it got. */
export interface FuzzBackend {
  url: string;
  open: Set<Socket>;
  close: () => Promise<void>;
}

/** What all backends of a round note. */
export interface BackendLog {
  seen: SeenRequest[];
  /** What no proxy may do, whatever the peers did. */
  findings: string[];
  connections: number;
}

/**
 * Starts a backend.
 *
 * @param planOf The answer to the request of a mark.
 * @param moody Whether some of its connections are ended as soon as they are there.
 */
export async function startFuzzBackend(
  seed: number,
  log: BackendLog,
  planOf: (mark: number) => AnswerPlan | undefined,
  moody: boolean,
): Promise<FuzzBackend> {
  const random = new Random(seed);
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => socket.destroy());
    log.connections += 1;
    const mood = moody ? random.int(24) : -1;
    if (mood === 0) reset(socket);
    else if (mood === 1) socket.resume().end();
    else if (mood === 2) socket.resume().end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n');
    else if (mood === 3) socket.resume().on('end', () => socket.end());
    else new BackendConversation(socket, log, log.connections, planOf).start();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${addressOf(server).port}`,
    open,
    async close() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** One connection of a backend. */
class BackendConversation {
  readonly #socket: Socket;
  readonly #log: BackendLog;
  readonly #connection: number;
  readonly #planOf: (mark: number) => AnswerPlan | undefined;
  #pending: Buffer = Buffer.alloc(0);
  #current: SeenRequest | undefined;
  #bodyLeft: number | 'chunked' = 0;
  #isAnswering = false;

  constructor(socket: Socket, log: BackendLog, connection: number, planOf: (mark: number) => AnswerPlan | undefined) {
    this.#socket = socket;
    this.#log = log;
    this.#connection = connection;
    this.#planOf = planOf;
  }

  start(): void {
    const socket = this.#socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk)).on('end', () => socket.end());
  }

  #read(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (;;) {
      if (this.#current === undefined && !this.#readHead()) return;
      if (!this.#readBody()) return;
    }
  }

  #readHead(): boolean {
    const end = this.#pending.indexOf('\r\n\r\n');
    if (end === -1) return false;
    const head = this.#pending.toString('latin1', 0, end);
    this.#pending = this.#pending.subarray(end + 4);
    const [, method = '', digits] = /^(\S+) \S*\/t\/(\d+)\S* HTTP\/1\.1\r\n/.exec(head) ?? [];
    if (digits === undefined) this.#log.findings.push(`a backend got no request of a CPE: ${head.slice(0, 80)}`);
    if (this.#isAnswering) this.#log.findings.push(`a backend got ${digits} before it had answered the one before`);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    this.#bodyLeft = /\r\ntransfer-encoding: chunked/i.test(head) ? 'chunked' : Number(length ?? 0);
    const seen = {
      mark: Number(digits ?? 0),
      method,
      connection: this.#connection,
      head,
      body: Buffer.alloc(0),
      whole: false,
    };
    this.#current = seen;
    this.#log.seen.push(seen);
    const plan = this.#planOf(seen.mark);
    if (plan?.when === 'head') void this.#answer(plan);
    return true;
  }

  /** Returns whether the request is whole. */
  #readBody(): boolean {
    const current = this.#current;
    if (current === undefined) return false;
    if (this.#bodyLeft === 'chunked') {
      for (;;) {
        const lineEnd = this.#pending.indexOf('\r\n');
        if (lineEnd === -1) return false;
        const size = Number.parseInt(this.#pending.toString('latin1', 0, lineEnd), 16);
        if (this.#pending.length < lineEnd + 2 + size + 2) return false;
        current.body = Buffer.concat([current.body, this.#pending.subarray(lineEnd + 2, lineEnd + 2 + size)]);
        this.#pending = this.#pending.subarray(lineEnd + 2 + size + 2);
        if (size === 0) break;
      }
    } else {
      const part = this.#pending.subarray(0, this.#bodyLeft);
      current.body = Buffer.concat([current.body, part]);
      this.#pending = this.#pending.subarray(part.length);
      this.#bodyLeft -= part.length;
      if (this.#bodyLeft > 0) return false;
    }
    current.whole = true;
    this.#current = undefined;
    const plan = this.#planOf(current.mark);
    if (plan?.when === 'whole') void this.#answer(plan);
    return true;
  }

  async #answer({ bytes, cut, pieces, pauseMs, after }: AnswerPlan): Promise<void> {
    const socket = this.#socket;
    this.#isAnswering = true;
    const written = bytes.subarray(0, cut?.at);
    const size = Math.max(1, Math.ceil(written.length / (pieces + 1)));
    for (let at = 0; at < written.length; at += size) {
      if (socket.destroyed) return;
      // The next request may come as soon as the last byte is out.
      if (at + size >= written.length && cut === undefined) this.#isAnswering = false;
      socket.write(written.subarray(at, at + size));
      if (at + size < written.length) await pause(pauseMs);
    }
    if (cut?.how === 'stall') return;
    await pause(after.ms);
    const how = cut?.how ?? after.how;
    if (how === 'fin') socket.end();
    else if (how === 'rst') reset(socket);
  }
}

/** Ends a connection with a RST. Node leaks one that has sent its FIN already: it spins, and never closes. */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** Waits; without a time for one turn of the event loop. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (ms === 0) setImmediate(resolve);
    else setTimeout(resolve, ms);
  });
}
