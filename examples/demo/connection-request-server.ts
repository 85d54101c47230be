import http from 'node:http';
import type { Socket } from 'node:net';
import type { CpeModel } from './cpe-model.js';
import { type DigestCredentials, DigestGuard } from './digest.js';
import { connectionName } from './http-exchange.js';
import { type Journal, schemesOf } from './journal.js';
import { closeServer, listen } from './loopback.js';

/** What a CPE gives to its connection-request server. */
export interface ConnectionRequestServerOptions {
  readonly model: CpeModel;
  readonly credentials: DigestCredentials;
  readonly journal: Journal;
  /** Whether a session runs: then a request is answered 503 (TR-069 A6 §3.2.2). */
  readonly isInSession: () => boolean;
  /** Called once the 200 is on its way: now the CPE opens a session. */
  readonly onAccepted: () => void;
}

/** The server that wakes a CPE: one GET on a path that nobody can guess, protected by Digest. */
export interface ConnectionRequestServer {
  /** What the CPE reports as its ConnectionRequestURL. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the connection-request server of one CPE on a free loopback port. */
export async function startConnectionRequestServer(
  options: ConnectionRequestServerOptions,
): Promise<ConnectionRequestServer> {
  const { model, credentials, journal, isInSession, onAccepted } = options;
  const { path, realm, digest, challenge } = model.server;
  const guard = new DigestGuard(credentials, realm, digest);

  const server = http.createServer((incoming, answer) => {
    const target = incoming.url ?? '/';
    const connection = connectionName(incoming.socket);
    const seen = { serialNumber: model.serialNumber, connection, body: Buffer.alloc(0) };
    const schemes = schemesOf(incoming.headers);
    const request = { method: incoming.method ?? '', target };
    journal.record({ ...seen, from: 'proxy', to: 'CPE', request, schemes });
    incoming.resume();

    const status = statusFor(incoming, target);
    const isChallenge = status === 401;
    journal.record({ ...seen, from: 'CPE', to: 'proxy', status, schemes: isChallenge ? ['Digest'] : [] });
    send(answer, status, isChallenge ? guard.challenge() : undefined);
  });

  function statusFor(incoming: http.IncomingMessage, target: string): number {
    if (incoming.method !== 'GET') return 405;
    if (challenge === 'extra-line') {
      // easycwmp searches the head for this very text, and does not look at the request's path.
      if (!incoming.rawHeaders.includes('Authorization')) return 401;
    } else if (target !== path) {
      return 404;
    }
    if (!guard.accepts(incoming.headers.authorization, 'GET', target)) return 401;
    return isInSession() ? 503 : 200;
  }

  function send(answer: http.ServerResponse, status: number, challengeValue: string | undefined): void {
    const whenSent = (): void => {
      if (status === 200) onAccepted();
    };
    if (challenge === 'extra-line') {
      answer.socket?.end(easycwmpAnswer(status, challengeValue), whenSent);
      return;
    }
    if (challengeValue !== undefined) answer.setHeader('WWW-Authenticate', challengeValue);
    if (challenge === 'closes') answer.setHeader('Connection', 'close');
    answer.once('finish', whenSent);
    if (challenge === 'chunked' && challengeValue !== undefined) answer.writeHead(status).write('Unauthorized');
    else answer.writeHead(status, { 'Content-Length': 0 });
    answer.end();
  }

  if (challenge === 'extra-line') serveLatestOnly(server);
  const url = await listen(server, model.server.ipv6 === true ? '::1' : '127.0.0.1');
  return { url: `${url}${path}`, close: () => closeServer(server) };
}

/** What easycwmp writes before it closes: a stray CRLF after its 401, no Content-Length with its 200. */
function easycwmpAnswer(status: number, challengeValue: string | undefined): string {
  const head = `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n`;
  if (challengeValue === undefined) return `${head}\r\n`;
  return `${head}Content-Length: 0\r\nWWW-Authenticate: ${challengeValue}\r\n\r\n\r\n`;
}

/** easycwmp drops a connection as soon as the next one comes. */
function serveLatestOnly(server: http.Server): void {
  let latest: Socket | undefined;
  server.on('connection', (socket) => {
    latest?.destroy();
    latest = socket;
  });
}
