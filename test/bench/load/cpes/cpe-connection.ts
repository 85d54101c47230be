import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { HttpReader } from '../http-reader.js';

/** Where CPEs connect to. */
export interface Target {
  port: number;
  tls: boolean;
}

/** What a CPE got. */
export interface CpeAnswer {
  status: number;
  head: string;
  bodyBytes: number;
}

interface Waiting {
  resolve: (answer: CpeAnswer) => void;
  reject: (error: Error) => void;
}

/** The connection of one simulated CPE, one request at a time. */
export class CpeConnection {
  readonly #socket: Socket;
  #waiting: Waiting | undefined;
  #head = '';
  #bodyBytes = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new HttpReader({
      head: (head) => {
        this.#head = head;
        this.#bodyBytes = 0;
      },
      body: (part) => {
        this.#bodyBytes += part.length;
      },
      end: () => this.#answered(),
    });
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#waiting?.reject(new Error('the connection was cut'));
      this.#waiting = undefined;
    });
  }

  /** Opens a connection, with a full TLS handshake when the target wants one. */
  static async open({ port, tls }: Target, localAddress?: string): Promise<CpeConnection> {
    const where = { port, host: '127.0.0.1', noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) };
    // The certificate is the benchmark's own; what a CPE spends on checking it is not measured.
    const socket = tls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
    await once(socket, tls ? 'secureConnect' : 'connect');
    return new CpeConnection(socket);
  }

  get open(): boolean {
    return !this.#socket.destroyed;
  }

  /** Sends the parts of a request and resolves with the answer to it; rejects when the connection is cut before. */
  exchange(...parts: readonly Buffer[]): Promise<CpeAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error('the connection is closed'));
        return;
      }
      this.#waiting = { resolve, reject };
      for (const part of parts) this.#socket.write(part);
    });
  }

  close(): void {
    this.#socket.destroySoon();
  }

  #answered(): void {
    const status = Number(this.#head.slice(9, 12));
    if (status < 200) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ status, head: this.#head, bodyBytes: this.#bodyBytes });
  }
}

/** The cookie that an answer sets, as a CPE gives it back. */
export function cookieOf({ head }: CpeAnswer): string | undefined {
  return /\r\nset-cookie: *([^;\r]*)/i.exec(head)?.[1];
}
