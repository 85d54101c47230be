import { ReplyReader } from '#core/connection-request/transports/reply-reader.js';
import { repeated, type StallCase } from './stall-case.js';

// A head is read up to 16 KB, a body up to 64 KB; what is longer is given up.
const headSizes = [4_000, 8_000, 16_000] as const;
const bodySizes = [16_000, 32_000, 64_000] as const;

function replyCase(
  name: string,
  sizes: readonly [number, number, number],
  write: (size: number) => string,
  pieceBytes = Infinity,
): StallCase {
  return {
    room: 'reply',
    name: pieceBytes === 1 ? `${name}, byte by byte` : name,
    sizes,
    make(size) {
      const bytes = Buffer.from(write(size), 'latin1');
      return {
        length: bytes.length,
        run() {
          const reader = new ReplyReader();
          for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes));
          reader.end();
          return reader.reply;
        },
      };
    },
  };
}

const start = 'HTTP/1.1 401 Unauthorized\r\n';
const heads: [string, (size: number) => string][] = [
  ['line ends in front', (size) => repeated('\r\n', size)],
  ['short fields', (size) => start + repeated('a:b\n', size - start.length)],
  ['fields without a colon', (size) => start + repeated('a\n', size - start.length)],
  ['folded fields', (size) => `${start}a:b${repeated('\r\n ', size - start.length)}`],
  ['blanks in a folded field', (size) => `${start}a:b\r\n${repeated(' ', size - start.length)}`],
  ['carriage returns', (size) => `${start}a:${repeated('\n\r\r', size - start.length)}`],
  ['challenges', (size) => start + repeated('WWW-Authenticate: Digest nonce="a"\n', size - start.length)],
  ['Connection fields', (size) => start + repeated('Connection: a\n', size - start.length)],
  ['lengths', (size) => start + repeated('Content-Length: 1\n', size - start.length)],
  ['interim answers', (size) => repeated('HTTP/1.1 100 C\n\n', size)],
];
const chunked = `${start}Transfer-Encoding: chunked\r\n\r\n`;
const bodies: [string, (size: number) => string][] = [
  ['chunks of a byte', (size) => chunked + repeated('1\r\na\r\n', size)],
  ['chunk extensions', (size) => chunked + repeated('1 ;;;;;;;;;;;;;;;;\r\na\r\n', size)],
  ['a chunk line of blanks', (size) => `${chunked}1${repeated(' ', size)}`],
  ['empty chunk lines', (size) => chunked + repeated('\r\n', size)],
  ['trailers', (size) => `${chunked}0\r\n${repeated('a:b\r\n', size)}`],
  ['a body', (size) => `${start}\r\n${repeated('a', size)}`],
];

export const connectionCases: readonly StallCase[] = [
  ...heads.flatMap(([name, write]) => [replyCase(name, headSizes, write), replyCase(name, headSizes, write, 1)]),
  ...bodies.flatMap(([name, write]) => [replyCase(name, bodySizes, write), replyCase(name, bodySizes, write, 1)]),
];
