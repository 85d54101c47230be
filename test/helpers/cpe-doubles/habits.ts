import { createHash } from 'node:crypto';
import { cpeCredentials, type CpeDouble, field, ok } from './conversation.js';
import { freshNonce, isRight, parameters } from './parameters.js';

interface Habit {
  readonly name: string;
  readonly challenge: NonNullable<CpeDouble['challenge']>;
  /** Its 401, in bytes. */
  readonly ask: (nonce: string) => string;
  /** Its success, in bytes. */
  readonly ok?: string;
  /** It closes once it has asked. */
  readonly closes?: true;
  readonly path?: string;
  readonly notCurl?: string;
}

const empty401 = (field: string): string =>
  `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: ${field}\r\nContent-Length: 0\r\n\r\n`;

/** A CPE that does all by the book but for its habit. Its nonce is its own, whatever the connection. */
function withHabit(habit: Habit): CpeDouble {
  const { name, challenge, path = '/0f3c', notCurl } = habit;
  return {
    name,
    path,
    challenge,
    ...(notCurl !== undefined && { notCurl }),
    async serve(talk, cpe) {
      for (;;) {
        const request = await talk.head();
        if (request === undefined) return;
        cpe.requests.push(request);
        const found = parameters(field(request, 'Authorization') ?? '');
        if (cpe.nonce !== '' && isRight(found, { ...challenge, nonce: cpe.nonce }, path)) {
          cpe.woken += 1;
          talk.write(habit.ok ?? ok);
        } else {
          cpe.nonce = freshNonce();
          talk.write(habit.ask(cpe.nonce));
          if (habit.closes === true) talk.close();
        }
      }
    },
  };
}

const plain = { realm: 'CPE', qop: 'auth' };
const ask = (nonce: string): string => empty401(`Digest realm="CPE", qop="auth", nonce="${nonce}"`);

const habits: readonly Habit[] = [
  {
    name: 'no qop, a domain, a quoted algorithm, Connection: close',
    challenge: { realm: 'tr069', algorithm: 'MD5' },
    ask: (nonce) =>
      'HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nWWW-Authenticate: Digest realm="tr069", domain="/0f3c", ' +
      `nonce="${nonce}", algorithm="MD5"\r\n\r\n`,
    closes: true,
  },
  {
    name: 'unquoted parameters',
    challenge: { realm: 'CPE', qop: 'auth', algorithm: 'MD5' },
    ask: (nonce) => empty401(`Digest realm=CPE, nonce=${nonce}, qop=auth, algorithm=MD5`),
  },
  {
    name: 'unquoted list of qop, spaces around the equals signs, names in capitals',
    challenge: { realm: 'CPE', qop: 'auth,auth-int' },
    ask: (nonce) => empty401(`DIGEST Realm = "CPE" ,, QOP = auth,auth-int, Nonce = "${nonce}"`),
    notCurl: 'curl does not see past a space before an equals sign',
  },
  {
    name: 'auth-int only',
    challenge: { realm: 'CPE', qop: 'auth-int' },
    ask: (nonce) => empty401(`Digest realm="CPE", qop="auth-int", nonce="${nonce}"`),
  },
  {
    name: 'SHA-256 only (Huawei)',
    challenge: { realm: 'HuaweiHomeGateway', qop: 'auth', algorithm: 'SHA-256' },
    ask: (nonce) => empty401(`Digest realm="HuaweiHomeGateway", qop="auth", algorithm=SHA-256, nonce="${nonce}"`),
  },
  {
    name: 'SHA-512-256 with a hashed user name and UTF-8',
    challenge: { realm: 'CPE', qop: 'auth', algorithm: 'SHA-512-256', userhash: true },
    ask: (nonce) =>
      empty401(`Digest realm="CPE", qop="auth", algorithm=SHA-512-256, nonce="${nonce}", charset=UTF-8, userhash=true`),
    notCurl: 'its SHA-512-256 is the example of RFC 7616, SHA-512 cut short',
  },
  {
    name: 'SHA-256-sess',
    challenge: { realm: 'CPE', qop: 'auth', algorithm: 'SHA-256-sess' },
    ask: (nonce) => empty401(`Digest realm="CPE", qop="auth", algorithm=SHA-256-sess, nonce="${nonce}"`),
  },
  {
    name: 'MD5-sess',
    challenge: { realm: 'CPE', qop: 'auth', algorithm: 'MD5-sess' },
    ask: (nonce) => empty401(`Digest realm="CPE", qop="auth", algorithm=MD5-sess, nonce="${nonce}"`),
  },
  {
    name: 'MD5-sess without qop',
    challenge: { realm: 'CPE', algorithm: 'MD5-sess' },
    ask: (nonce) => empty401(`Digest realm="CPE", algorithm=MD5-sess, nonce="${nonce}"`),
    notCurl: 'curl sends no cnonce without qop',
  },
  {
    name: 'Basic, MD5 and SHA-256 in one header line, an unknown scheme before them',
    challenge: { realm: 'CPE, "x"', qop: 'auth', algorithm: 'SHA-256' },
    ask: (nonce) =>
      empty401(
        `Negotiate, Basic realm="a, b=c", Digest realm="CPE, \\"x\\"", qop="auth", algorithm=MD5, nonce="${nonce}", ` +
          `Digest realm="CPE, \\"x\\"", qop="auth", algorithm=SHA-256, nonce="${nonce}"`,
      ),
  },
  {
    name: 'an unknown algorithm first, then MD5, in two header lines',
    challenge: { realm: 'CPE', qop: 'auth', algorithm: 'MD5' },
    ask: (nonce) =>
      `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="CPE", qop="auth", algorithm=SHA3, nonce="x"\r\n` +
      `WWW-Authenticate: Digest realm="CPE", qop="auth", algorithm=MD5, nonce="${nonce}"\r\nContent-Length: 0\r\n\r\n`,
    notCurl: 'curl stops at the algorithm that it does not know',
  },
  {
    name: 'extra line end behind the head, connection kept',
    challenge: plain,
    ask: (nonce) => `${ask(nonce)}\r\n`,
  },
  {
    name: 'chunked 401, connection kept (cwmp-sim)',
    challenge: plain,
    ask: (nonce) =>
      `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="CPE", qop="auth", nonce="${nonce}"\r\n` +
      'Transfer-Encoding: chunked\r\n\r\n00b;x=y\r\nUnauthorize\r\n1\nd\n0\r\nTrailer: x\r\n\r\n',
  },
  {
    name: 'no reason phrase, repeated Content-Length, interim answers, a body behind a 204',
    challenge: plain,
    ask: (nonce) =>
      'HTTP/1.1 100\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n' +
      `HTTP/1.1 401\r\nWWW-Authenticate: Digest realm="CPE", qop="auth", nonce="${nonce}"\r\n` +
      'Content-Length: 3\r\nContent-Length: 3\r\n\r\nno!',
    ok: 'HTTP/1.1 204\r\nContent-Length: 5\r\n\r\nhello and more',
  },
  {
    name: 'a Content-Length that is wrong, and one that is no number',
    challenge: plain,
    ask: (nonce) =>
      `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="CPE", qop="auth", nonce="${nonce}"\r\n` +
      'Content-Length: 1000\r\n\r\nshort',
    ok: 'HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n',
    closes: true,
    notCurl: 'curl fails on a body that is too short',
  },
  {
    name: '401 without a length on a connection that stays open',
    challenge: plain,
    ask: (nonce) =>
      `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="CPE", qop="auth", nonce="${nonce}"\r\n\r\n`,
    notCurl: 'curl waits for a body that never ends',
  },
  {
    name: 'HTTP/1.0, a space before the colon, control characters in a field',
    challenge: plain,
    ask: (nonce) =>
      'HTTP/1.0 401 Unauthorized\r\nServer: \x01\x02\x7f\r\n' +
      `WWW-Authenticate : Digest realm="CPE", qop="auth", nonce="${nonce}"\r\n\r\n`,
    closes: true,
    notCurl: 'curl does not take a field name with a space for the name',
  },
  {
    name: 'Content-Length and Transfer-Encoding at once',
    challenge: plain,
    ask: (nonce) =>
      `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="CPE", qop="auth", nonce="${nonce}"\r\n` +
      'Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  },
  {
    name: 'a path that a URL parser would change',
    challenge: plain,
    path: '/a/../b//c/./%7e%2F;x=1?q=%20&r=a|b{c}^`"<>',
    ask,
  },
];

/** Small doubles for single habits of the field. */
export const digestHabits: readonly CpeDouble[] = habits.map(withHabit);

/** Basic only. */
export const basicOnly: CpeDouble = {
  name: 'Basic only',
  path: '/',
  basic: true,
  notCurl: 'curl --digest does not speak Basic',
  async serve(talk, cpe) {
    const wanted = `Basic ${Buffer.from(`${cpeCredentials.username}:${cpeCredentials.password}`).toString('base64')}`;
    for (;;) {
      const request = await talk.head();
      if (request === undefined) return;
      cpe.requests.push(request);
      if (field(request, 'Authorization') === wanted) {
        cpe.woken += 1;
        talk.write(ok);
      } else talk.write(empty401('Basic realm="CPE"'));
    }
  },
};

/** MD5-sess as in the sample code of RFC 2617 §5: the raw hash goes into the second one. */
export const sampleCodeSession: CpeDouble = {
  name: "MD5-sess of RFC 2617's sample code",
  path: '/',
  notCurl: 'curl goes by the text of the RFC',
  async serve(talk, cpe) {
    const md5 = (text: string | Buffer): string => createHash('md5').update(text).digest('hex');
    const { username, password } = cpeCredentials;
    for (;;) {
      const request = await talk.head();
      if (request === undefined) return;
      cpe.requests.push(request);
      const found = parameters(field(request, 'Authorization') ?? '');
      const [nonce = '', nc, cnonce, qop] = ['nonce', 'nc', 'cnonce', 'qop'].map((name) => found.get(name) ?? '');
      const raw = createHash('md5').update(`${username}:CPE:${password}`).digest();
      const ha1 = md5(Buffer.concat([raw, Buffer.from(`:${nonce}:${cnonce}`)]));
      if (
        cpe.nonce === nonce &&
        found.get('response') === md5(`${ha1}:${nonce}:${nc}:${cnonce}:${qop}:${md5('GET:/')}`)
      ) {
        cpe.woken += 1;
        talk.write(ok);
      } else {
        cpe.nonce = freshNonce();
        talk.write(empty401(`Digest realm="CPE", qop="auth", algorithm=MD5-sess, nonce="${cpe.nonce}"`));
      }
    }
  },
};
