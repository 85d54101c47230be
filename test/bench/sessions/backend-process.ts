// A cheap ACS for the benchmark of sessions: it answers by the size of what it gets, over raw sockets.
import { createServer } from 'node:net';
import { getParameterValues, informResponse } from '../../helpers/cpe-clients/cwmp-bodies.js';

function answer(body: string, ...fields: string[]): string {
  const head = [
    'HTTP/1.1 200 OK',
    'Content-Type: text/xml; charset="utf-8"',
    ...fields,
    `Content-Length: ${body.length}`,
  ];
  return [...head, '', body].join('\r\n');
}

const toInform = answer(informResponse, 'Set-Cookie: session=0123456789abcdef');
const toEmpty = answer(getParameterValues);
const end = 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

const server = createServer({ noDelay: true }, (socket) => {
  let pending = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const head = pending.indexOf('\r\n\r\n');
    if (head === -1) return;
    const length = Number(/content-length: (\d+)/i.exec(pending.toString('latin1', 0, head))?.[1] ?? 0);
    if (pending.length < head + 4 + length) return;
    const isInform = pending.includes('<cwmp:Inform>', head);
    pending = Buffer.alloc(0);
    socket.write(length === 0 ? toEmpty : isInform ? toInform : end);
  });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
});
process.on('disconnect', () => process.exit());
