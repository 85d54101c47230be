import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type Server, type Socket, createServer } from 'node:net';
import { HttpReader } from '../http-reader.js';

const realm = 'cpe';
const credentials = { username: 'cpe', password: 'secret' };
const nonce = '5f3c9a0b7d1e42a8';
const challenge = Buffer.from(
  `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="${realm}",nonce="${nonce}",qop="auth"\r\nContent-Length: 0\r\n\r\n`,
);
const accepted = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
const refused = Buffer.from('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

const secret = md5(`${credentials.username}:${realm}:${credentials.password}`);

/** CPEs that wait for connection requests: each on a loopback address of its own, and strict about Digest. */
export class FakeCpes {
  /** Their ConnectionRequestURLs. */
  readonly urls: readonly string[];
  /** Wakes that had the right answer to the challenge. */
  readonly counts: { accepted: number; refused: number };
  readonly #servers: readonly Server[];

  private constructor(
    servers: readonly Server[],
    urls: readonly string[],
    counts: { accepted: number; refused: number },
  ) {
    this.#servers = servers;
    this.urls = urls;
    this.counts = counts;
  }

  static async start(count: number): Promise<FakeCpes> {
    const counts = { accepted: 0, refused: 0 };
    const servers: Server[] = [];
    const urls: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const host = `127.1.${Math.floor(index / 250)}.${(index % 250) + 1}`;
      const server = createServer((socket) => serve(socket, counts)).listen(0, host);
      await once(server, 'listening');
      const address = server.address();
      if (address === null || typeof address === 'string') throw new TypeError('a CPE is not listening on a port');
      servers.push(server);
      urls.push(`http://${host}:${address.port}`);
    }
    return new FakeCpes(servers, urls, counts);
  }

  stop(): void {
    for (const server of this.#servers) server.close();
  }
}

function serve(socket: Socket, counts: { accepted: number; refused: number }): void {
  const reader = new HttpReader({
    head(head) {
      const authorization = /\r\nauthorization: *Digest (.*)/i.exec(head)?.[1];
      if (authorization === undefined) {
        socket.write(challenge);
      } else if (isRight(authorization, head.slice(0, head.indexOf(' ')))) {
        counts.accepted += 1;
        socket.end(accepted);
      } else {
        counts.refused += 1;
        socket.end(refused);
      }
    },
    body() {},
    end() {},
  });
  socket.on('data', (chunk: Buffer) => reader.push(chunk));
  socket.on('error', () => socket.destroy());
}

function isRight(authorization: string, method: string): boolean {
  const field = (name: string): string => new RegExp(`(?:^|[ ,])${name}="?([^",]*)`).exec(authorization)?.[1] ?? '';
  const request = md5(`${method}:${field('uri')}`);
  return field('response') === md5(`${secret}:${nonce}:${field('nc')}:${field('cnonce')}:${field('qop')}:${request}`);
}
