import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { listen } from './serve.js';

/** A backend over raw sockets that writes what it likes. */
export interface RawBackend {
  server: Server;
  url: string;
  port: number;
  /** Every byte it got, connection after connection. */
  received: string[];
  /** Connections that are open. */
  open: Set<Socket>;
}

/**
 * Starts a backend that hands each whole request (by Content-Length, or chunked) to `onRequest`.
 *
 * @param onRequest What it does then; `count` is 1 for the first request of all.
 */
export async function rawBackend(
  t: TestContext,
  onRequest: (socket: Socket, request: string, count: number) => void,
): Promise<RawBackend> {
  const received: string[] = [];
  const open = new Set<Socket>();
  let count = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const index = received.push('') - 1;
    let pending = '';
    open.add(socket);
    socket
      .on('data', (chunk) => {
        const text = chunk.toString('latin1');
        received[index] += text;
        pending += text;
        for (let end = endOfRequest(pending); end !== undefined; end = endOfRequest(pending)) {
          const request = pending.slice(0, end);
          pending = pending.slice(end);
          count += 1;
          onRequest(socket, request, count);
        }
      })
      .on('end', () => socket.end())
      .on('error', () => socket.destroy())
      .on('close', () => open.delete(socket));
  });
  return { server, received, open, ...(await listen(t, server)) };
}

function endOfRequest(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n');
  if (head === -1) return undefined;
  if (/\r\ntransfer-encoding: chunked/i.test(text.slice(0, head))) {
    const last = text.indexOf('\r\n0\r\n\r\n', head);
    return last === -1 ? undefined : last + 7;
  }
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
  return text.length < head + 4 + length ? undefined : head + 4 + length;
}

const closedPorts = new Set<number>();

/** A port on which nobody listens; never the same twice. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address: AddressInfo | string | null = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  if (closedPorts.has(address.port)) return closedPort();
  closedPorts.add(address.port);
  return address.port;
}

/** An answer with a length. */
export function answerOf(body: string, ...fields: string[]): string {
  return ['HTTP/1.1 200 OK', ...fields, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
}
