import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { envelope, getParameterValuesResponse, inform } from '../cpe-clients/cwmp-bodies.js';
import type { Random } from '../random.js';
import { type AnswerPlan, planAnswer } from './answer-plan.js';
import { type HostFault, planHostFault } from './host-fault.js';

/** A body, and what has to reach a backend of it. */
export interface BodyPlan {
  /** What is sent, in its content coding, without chunks. */
  bytes: Buffer;
  /** What it says, decoded. */
  text: Buffer;
  /** The one URL in it that is rewritten. */
  url: string | undefined;
  coding: string | undefined;
  /** Whether it is valid in its coding. */
  intact: boolean;
}

/** One request of a CPE. */
export interface RequestPlan {
  /** Counted up through a round; in the target of the request, in its body, in the answer. */
  mark: number;
  method: string;
  /**
   * `acs`: for a backend. `refused`: must reach none, and nothing may behind it. `elsewhere`: answered by Node, or for the
   * connection-request endpoint. `unframed`: nobody can tell where it ends; the last of its connection.
   */
  aim: 'acs' | 'refused' | 'elsewhere' | 'unframed';
  bytes: Buffer;
  body: BodyPlan;
  /** Whether it asks to close the connection behind its answer: nothing behind it may reach a backend. */
  closes: boolean;
  answer: AnswerPlan;
  fault: HostFault | undefined;
}

/** How the requests of a round are. */
export interface RequestStyle {
  /** Bodies are below it or above it. */
  maxHeldBytes: number;
  /** How many times as rare as usual faults are; `Infinity` for none. */
  rarity: number;
  /** Whether the host has no framework, which would fall over some faults itself. */
  bare: boolean;
  /** Port of the CPE that is woken. */
  cpePort: number;
  /** Whether cookies and credentials are quoted by which a CPE is recognised. */
  recognisable: boolean;
}

const nothing: BodyPlan = {
  bytes: Buffer.alloc(0),
  text: Buffer.alloc(0),
  url: undefined,
  coding: undefined,
  intact: true,
};

const methods = [
  'GET',
  'HEAD',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'PROPFIND',
  'REPORT',
  'TRACE',
  'M-SEARCH',
] as const;

const cookies = [
  'SID=a',
  'SID=b; lang=en',
  '; ; ;;',
  '=',
  'SID="a',
  'a=b=c',
  'JSESSIONID=1,SID=a',
  `x=${'y'.repeat(900)}`,
] as const;

const authorizations = [
  'Digest username="u", realm="acs", nonce="n1", uri="/", response="0123456789abcdef0123456789abcdef"',
  'Digest nonce="n2"',
  'Digest nonce="',
  'Basic YTpi',
  'Basic',
  ',,,',
] as const;

const codings = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
};

function messageOf(random: Random, mark: number, maxHeldBytes: number): { text: Buffer; url: string | undefined } {
  const url = `http://192.0.2.1:7547/${mark}`;
  const padding = `<!--${'p'.repeat(random.pick([0, 0, 10, 300, maxHeldBytes, maxHeldBytes * 3]))}-->`;
  switch (random.int(6)) {
    case 0:
    case 1:
      return { text: Buffer.from(inform(`S${mark}`, url)), url };
    case 2:
      return { text: Buffer.from(getParameterValuesResponse(url, padding)), url };
    case 3:
      return { text: Buffer.from(inform(`S${mark}`, url, '1 BOOT') + padding), url };
    case 4:
      return {
        text: Buffer.from(envelope(`<cwmp:GetRPCMethods>${padding}</cwmp:GetRPCMethods>`, String(mark))),
        url: undefined,
      };
    default:
      return { text: Buffer.from(`no message ${mark} ${padding}`), url: undefined };
  }
}

function bodyOf(random: Random, mark: number, { maxHeldBytes, rarity }: RequestStyle): BodyPlan {
  if (random.once(4)) return nothing;
  const { text, url } = messageOf(random, mark, maxHeldBytes);
  if (rarity === Infinity || !random.once(5)) return { bytes: text, text, url, coding: undefined, intact: true };
  const coding = random.pick(['gzip', 'x-gzip', 'deflate', 'br', 'zstd', 'identity']);
  if (coding === 'zstd') return { bytes: text, text, url: undefined, coding, intact: true };
  let bytes: Buffer = coding === 'identity' ? Buffer.from(text) : Buffer.from(codings[coding](text));
  const intact = coding === 'identity' || !random.once(3 * rarity);
  if (!intact) {
    const at = random.int(bytes.length);
    const fault = random.int(3);
    if (fault === 0) bytes = bytes.subarray(0, at);
    else if (fault === 1) bytes = Buffer.concat([bytes, Buffer.from('behind')]);
    else bytes[at] = (bytes[at] ?? 0) ^ (1 + random.int(255));
  }
  return { bytes, text, url, coding, intact };
}

function chunksOf(random: Random, bytes: Buffer): Buffer {
  const parts = random.split(bytes, random.pick([0, 1, 5, 40])).filter(({ length }) => length > 0);
  const chunks = parts.flatMap((part) => [
    Buffer.from(`${part.length.toString(16)}${random.once(20) ? ';x="y"' : ''}\r\n`),
    part,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...chunks, Buffer.from(random.once(8) ? '0\r\nX-T: 1\r\n\r\n' : '0\r\n\r\n')]);
}

/** How the end of a body is told; `short`, `long`: by a length that is wrong; `te-list`: by chunks in a coding that is not known. */
type Framing = 'length' | 'chunked' | 'none' | 'short' | 'long' | 'te-list';

/** Where a request stands. */
export interface RequestPlace {
  /** Nothing is sent behind it ahead of its answer. */
  endsBatch: boolean;
  /** Nothing follows at all, so that it may be one that nobody can frame. */
  endsConnection: boolean;
}

/** A request of a CPE. */
export function planRequest(random: Random, mark: number, style: RequestStyle, place: RequestPlace): RequestPlan {
  const odd = (times: number): boolean => random.once(times * style.rarity);
  if (odd(14)) return planEndpoint(random, mark, style);
  let method = random.once(4) ? random.pick(methods) : 'POST';
  let aim: RequestPlan['aim'] = 'acs';
  let version = '1.1';
  let target = `/t/${mark}`;
  let body = method === 'GET' || method === 'HEAD' || method === 'TRACE' ? nothing : bodyOf(random, mark, style);
  let framing: Framing =
    body.bytes.length > 0 ? random.pick(['length', 'length', 'chunked']) : random.pick(['length', 'none']);
  const fields = ['Host: gateway.example:8080'];
  let closes = odd(12);
  let tail = Buffer.alloc(0);
  if (odd(20)) {
    version = '1.0';
    framing = 'length';
    closes = random.once(2);
    if (!closes) fields.push('Connection: keep-alive');
  }
  if (style.bare && random.once(20)) target = `http://gateway.example:8080${target}`;
  const isRefused = odd(16);
  if (isRefused) {
    aim = 'refused';
    switch (random.int(5)) {
      case 0:
        method = 'GET';
        body = { ...nothing, bytes: Buffer.from('abc') };
        framing = random.pick(['length', version === '1.0' ? 'length' : 'chunked']);
        break;
      case 1:
        fields.push('Host: other.example');
        break;
      case 2:
        version = '1.1';
        framing = 'te-list';
        break;
      case 3:
        target += '#fragment';
        break;
      default:
        version = '1.0';
        framing = 'chunked';
    }
  } else if (place.endsConnection && odd(6)) {
    aim = 'unframed';
    switch (random.int(7)) {
      case 0:
        framing = 'short';
        body = body.bytes.length === 0 ? { ...nothing, bytes: Buffer.from('<abc/>') } : body;
        break;
      case 1:
        framing = 'long';
        break;
      case 2:
        fields.push('Content-Length: 3', 'Content-Length: 4');
        break;
      case 3:
        fields.push('Content-Length: 3', 'Transfer-Encoding: chunked');
        break;
      case 4:
        fields.push('Bad Field: x');
        break;
      case 5:
        method = 'CONNECT';
        break;
      default:
        tail = Buffer.from(random.pick(['\0\0\0', 'GET\r\n\r\n', 'POST /t/0 HTTP/1.1\r\nA', 'zz\r\n', '\r\n\r\n\r\n']));
    }
  } else if (odd(16)) {
    fields.push(`Expect: ${random.pick(['100-continue', '100-continue', 'something'])}`);
    // Node answers it with 417; HTTP/1.0 knows no expectations (RFC 9110 §10.1.1).
    if (version === '1.1' && fields.at(-1)?.endsWith('something') === true) aim = 'elsewhere';
  }
  if (framing === 'length') fields.push(`Content-Length: ${body.bytes.length}`);
  if (framing === 'short') fields.push(`Content-Length: ${random.int(body.bytes.length)}`);
  if (framing === 'long') fields.push(`Content-Length: ${body.bytes.length + 1 + random.int(500)}`);
  if (framing === 'chunked') fields.push('Transfer-Encoding: chunked');
  if (framing === 'te-list') fields.push('Transfer-Encoding: gzip, chunked');
  if (body.coding !== undefined) fields.push(`Content-Encoding: ${body.coding}`);
  if (body.bytes.length > 0 && !random.once(8)) fields.push('Content-Type: text/xml; charset="utf-8"');
  if (random.once(8)) fields.push('SOAPAction: ""');
  if (closes) fields.push('Connection: close');
  // What comes in one piece behind such a request, Node throws away.
  else if (place.endsBatch && odd(12)) fields.push('Connection: Upgrade', 'Upgrade: h2c');
  if (style.recognisable && random.once(3)) fields.push(`Cookie: ${random.pick(cookies)}`);
  if (style.recognisable && random.once(4)) fields.push(`Authorization: ${random.pick(authorizations)}`);
  const chunks = framing === 'chunked' || framing === 'te-list';
  const head = Buffer.from(`${method} ${target} HTTP/${version}\r\n${fields.join('\r\n')}\r\n\r\n`);
  const payload = chunks ? chunksOf(random, body.bytes) : body.bytes;
  return {
    mark,
    method,
    aim,
    bytes: Buffer.concat([head, payload, tail]),
    body,
    closes,
    answer: planAnswer(random, mark, method, style.rarity),
    fault: planHostFault(random, style.rarity, style.bare),
  };
}

/** What an ACS sends to the endpoint, on the same connection as CPEs' messages. */
function planEndpoint(random: Random, mark: number, { cpePort, bare, rarity }: RequestStyle): RequestPlan {
  const origin = random.pick([
    `http://127.0.0.1:${cpePort}/`,
    `http://127.0.0.1:${cpePort}/${mark}`,
    'http://192.0.2.1:7547/',
    'nonsense',
  ]);
  const authorization = random.pick([
    '',
    `Authorization: Basic ${Buffer.from('acs:secret').toString('base64')}\r\n`,
    `Authorization: Basic ${Buffer.from('acs:wrong').toString('base64')}\r\n`,
  ]);
  const method = random.pick(['GET', 'GET', 'GET', 'HEAD', 'POST']);
  const length = method === 'POST' ? 'Content-Length: 0\r\n' : '';
  return {
    mark,
    method,
    aim: 'elsewhere',
    bytes: Buffer.from(
      `${method} /client?origin=${encodeURIComponent(origin)} HTTP/1.1\r\nHost: gateway.example:8080\r\nX-Mark: ${mark}\r\n${length}${authorization}\r\n`,
    ),
    body: nothing,
    closes: false,
    answer: planAnswer(random, mark, method, Infinity),
    fault: planHostFault(random, rarity, bare),
  };
}
