import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import type { CwmpProxyOptions } from '@cwmp-proxy/core';
import { atEnd } from '../helpers/at-end.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { leniencies, lenientParse } from '../helpers/lenient-parser.js';
import { answerOf, rawBackend } from '../helpers/raw-backend.js';
import { until } from '../helpers/until.js';

// Two parsers that read the same bytes in two ways let a CPE slip a request past the proxy, or put words into its mouth. The
// promise: however careless the backend reads, it sees the requests that the proxy meant and no other. Each attack is sent to
// a host whose HTTP parser is strict and to one that was made lenient.

const evil = 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n';

interface Attack {
  name: string;
  bytes: string;
  /** The requests that may reach the backend: line and body. */
  meant?: { line: string; body: string }[];
  /** The same behind a host that was made lenient, where that reads what a strict one refuses. */
  meantIfLenient?: { line: string; body: string }[];
  /** Names that must not reach it, as a careless server reads them. */
  without?: string[];
  options?: Partial<CwmpProxyOptions>;
}

function post(fields: string[], body = '', line = 'POST /acs HTTP/1.1'): string {
  return [line, 'Host: a', ...fields, '', body].join('\r\n');
}

const hello = [{ line: 'POST /acs HTTP/1.1', body: 'hello' }];
const nobody = [{ line: 'POST /acs HTTP/1.1', body: '' }];

const attacks: Attack[] = [
  {
    name: 'CL.TE: both framings, the length takes in what the chunks leave',
    bytes: post(['Content-Length: 40', 'Transfer-Encoding: chunked'], `0\r\n\r\n${evil}`),
  },
  {
    name: 'TE.CL: both framings, the chunks take in what the length leaves',
    bytes: post(['Transfer-Encoding: chunked', 'Content-Length: 4'], `1f\r\n${evil}\r\n0\r\n\r\n`),
  },
  { name: 'two lengths', bytes: post(['Content-Length: 5', 'Content-Length: 36'], `hello${evil}`) },
  { name: 'two equal lengths', bytes: post(['Content-Length: 5', 'Content-Length: 5'], 'hello') },
  { name: 'a list of lengths', bytes: post(['Content-Length: 5, 36'], `hello${evil}`) },
  { name: 'a signed length', bytes: post(['Content-Length: +5'], `hello${evil}`) },
  { name: 'a hexadecimal length', bytes: post(['Content-Length: 0x5'], `hello${evil}`) },
  { name: 'a transfer coding beside chunked', bytes: post(['Transfer-Encoding: gzip, chunked'], `0\r\n\r\n${evil}`) },
  { name: 'a transfer coding that is not chunked', bytes: post(['Transfer-Encoding: xchunked'], `0\r\n\r\n${evil}`) },
  {
    name: 'chunked, named twice',
    bytes: post(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], `0\r\n\r\n`),
  },
  { name: 'identity as a transfer coding', bytes: post(['Transfer-Encoding: identity', 'Content-Length: 5'], 'hello') },
  {
    name: 'a tab before the coding',
    bytes: post(['Transfer-Encoding:\tchunked'], `5\r\nhello\r\n0\r\n\r\n`),
    meant: hello,
  },
  { name: 'white space before the colon', bytes: post(['Transfer-Encoding : chunked', 'Content-Length: 5'], 'hello') },
  {
    name: 'a folded coding',
    bytes: post(['X: a', ' Transfer-Encoding: chunked', 'Content-Length: 5'], 'hello'),
    meantIfLenient: hello,
  },
  {
    name: 'a length spelt with an underscore',
    bytes: post(['Content_Length: 36', 'Content-Length: 5'], 'hello'),
    meant: hello,
    without: [],
  },
  {
    name: 'a coding spelt with an underscore',
    bytes: post(['Transfer_Encoding: chunked', 'Content-Length: 5'], 'hello'),
    meant: hello,
    without: ['transfer-encoding'],
  },
  {
    name: 'chunks in HTTP/1.0',
    bytes: post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n', 'POST /acs HTTP/1.0'),
  },
  { name: 'a GET with a body', bytes: post([`Content-Length: ${evil.length}`], evil, 'GET /acs HTTP/1.1') },
  { name: 'a GET with chunks', bytes: post(['Transfer-Encoding: chunked'], '0\r\n\r\n', 'GET /acs HTTP/1.1') },
  { name: 'a huge chunk', bytes: post(['Transfer-Encoding: chunked'], `fffffffffffffffff\r\n${evil}`) },
  { name: 'a negative chunk', bytes: post(['Transfer-Encoding: chunked'], `-1\r\n${evil}`) },
  {
    name: 'a chunk extension',
    bytes: post(['Transfer-Encoding: chunked'], `5;a=b\r\nhello\r\n0\r\n\r\n`),
    meant: hello,
  },
  {
    name: 'trailers',
    bytes: post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\nX-Forwarded-For: b\r\nX-B: c\r\n\r\n'),
    meant: hello,
    without: ['x-b'],
  },
  {
    name: 'a length in the trailers',
    bytes: post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\nContent-Length: 36\r\n\r\n'),
    meantIfLenient: hello,
  },
  { name: 'two Hosts', bytes: post(['Host: b', 'Content-Length: 5'], 'hello') },
  { name: 'no Host', bytes: 'POST /acs HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello' },
  {
    name: 'a length that Connection names',
    bytes: post(['Connection: content-length', 'Content-Length: 5'], 'hello'),
    meant: hello,
  },
  {
    name: 'a forwarded address that Connection names',
    bytes: post(['Connection: x-forwarded-for, close', 'X-Forwarded-For: 1.2.3.4', 'Content-Length: 5'], 'hello'),
    meant: hello,
  },
  {
    name: 'words of a proxy, plain and with underscores',
    bytes: post(
      ['Client-Cert: :YQ==:', 'Client_Cert: :YQ==:', 'X_Real_IP: 1.2.3.4', 'Forwarded: for=b', 'Content-Length: 5'],
      'hello',
    ),
    meant: hello,
    without: ['client-cert', 'x-real-ip', 'forwarded'],
  },
  { name: 'a bare CR in a field', bytes: post(['X: a\rContent-Length: 36', 'Content-Length: 5'], 'hello') },
  { name: 'a NUL in a field', bytes: post(['X: a\0b', 'Content-Length: 5'], 'hello') },
  {
    name: 'a bare LF for a line',
    bytes: 'POST /acs HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello',
    meantIfLenient: hello,
  },
  {
    name: 'white space in the target',
    bytes: post(['Content-Length: 0'], '', 'POST /acs HTTP/1.1\tGET /evil HTTP/1.1'),
  },
  { name: 'a target that is no path', bytes: post(['Content-Length: 0'], '', 'POST acs HTTP/1.1') },
  { name: 'an asterisk', bytes: post([], '', 'OPTIONS * HTTP/1.1') },
  { name: 'a tunnel', bytes: post([], evil, 'CONNECT b:80 HTTP/1.1') },
  { name: 'a fragment in the target', bytes: post(['Content-Length: 0'], '', 'POST /acs#?b HTTP/1.1') },
  { name: 'bytes over 127 in the target', bytes: post(['Content-Length: 0'], '', 'POST /\xe4 HTTP/1.1') },
  {
    name: 'a target with another authority',
    bytes: post(['Content-Length: 0'], '', 'POST http://evil.example/acs HTTP/1.1'),
    meant: nobody,
  },
  {
    name: 'a target with a user',
    bytes: post(['Content-Length: 0'], '', 'POST http://u@e/acs HTTP/1.1'),
    meant: nobody,
  },
  { name: 'a target of another scheme', bytes: post(['Content-Length: 0'], '', 'POST ftp://evil/acs HTTP/1.1') },
  {
    name: 'a way out of the path of the backend',
    bytes: post(['Content-Length: 0'], '', 'POST /a/..%2f../admin HTTP/1.1'),
    options: { backends: ['/base'] },
  },
  {
    name: 'a way out of the path of the backend, percent-encoded',
    bytes: post(['Content-Length: 0'], '', 'POST /%2E%2e/admin HTTP/1.1'),
    options: { backends: ['/base'] },
  },
  {
    name: 'an upgrade',
    bytes: post([
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABk',
      'Content-Length: 0',
    ]),
    meant: nobody,
    without: ['upgrade', 'http2-settings'],
  },
  {
    name: 'a request in a body',
    bytes: post([`Content-Length: ${evil.length}`], evil),
    meant: [{ line: 'POST /acs HTTP/1.1', body: evil }],
  },
  {
    name: 'a request behind a request',
    bytes: post(['Content-Length: 5'], 'hello').repeat(2),
    meant: [...hello, ...hello],
  },
  { name: 'another version', bytes: post(['Content-Length: 5'], 'hello', 'POST /acs HTTP/1.2'), meantIfLenient: hello },
];

for (const insecureHTTPParser of [false, true]) {
  for (const { name, bytes, without = [], options, ...attack } of attacks) {
    const meant = (insecureHTTPParser ? attack.meantIfLenient : undefined) ?? attack.meant ?? [];
    test(`smuggling, ${insecureHTTPParser ? 'lenient' : 'strict'} host: ${name}`, async (t) => {
      const backend = await rawBackend(t, (socket) => socket.write(answerOf('')));
      const backends = options === undefined ? [backend.url] : [`${backend.url}/base`];
      const server = createServer({ insecureHTTPParser, keepAliveTimeout: 60_000 });
      const { port, idle } = await startGateway(t, { backends }, server);
      const cpe = await RawConnection.open(port);
      atEnd(t, () => cpe.socket.destroy());
      cpe.write(bytes);
      for (const _ of meant) assert.equal((await cpe.answer()).status, 200);
      // What is refused is answered with 4xx, or its connection is closed.
      if (meant.length === 0) {
        const answer = await cpe.answer().catch(() => undefined);
        assert.ok(answer === undefined || (answer.status >= 400 && answer.status < 500), `${answer?.status}`);
      }
      cpe.socket.end();
      await cpe.closed();
      await idle();
      await until('the backend connection is closed', () => backend.open.size === 0);

      for (const leniency of leniencies) {
        const seen = backend.received.flatMap((received) => lenientParse(received, leniency));
        assert.deepEqual(
          seen.map(({ line, body }) => ({ line, body })),
          meant,
          `a backend that reads "${leniency.name}"`,
        );
        for (const { names } of seen) {
          assert.deepEqual(
            names.filter((field) => without.includes(field)),
            [],
          );
          assert.equal(names.filter((field) => field === 'content-length').length, 1);
          assert.equal(names.filter((field) => field === 'x-forwarded-for').length, 1);
        }
      }
    });
  }
}
