import { createServer, type RequestListener } from 'node:http';
import { connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { inform } from '../../helpers/cpe-clients/cwmp-bodies.js';

/** A kind of hostile CPE, and the backend it has to do with. */
export interface Kind {
  name: string;
  /** Makes the backend's server. */
  backend: () => Server;
  /** What each CPE writes. @param silentPort Where nobody answers. */
  requests: (silentPort: number) => Buffer;
  /** The CPE reads nothing. */
  isDeaf?: boolean;
  /** Written again every second. */
  trickle?: string;
  /** How many CPEs. Default 200. */
  count?: number;
}

const megabyte = 1_048_576;

function head(...fields: string[]): string {
  return ['POST /cwmp HTTP/1.1', 'Host: a', 'Content-Type: text/xml', ...fields, '', ''].join('\r\n');
}

function post(body: Buffer, ...fields: string[]): Buffer {
  return Buffer.concat([Buffer.from(head(...fields, `Content-Length: ${body.length}`)), body]);
}

/** A body of that many chunks of one byte; `end` is what stands behind them. */
function oneByteChunks(chunks: number, end = ''): string {
  return `${'1\r\nx\r\n'.repeat(chunks)}${end}`;
}

const chunked = 'Transfer-Encoding: chunked';
const lastChunk = '0\r\n\r\n';

/** A message of about that many bytes. @param repeated How many bytes of each name compress to nothing. */
function longMessage(bytes: number, repeated: number): Buffer {
  const message = inform('1');
  const end = message.lastIndexOf('</ParameterList>');
  let list = '';
  for (let index = 0; list.length < bytes - message.length; index += 1) {
    list += `<ParameterValueStruct><Name>Device.X.${'a'.repeat(repeated)}${index}</Name><Value xsi:type="xsd:string">é&lt;${index}</Value></ParameterValueStruct>`;
  }
  return Buffer.from(end === -1 ? `${message}<!--${list}-->` : message.slice(0, end) + list + message.slice(end));
}

/** A message whose URLs get longer by more than they compress. */
function messageOfUrls(count: number): Buffer {
  let list = '';
  for (let index = 0; index < count; index += 1) {
    list += `<ParameterValueStruct><Name>Device.ManagementServer.ConnectionRequestURL</Name><Value>http://127.0.0.1/${index}</Value></ParameterValueStruct>`;
  }
  return Buffer.from(inform('1').replace('</ParameterList>', `${list}</ParameterList>`));
}

function answering(listener: RequestListener): () => Server {
  return () => createServer({ keepAliveTimeout: 60_000 }, listener);
}

/** Takes everything and says nothing. */
export const silent = (): Server => createTcpServer((socket) => void quiet(socket).resume());

/** Takes connections and reads nothing. */
const deaf = (): Server => createTcpServer({ pauseOnConnect: true }, quiet);

const prompt = answering((request, response) => void request.resume().on('end', () => response.end()));

/** Answers with so many chunks of one byte, and never ends. */
function dribbling(chunks: number): () => Server {
  return () =>
    createTcpServer((socket) => {
      quiet(socket).once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\n${chunked}\r\n\r\n${oneByteChunks(chunks)}`);
      });
      socket.resume();
    });
}

function quiet(socket: Socket): Socket {
  return socket.on('error', () => socket.destroy());
}

/** The hostile CPEs. */
export const kinds: readonly Kind[] = [
  {
    name: 'chunks of one byte, held',
    backend: prompt,
    requests: () => Buffer.from(head(chunked) + oneByteChunks(65_000)),
  },
  {
    name: 'chunks of one byte, sent ahead of the answers',
    backend: silent,
    requests: () =>
      Buffer.from(head('Content-Length: 0') + (head(chunked) + oneByteChunks(60_000, lastChunk)).repeat(3)),
  },
  {
    name: 'chunks of one byte, streamed to a backend that reads nothing',
    backend: deaf,
    requests: () => Buffer.from(head(chunked) + oneByteChunks(400_000)),
  },
  {
    name: 'chunks of one byte below a connection request',
    backend: silent,
    requests: (silentPort) => {
      const credentials = `Authorization: Basic ${Buffer.from('acs:secret').toString('base64')}`;
      const target = `/client?origin=http://127.0.0.1:${silentPort}/`;
      const fields = ['Host: a', credentials, chunked, '', ''].join('\r\n');
      return Buffer.from(`GET ${target} HTTP/1.1\r\n${fields}${oneByteChunks(100_000)}`);
    },
  },
  {
    name: 'gzip, 61 KB that become 6 MB',
    backend: prompt,
    requests: () => post(gzipSync(longMessage(5.9 * megabyte, 720)), 'Content-Encoding: gzip'),
  },
  {
    name: 'brotli with a window of 16 MB, 6 MB',
    backend: prompt,
    requests: () => {
      const params = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_QUALITY]: 5 };
      return post(brotliCompressSync(longMessage(5.9 * megabyte, 120), { params }), 'Content-Encoding: br');
    },
  },
  {
    name: 'gzip of 15,000 URLs, for a backend that says nothing',
    backend: silent,
    requests: () => post(gzipSync(messageOfUrls(15_000)), 'Content-Encoding: gzip'),
  },
  {
    name: 'gzip that streams and stalls',
    backend: silent,
    requests: () => {
      const body = gzipSync(longMessage(4 * megabyte, 200));
      return post(body, 'Content-Encoding: gzip').subarray(0, -10);
    },
  },
  {
    name: 'gzip that streams to a backend that reads nothing',
    backend: deaf,
    requests: () => post(gzipSync(longMessage(12 * megabyte, 200)), 'Content-Encoding: gzip'),
  },
  {
    name: 'slow bodies',
    backend: prompt,
    requests: () => Buffer.from(`${head('Content-Length: 65000')}${'x'.repeat(64_900)}`),
    trickle: 'x',
  },
  {
    name: 'slow bodies of 5,000 CPEs',
    backend: prompt,
    requests: () => Buffer.from(`${head('Content-Length: 65000')}${'x'.repeat(64_900)}`),
    trickle: 'x',
    count: 5_000,
  },
  {
    name: 'bodies of 5,000 CPEs, whole, for a backend that says nothing',
    backend: silent,
    requests: () => Buffer.from(`${head('Content-Length: 65000')}${'x'.repeat(65_000)}`),
    count: 5_000,
  },
  {
    name: 'Informs of 5,000 CPEs, 60 KB in 1 KB of gzip, for a backend that says nothing',
    backend: silent,
    requests: () => post(gzipSync(longMessage(60_000, 720)), 'Content-Encoding: gzip'),
    count: 5_000,
  },
  {
    name: 'held answers in pieces of one byte',
    backend: dribbling(65_000),
    requests: () => Buffer.from(head('Content-Length: 0')),
  },
  {
    name: 'streamed answers in pieces of one byte, for CPEs that read nothing',
    backend: dribbling(600_000),
    requests: () => Buffer.from(head('Content-Length: 0')),
    isDeaf: true,
  },
  {
    name: 'rewriteInform, chunks of one byte',
    backend: silent,
    requests: () => Buffer.from(`${head(chunked).replace('/cwmp', '/acs')}${oneByteChunks(400_000)}`),
  },
  {
    name: 'rewriteInform, 15 MB',
    backend: silent,
    requests: () =>
      Buffer.from(
        `${head(`Content-Length: ${15 * megabyte}`).replace('/cwmp', '/acs')}${'x'.repeat(15 * megabyte - 1)}`,
      ),
  },
  {
    name: 'rewriteInform, 15 MB in chunks of 64 KB',
    backend: silent,
    requests: () =>
      Buffer.from(`${head(chunked).replace('/cwmp', '/acs')}${`10000\r\n${'x'.repeat(65_536)}\r\n`.repeat(240)}`),
  },
  {
    name: 'watchers of the status page, chunks of one byte',
    backend: prompt,
    requests: () => {
      const watch = `GET /status?events HTTP/1.1\r\nHost: a\r\n${chunked}\r\n\r\n${oneByteChunks(60_000, lastChunk)}`;
      return Buffer.from(watch.repeat(2));
    },
  },
  {
    name: 'watchers of the status page that read nothing',
    backend: prompt,
    requests: () => Buffer.from('GET /status?events HTTP/1.1\r\nHost: a\r\n\r\n'),
    isDeaf: true,
  },
];

/** Opens a hostile CPE from an address of its own. */
export function attack(kind: Kind, bytes: Buffer, port: number, number: number): Socket {
  const localAddress = `127.0.${1 + (number % 50)}.${1 + (Math.floor(number / 50) % 250)}`;
  const socket = quiet(connect({ host: '127.0.0.1', port, localAddress, noDelay: true }));
  if (kind.isDeaf === true) socket.pause();
  else socket.resume();
  socket.write(bytes);
  return socket;
}
