// Fake CPEs for the benchmark: one listener answers on every loopback address, each of which is a CPE of its own. Started
// as a child process; tells its port, and on any message how often it was woken.
import { createServer } from 'node:net';
import { verifyDigest } from '@cwmp-proxy/core';

const expected = { username: 'acs', password: 'secret', realm: 'CPE', method: 'GET' };
let woken = 0;
let connections = 0;

const server = createServer((socket) => {
  connections += 1;
  const nonce = `${Date.now().toString(16)}${connections.toString(16).padStart(8, '0')}`;
  socket.setEncoding('latin1');
  socket.on('error', () => socket.destroy());
  socket.on('data', (request: string) => {
    const authorization = /\r\nauthorization: ([^\r]*)/i.exec(request)?.[1];
    const uri = /^GET (\S+)/.exec(request)?.[1] ?? '';
    if (authorization !== undefined && verifyDigest(authorization, { ...expected, uri })) {
      woken += 1;
      // It closes, as most do: it will now open its session.
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    } else {
      socket.write(
        `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="CPE", qop="auth", algorithm=MD5, nonce="${nonce}"` +
          '\r\nContent-Length: 0\r\n\r\n',
      );
    }
  });
});

process.on('message', () => {
  process.send?.({ woken, connections });
  woken = 0;
  connections = 0;
});
process.on('disconnect', () => process.exit());

server.listen({ host: '0.0.0.0', port: 0, backlog: 4096 }, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});
