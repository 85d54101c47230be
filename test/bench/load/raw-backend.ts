// The ACS of the benchmark, a program of its own: answers with bytes made beforehand, straight on the socket, so that it
// takes as little of the core it shares with the load generator as can be.
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { answerQuestions } from './child-answers.js';
import { HttpReader } from './http-reader.js';
import { connectionRequestUrl, getParameterValues, idDigits, idOffset, inform, informResponse } from './messages.js';

const counts = {
  connections: 0,
  open: 0,
  requests: 0,
  informs: 0,
  rewritten: 0,
  bodyBytes: 0,
  completed: 0,
  doubled: 0,
};

/** How often each message came, by the digits of its ID. */
const seen = new Uint8Array(4_000_000);
const idAt = idOffset(inform);
const bareUrl = `>${connectionRequestUrl}<`;
const longestHeld = 65_536;
const downloadPart = Buffer.alloc(65_536, 'firmware');

const fields = 'Server: bench\r\nContent-Type: text/xml; charset="utf-8"\r\n';
const asking = answer(`200 OK\r\n${fields}`, getParameterValues);
const informed = answer(`200 OK\r\n${fields}`, informResponse);
const ended = Buffer.from('HTTP/1.1 204 No Content\r\nServer: bench\r\n\r\n');

function answer(head: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${head}Content-Length: ${body.length}\r\n\r\n`), body]);
}

function countMessage(body: Buffer): void {
  counts.informs += 1;
  if (!body.includes(bareUrl)) counts.rewritten += 1;
  const id = Number(body.toString('latin1', idAt, idAt + idDigits));
  if (id > 0 && id < seen.length) {
    const times = (seen[id] ?? 0) + 1;
    seen[id] = times;
    if (times > 1) counts.doubled += 1;
  }
}

function serve(socket: Socket): void {
  counts.connections += 1;
  counts.open += 1;
  socket.setNoDelay(true);
  let head = '';
  let parts: Buffer[] = [];
  let length = 0;
  const reader = new HttpReader({
    head(text) {
      head = text;
      parts = [];
      length = 0;
    },
    body(part) {
      length += part.length;
      if (length <= longestHeld) parts.push(part);
    },
    end() {
      counts.requests += 1;
      counts.bodyBytes += length;
      if (head.startsWith('GET ')) sendDownload(socket, Number(/\/download\/(\d+)/.exec(head)?.[1] ?? 0));
      else if (length === 0) socket.write(asking);
      else socket.write(answerTo(head, parts.length === 1 ? (parts[0] ?? ended) : Buffer.concat(parts)));
    },
  });
  socket.on('data', (chunk: Buffer) => reader.push(chunk));
  socket.on('error', () => socket.destroy());
  socket.on('close', () => (counts.open -= 1));
}

function answerTo(head: string, body: Buffer): Buffer {
  if (!body.subarray(0, 1024).includes('<cwmp:Inform>')) {
    counts.completed += 1;
    return ended;
  }
  countMessage(body);
  if (/\r\ncookie:/i.test(head)) return informed;
  return answer(
    `200 OK\r\n${fields}Set-Cookie: session=${counts.informs.toString(16).padStart(16, '0')}\r\n`,
    informResponse,
  );
}

function sendDownload(socket: Socket, size: number): void {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ${size}\r\n\r\n`);
  let left = size;
  const send = (): void => {
    while (left > 0) {
      const part = left < downloadPart.length ? downloadPart.subarray(0, left) : downloadPart;
      left -= part.length;
      if (!socket.write(part)) {
        socket.once('drain', send);
        return;
      }
    }
  };
  send();
}

const server = createServer(serve);
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
await once(server, 'listening');
answerQuestions(server, { counts: () => ({ ...counts }) });
