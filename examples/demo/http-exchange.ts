import http from 'node:http';
import type { Socket } from 'node:net';

/** One request that a peer makes. */
export interface ExchangeRequest {
  readonly agent: http.Agent;
  readonly host: string;
  readonly port: number;
  readonly method: 'GET' | 'POST';
  /** Goes out exactly as it is. */
  readonly target: string;
  readonly headers: http.OutgoingHttpHeaders;
  readonly body?: Buffer;
  /** Called when the connection stands and the request is about to leave on it. */
  readonly onSent: (connection: string) => void;
}

/** The answer, read to its end. */
export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  readonly connection: string;
}

/** No exchange of the demo lasts longer than this, in milliseconds. */
const timeoutMs = 3_000;

/** Makes one request and reads the whole answer. Rejects when the peer does not answer in time. */
export function exchange(request: ExchangeRequest): Promise<ExchangeAnswer> {
  const { agent, host, port, method, target, headers, body, onSent } = request;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const outgoing = http.request({ agent, host, port, method, path: target, headers, signal });
    outgoing.on('error', reject);
    outgoing.on('socket', (socket) => {
      if (socket.connecting) socket.once('connect', () => onSent(connectionName(socket)));
      else onSent(connectionName(socket));
    });
    outgoing.on('response', (incoming) => {
      const connection = connectionName(incoming.socket);
      readBody(incoming).then(
        (answer) => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: answer, connection }),
        reject,
      );
    });
    if (headers['expect'] === undefined) {
      outgoing.end(body);
    } else {
      // libcurl holds its body back until the server says 100, for a second at most.
      const patience = setTimeout(() => outgoing.end(body), 1_000);
      outgoing.once('continue', () => outgoing.end(body));
      outgoing.once('close', () => clearTimeout(patience));
      outgoing.once('finish', () => clearTimeout(patience));
      outgoing.flushHeaders();
    }
  });
}

/** Reads a body of at most 1 MiB: the peers of the demo have nothing longer to say. */
export async function readBody(incoming: http.IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of incoming) {
    const bytes: Buffer = Buffer.isBuffer(part) ? part : Buffer.from(String(part));
    length += bytes.length;
    if (length > 1_048_576) throw new Error('The body is longer than 1 MiB');
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

/** A name for a TCP connection, the same at each message on it. */
export function connectionName(socket: Socket): string {
  return `${socket.localAddress ?? '?'}:${socket.localPort ?? 0}-${socket.remotePort ?? 0}`;
}
