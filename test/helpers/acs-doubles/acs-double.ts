import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { getParameterValues, informResponse } from '../cpe-clients/cwmp-bodies.js';
import { listen } from '../serve.js';

/** One POST as an ACS sees it. */
export interface AcsRequest {
  request: IncomingMessage;
  socket: Socket;
  body: string;
  isInform: boolean;
  /** Value of a cookie. */
  cookie: (name: string) => string | undefined;
}

/** What an ACS answers. */
export interface AcsAnswer {
  status: number;
  reason?: string;
  /** Names and values in turn. */
  headers?: string[];
  body?: string;
}

/** Where a session of an ACS stands. */
export interface AcsSession {
  id: string;
  serial: string;
  /** It has asked for values and waits for them. */
  asked: boolean;
}

/**
 * An ACS double: counts what reaches it, and leaves it to its kind what to refuse. Every kind runs the same session: Inform,
 * empty POST, GetParameterValues, the values, end.
 */
export abstract class AcsDouble {
  /** The sessions that were begun and completed. */
  begun = 0;
  completed = 0;
  /** What it refused, with its words. */
  readonly refused: string[] = [];
  /** How often each POST arrived, by the id it carries. */
  readonly posts: Map<string, number> = new Map();
  /** The URLs that the Informs carried. */
  readonly urls: Set<string> = new Set();
  port = 0;
  url = '';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      void this.#serve(request, response);
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  async start(t: TestContext): Promise<this> {
    ({ port: this.port, url: this.url } = await listen(t, this.#server));
    return this;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Dies as a process does: nothing listens any more, every connection is reset. */
  kill(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** What the ACS answers. */
  protected abstract answer(request: AcsRequest): AcsAnswer;

  /** The answer that ends a session. */
  protected abstract end(session: AcsSession): AcsAnswer;

  protected refuse(words: string, status = 400): AcsAnswer {
    this.refused.push(words);
    return { status, body: words };
  }

  /** The next step of a session that the message belongs to. */
  protected step(session: AcsSession, { isInform, body }: AcsRequest): AcsAnswer {
    if (isInform) {
      this.begun += 1;
      return { status: 200, headers: ['Content-Type', 'text/xml'], body: informResponse };
    }
    if (body === '' && !session.asked) {
      session.asked = true;
      return { status: 200, headers: ['Content-Type', 'text/xml'], body: getParameterValues };
    }
    if (!body.includes('GetParameterValuesResponse')) return this.refuse('Unexpected message');
    this.completed += 1;
    return this.end(session);
  }

  protected newSession(body: string): AcsSession {
    const [, serial = ''] = /<SerialNumber>(.*?)</.exec(body) ?? [];
    return { id: `${this.port}x${this.begun}x${Math.random().toString(36).slice(2)}`, serial, asked: false };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = request.headers['x-post-id'];
    if (typeof id === 'string') this.posts.set(id, (this.posts.get(id) ?? 0) + 1);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    await new Promise<void>((resolve) => {
      request.on('end', resolve).on('close', resolve);
    });
    const body = Buffer.concat(chunks).toString();
    const isInform = body.includes('<cwmp:Inform>');
    const [, url] = /ConnectionRequestURL<\/Name><Value>(.*?)</.exec(body) ?? [];
    if (url !== undefined) this.urls.add(url);
    const { cookie: line = '' } = request.headers;
    const pairs = new Map(
      line.split(/[;,]/).map((pair) => {
        const [name = '', value = ''] = pair.trim().split('=');
        return [name, value];
      }),
    );
    this.write(
      response,
      this.answer({ request, socket: request.socket, body, isInform, cookie: (name) => pairs.get(name) }),
    );
  }

  /** Writes an answer; head and body go in one segment unless a kind does otherwise. */
  protected write(response: ServerResponse, { status, reason, headers = [], body = '' }: AcsAnswer): void {
    const all = [...headers, 'Content-Length', String(Buffer.byteLength(body))];
    if (reason === undefined) response.writeHead(status, all);
    else response.writeHead(status, reason, all);
    response.end(body);
  }
}
