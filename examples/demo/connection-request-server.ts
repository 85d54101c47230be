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
    if (isChallenge) sendChallenge(incoming.socket, answer, guard.challenge());
    else sendStatus(answer, status);
    if (status === 200) answer.once('close', onAccepted);
  });

  function statusFor(incoming: http.IncomingMessage, target: string): number {
    if (incoming.method !== 'GET') return 405;
    // A CPE that hashes one fixed path (easycwmp) does not look at the request's.
    if (digest?.path === undefined && target !== path) return 404;
    if (!guard.accepts(incoming.headers.authorization, 'GET', target)) return 401;
    return isInSession() ? 503 : 200;
  }

  function sendChallenge(socket: Socket, answer: http.ServerResponse, value: string): void {
    const headers: http.OutgoingHttpHeaders = { 'WWW-Authenticate': value };
    if (challenge === 'extra-line') {
      socket.end(
        `HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\nWWW-Authenticate: ${value}\r\n\r\n\r\n`,
      );
    } else if (challenge === 'chunked') {
      answer.writeHead(401, headers).write('Unauthorized');
      answer.end();
    } else {
      if (challenge === 'closes') headers['Connection'] = 'close';
      answer.writeHead(401, { ...headers, 'Content-Length': 0 }).end();
    }
  }

  function sendStatus(answer: http.ServerResponse, status: number): void {
    const closes = challenge === 'closes' || challenge === 'extra-line';
    answer.writeHead(status, { 'Content-Length': 0, ...(closes ? { Connection: 'close' } : {}) }).end();
  }

  if (challenge === 'extra-line') serveLatestOnly(server);
  const url = await listen(server, model.server.ipv6 === true ? '::1' : '127.0.0.1');
  return { url: `${url}${path}`, close: () => closeServer(server) };
}

/** easycwmp drops a connection as soon as the next one comes. */
function serveLatestOnly(server: http.Server): void {
  let latest: Socket | undefined;
  server.on('connection', (socket) => {
    latest?.destroy();
    latest = socket;
  });
}
