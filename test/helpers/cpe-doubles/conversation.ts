import { createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { listen } from '../listen.js';
import type { RfcChallenge } from '../rfc-digest.js';

/** What every double takes for its ConnectionRequestUsername and ConnectionRequestPassword. */
export const cpeCredentials = { username: 'acs-7', password: 'wake: up' } as const;

/** The answer of a CPE that accepts a connection request. */
export const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

/** One connection to a CPE double, in bytes. */
export class Conversation {
  readonly #socket: Socket;
  #text = '';
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#text += text;
      this.#wake?.();
    });
    const over = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    socket.on('end', over).on('close', over).on('error', over);
  }

  /** The address the peer calls from. */
  get from(): string {
    return this.#socket.remoteAddress ?? '';
  }

  /** A request up to its blank line; nothing when the peer left first. */
  async head(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\r\n\r\n');
      if (end >= 0) {
        const head = this.#text.slice(0, end + 4);
        this.#text = this.#text.slice(end + 4);
        return head;
      }
      if (this.#ended) return undefined;
      await this.#more();
    }
  }

  /** Whatever the first recv() brings. */
  async recv(): Promise<string> {
    while (this.#text === '' && !this.#ended) await this.#more();
    const text = this.#text;
    this.#text = '';
    return text;
  }

  /** Whether the peer has left. */
  get isGone(): boolean {
    return this.#ended;
  }

  /** Resolves when the peer has left. */
  async gone(): Promise<void> {
    while (!this.#ended) await this.#more();
  }

  /** Writes bytes in one go. */
  write(text: string): void {
    if (!this.#socket.destroyed) this.#socket.write(text, 'latin1');
  }

  /** Closes as close() does once all is written. */
  close(): void {
    this.#socket.end();
  }

  /** Closes with a reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** What a running double has seen. */
export interface CpeState {
  /** How often it was woken. */
  woken: number;
  /** All requests, head and all. */
  readonly requests: string[];
  /** How many connections it had. */
  connections: number;
  /** For a double's own use: from one connection to the next. */
  nonce: string;
}

/** A CPE's connection-request server that behaves byte for byte as a stack of the field does. */
export interface CpeDouble {
  readonly name: string;
  /** Path and query of its ConnectionRequestURL. */
  readonly path: string;
  /** Handles one connection. */
  serve(talk: Conversation, cpe: CpeState): Promise<void>;
  /** What an Authorization is held against by the rules of the RFC; absent where it asks for none. */
  readonly challenge?: Omit<RfcChallenge, 'username' | 'password' | 'nonce'>;
  /** It is woken with Basic only. */
  readonly basic?: true;
  /** It promises nothing to curl: why. */
  readonly notCurl?: string;
}

/** A double that runs. */
export interface RunningCpe {
  readonly url: string;
  readonly state: CpeState;
}

/** Starts a double on a free loopback port. */
export async function startCpe(t: TestContext, double: CpeDouble): Promise<RunningCpe> {
  const state: CpeState = { woken: 0, requests: [], connections: 0, nonce: '' };
  const port = await listenRaw(t, (talk) => {
    state.connections += 1;
    return double.serve(talk, state);
  });
  return { url: `http://127.0.0.1:${port}${double.path}`, state };
}

/** Starts a raw server whose connections are destroyed after the test. */
export function listenRaw(
  t: TestContext,
  serve: (talk: Conversation) => Promise<void>,
  server?: Server,
): Promise<number> {
  const sockets = new Set<Socket>();
  const raw = server ?? createServer();
  raw.on(server === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    void serve(new Conversation(socket));
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  return listen(t, raw);
}

/** Value of a header field in a request, found as a plain search of the bytes finds it. */
export function field(head: string, name: string): string | undefined {
  const start = head.indexOf(`\r\n${name}: `);
  if (start < 0) return undefined;
  const from = start + name.length + 4;
  return head.slice(from, head.indexOf('\r\n', from));
}
