// CPEs that hang: one listener accepts and says nothing, the other asks for Digest and says nothing more. Started as a child
// process; tells both ports.
import { createServer, type Server, type Socket } from 'node:net';

const challenge =
  'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="CPE", qop="auth", algorithm=MD5, nonce="1"\r\n' +
  'Content-Length: 0\r\n\r\n';

function portOf(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen({ host: '0.0.0.0', port: 0, backlog: 4096 }, () => {
      const address = server.address();
      resolve(typeof address === 'object' ? (address?.port ?? 0) : 0);
    });
  });
}

const drop = (socket: Socket): Socket => socket.on('error', () => socket.destroy());
const silent = createServer((socket) => drop(socket).resume());
const challenging = createServer((socket) => {
  drop(socket).once('data', () => {
    socket.write(challenge);
    socket.resume();
  });
});
const ports = [await portOf(silent), await portOf(challenging)];
process.on('disconnect', () => process.exit());
process.send?.({ silent: ports[0], challenging: ports[1] });
