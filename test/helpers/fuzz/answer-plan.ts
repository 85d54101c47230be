import type { Random } from '../random.js';

/** What a backend does with one request. */
export interface AnswerPlan {
  /** Everything that it writes, unless it is cut. */
  bytes: Buffer;
  /** Whether it answers as soon as it has the head, or when it has the whole request. */
  when: 'head' | 'whole';
  /** Most pieces that the bytes are written in, with a pause behind each. */
  pieces: number;
  pauseMs: number;
  /** How many bytes it writes before it breaks off, and how. */
  cut: { at: number; how: 'fin' | 'rst' | 'stall' } | undefined;
  /** What it does with its connection when it has answered, which its answer does not tell. */
  after: { how: 'keep' | 'fin' | 'rst'; ms: number };
  /** Whether the bytes are one answer that every client reads in one way. */
  intact: boolean;
  status: number;
  /** What the client gets as the body. */
  body: Buffer;
  /** Whether only the end of the connection ends the body. */
  endsByClose: boolean;
}

const garbage = [
  'nonsense\r\n\r\n',
  '\0\0\0\0\0\0\0\0',
  '\x16\x03\x01\x02\x00\x01',
  'HTTP/1.1 99 X\r\n\r\n',
  'HTTP/1.1 200 OK\r\nA b: c\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456',
  'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nabc',
  'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n',
  '220 mail.example ESMTP\r\n',
  `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`,
] as const;

const interim = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 102 Processing\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\n\r\n',
  'HTTP/1.1 199 Odd\r\nX-Mark: 0\r\n\r\n',
] as const;

const challenges = [
  'Digest realm="acs", qop="auth", nonce="n1", opaque="o"',
  'Digest realm="acs", nonce="n2"',
  'Digest nonce="unfinished',
  'Basic realm="acs"',
  'Digest,,, Basic',
  ',',
] as const;

const cookies = [
  'SID=a',
  'SID=b; Path=/',
  'lang=en',
  '=x',
  ';;;',
  'SID="a;b',
  'JSESSIONID=1; HttpOnly; Path=/t',
] as const;

function sizeOf(random: Random): number {
  return random.pick([0, 0, 1, 40, 400, 400, 3000, 20_000, 70_000, random.once(4) ? 300_000 : 10]);
}

function chunked(random: Random, body: Buffer): Buffer {
  const parts = random.split(body, 4).filter(({ length }) => length > 0);
  const chunks = parts.flatMap((part) => [
    Buffer.from(`${part.length.toString(16)}${random.once(6) ? ';a=b' : ''}\r\n`),
    part,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...chunks, Buffer.from(random.once(6) ? '0\r\nX-Trailer: 1\r\n\r\n' : '0\r\n\r\n')]);
}

/** An answer to the request of a mark, which it bears; faults are `rarity` times as rare as usual. */
export function planAnswer(random: Random, mark: number, method: string, rarity: number): AnswerPlan {
  const odd = (times: number): boolean => random.once(times * rarity);
  const status = !odd(2)
    ? random.pick([200, 200, 204])
    : random.pick([200, 200, 200, 200, 204, 304, 401, 302, 307, 400, 403, 404, 500, 503]);
  const bodiless = status === 204 || status === 304 || method === 'HEAD';
  const body = Buffer.alloc(status === 204 ? 0 : sizeOf(random), `answer ${mark} `);
  const framing = bodiless
    ? random.pick(['length', 'none'])
    : random.pick(['length', 'length', 'chunked', odd(1) ? 'close' : 'length']);
  const closes = odd(8);
  const old = framing !== 'chunked' && odd(12);
  const fields = [`X-Mark: ${mark}`];
  if (framing === 'length') fields.push(`Content-Length: ${status === 204 && random.once(3) ? 12 : body.length}`);
  if (framing === 'chunked') fields.push('Transfer-Encoding: chunked');
  if (closes) fields.push('Connection: close');
  else if (old) fields.push('Connection: keep-alive');
  if (status === 401) fields.push(`WWW-Authenticate: ${random.pick(challenges)}`);
  if (status === 302 || status === 307)
    fields.push(`Location: ${random.pick(['/t/0', 'http://127.0.0.1:1/x', '//', 'a b'])}`);
  if (odd(3)) fields.push(`Set-Cookie: ${random.pick(cookies)}`);
  if (random.once(8)) fields.push('Content-Type: text/xml; charset="utf-8"');
  const reason = random.pick(['OK', 'OK', '', 'Fine \u00fcber']);
  const head = Buffer.from(`HTTP/1.${old ? 0 : 1} ${status} ${reason}\r\n${fields.join('\r\n')}\r\n\r\n`, 'latin1');
  const payload = bodiless ? Buffer.alloc(0) : framing === 'chunked' ? chunked(random, body) : body;
  const plan: AnswerPlan = {
    bytes: Buffer.concat([head, payload]),
    when: odd(8) ? 'head' : 'whole',
    pieces: random.pick([0, 0, 1, 3, 8]),
    pauseMs: random.pick([0, 0, 1, 3]),
    cut: undefined,
    after: { how: framing === 'close' || closes || (old && framing === 'none' && !bodiless) ? 'fin' : 'keep', ms: 0 },
    intact: true,
    status,
    body: bodiless ? Buffer.alloc(0) : body,
    endsByClose: framing === 'close',
  };
  if (odd(2)) breakAnswer(random, plan, head.length);
  return plan;
}

/** Gives the answer one fault. */
function breakAnswer(random: Random, plan: AnswerPlan, headLength: number): void {
  const { bytes } = plan;
  if (random.once(10)) plan.bytes = Buffer.concat([Buffer.from(random.pick(interim)), bytes]);
  switch (random.int(6)) {
    case 0:
    case 1:
      // At any byte, in the head as often as in the body.
      plan.cut = {
        at: random.int(random.once(2) ? headLength : plan.bytes.length),
        how: random.pick(['fin', 'fin', 'rst', 'rst', 'rst', random.once(2) ? 'stall' : 'fin']),
      };
      break;
    case 2:
      plan.bytes = Buffer.from(random.pick(garbage), 'latin1');
      plan.intact = false;
      plan.after = { how: random.pick(['keep', 'fin', 'rst']), ms: random.int(4) };
      break;
    case 3:
      // An answer that nobody asked for, right behind.
      if (!plan.endsByClose && bytes.length < 5000) {
        plan.bytes = Buffer.concat([
          plan.bytes,
          Buffer.from('HTTP/1.1 200 OK\r\nX-Mark: 0\r\nContent-Length: 5\r\n\r\nextra'),
        ]);
        plan.pieces = 0;
      }
      break;
    default:
      plan.after = { how: random.pick(['fin', 'rst']), ms: random.int(6) };
      break;
  }
}
