import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEnd } from '../helpers/at-end.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { answerOf, rawBackend } from '../helpers/raw-backend.js';

const ours = /^(host|connection|content-length|via|x-forwarded-(for|proto|host)): /i;

/** The lines of a request's head that came from the CPE. */
function passedOn(request: string): string[] {
  const [head = ''] = request.split('\r\n\r\n');
  return head.split('\r\n').filter((line) => !ours.test(line));
}

const requests: { name: string; sent: string[]; passed: string[] }[] = [
  {
    name: "the case and order of a CPE's fields, repeated and odd ones",
    sent: [
      'POST /acs?a=%7e&b="|" HTTP/1.1',
      'sOaPaCtIoN: ""',
      'X-B: 2',
      'x-a: 1',
      'X-B: 1',
      'Cookie: a=b; c="d"',
      'X-E:',
    ],
    passed: [
      'POST /acs?a=%7e&b="|" HTTP/1.1',
      'sOaPaCtIoN: ""',
      'X-B: 2',
      'x-a: 1',
      'X-B: 1',
      'Cookie: a=b; c="d"',
      'X-E: ',
    ],
  },
  {
    name: 'a SOAPAction without a value',
    sent: ['POST / HTTP/1.1', 'SOAPAction:'],
    passed: ['POST / HTTP/1.1', 'SOAPAction: '],
  },
  { name: 'no SOAPAction where there is none', sent: ['POST / HTTP/1.1'], passed: ['POST / HTTP/1.1'] },
  {
    name: 'Content-Type of an empty POST (ZTE)',
    sent: ['POST / HTTP/1.1', 'Content-Type: text/xml; charset="utf-8"'],
    passed: ['POST / HTTP/1.1', 'Content-Type: text/xml; charset="utf-8"'],
  },
  {
    name: 'Digest credentials, byte for byte',
    sent: ['POST //x/../y HTTP/1.1', 'Authorization: Digest username="a,b", uri="//x/../y" ,nc=1'],
    passed: ['POST //x/../y HTTP/1.1', 'Authorization: Digest username="a,b", uri="//x/../y" ,nc=1'],
  },
  {
    name: 'bytes over 127 in a field',
    sent: ['POST / HTTP/1.1', 'X-A: \xe4\xff'],
    passed: ['POST / HTTP/1.1', 'X-A: \xe4\xff'],
  },
  {
    name: 'nothing that is for one connection only (ZTE: TE, empty Keep-Alive)',
    sent: [
      'POST / HTTP/1.1',
      'Keep-Alive:',
      'Connection: TE, X-Named, Keep-Alive',
      'TE: trailers',
      'X-Named: 1',
      'X-A: 1',
    ],
    passed: ['POST / HTTP/1.1', 'X-A: 1'],
  },
  { name: 'another method', sent: ['DELETE /a HTTP/1.1', 'X-A: 1'], passed: ['DELETE /a HTTP/1.1', 'X-A: 1'] },
];

for (const { name, sent, passed } of requests) {
  test(`hands on ${name}`, async (t) => {
    const backend = await rawBackend(t, (socket) => socket.write(answerOf('')));
    const { port } = await startGateway(t, { backends: [backend.url] });
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    const [line = '', ...fields] = sent;
    await cpe.exchange([line, 'Host: cpe.example', ...fields, 'Content-Length: 0', '', ''].join('\r\n'));
    const [received = ''] = backend.received;
    assert.deepEqual(passedOn(received), passed);
    assert.match(received, new RegExp(`\r\nhost: 127.0.0.1:${backend.port}\r\n`));
  });
}

const answers: { name: string; sent: string; status: number; reason: string; fields: string[]; body?: string }[] = [
  {
    name: 'case, order and repetition of fields',
    sent: 'HTTP/1.1 200 Fine, thanks\r\nsEt-CoOkIe: a=b\r\nX-A: \xe4\r\nSet-Cookie: c=d; Path=/\r\nContent-Length: 0\r\n\r\n',
    status: 200,
    reason: 'Fine, thanks',
    fields: ['sEt-CoOkIe', 'a=b', 'X-A', '\xe4', 'Set-Cookie', 'c=d; Path=/', 'Content-Length', '0'],
  },
  {
    name: 'a 204 with a length (GenieACS)',
    sent: 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    status: 204,
    reason: 'No Content',
    fields: ['Content-Length', '0'],
  },
  {
    name: 'a 204 without (go-cwmp)',
    sent: 'HTTP/1.1 204 OK\r\nSoapaction:\r\n\r\n',
    status: 204,
    reason: 'OK',
    fields: ['Soapaction', ''],
  },
  {
    name: 'a reason in UTF-8, in its bytes',
    sent: `HTTP/1.1 200 ${Buffer.from('Größe').toString('latin1')}\r\nContent-Length: 0\r\n\r\n`,
    status: 200,
    reason: Buffer.from('Größe').toString('latin1'),
    fields: ['Content-Length', '0'],
  },
  {
    name: 'a reason where there is none (netcwmp takes no line without)',
    sent: 'HTTP/1.1 503 \r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n',
    status: 503,
    reason: 'Service Unavailable',
    fields: ['Retry-After', '60', 'Content-Length', '0'],
  },
  {
    name: "GenieACS's challenge without auth-int",
    sent: 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="GenieACS",qop="auth,auth-int",nonce="a=,"\r\nContent-Length: 0\r\n\r\n',
    status: 401,
    reason: 'Unauthorized',
    fields: ['WWW-Authenticate', 'Digest realm="GenieACS",qop="auth",nonce="a=,"', 'Content-Length', '0'],
  },
  {
    name: 'a challenge with auth-int alone',
    sent: 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest qop="auth-int"\r\nContent-Length: 0\r\n\r\n',
    status: 401,
    reason: 'Unauthorized',
    fields: ['WWW-Authenticate', 'Digest qop="auth-int"', 'Content-Length', '0'],
  },
  {
    name: 'an early hint and then the answer',
    sent: 'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
    status: 200,
    reason: 'OK',
    fields: ['Content-Length', '2'],
    body: 'hi',
  },
];

for (const { name, sent, status, reason, fields, body = '' } of answers) {
  test(`hands back ${name}`, async (t) => {
    const backend = await rawBackend(t, (socket) => socket.write(Buffer.from(sent, 'latin1')));
    const { port } = await startGateway(t, { backends: [backend.url] });
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    const answer = await cpe.exchange('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    assert.equal(answer.status, status);
    assert.equal(answer.reason, reason);
    assert.equal(answer.body.toString(), body);
    const own = answer.fields.filter(
      (_, index, all) => !/^(connection|keep-alive)$/i.test(all[index - (index % 2)] ?? ''),
    );
    assert.deepEqual(own, fields);
  });
}
