import { type CpeDouble, field } from './conversation.js';
import { freshNonce, isRight, parameters } from './parameters.js';

/** Orange Livebox agent. One recv of up to 4096 bytes; nothing it writes has a blank line at its end; closes always. */
const orange = (lastField: 'Connection' | 'WWW-Authenticate'): CpeDouble => ({
  name: `Orange Livebox agent, ${lastField} last`,
  path: '/0a1b2c3d',
  challenge: { realm: 'Livebox', qop: 'auth', opaque: '5ccc069c403ebaf9f0171e9517f40e41' },
  async serve(talk, cpe) {
    const request = (await talk.recv()).slice(0, 4096);
    cpe.requests.push(request);
    const authorization = field(request, 'Authorization') ?? '';
    const found = parameters(authorization);
    const asItReads =
      authorization.startsWith('Digest username="') &&
      /qop=auth,/.test(authorization) &&
      /nc=[0-9a-f]{8},/.test(authorization) &&
      found.get('opaque') === '5ccc069c403ebaf9f0171e9517f40e41' &&
      request.endsWith('\r\n\r\n');
    if (asItReads && isRight(found, { realm: 'Livebox', qop: 'auth', nonce: cpe.nonce })) {
      cpe.woken += 1;
      talk.write('HTTP/1.1 200 OK\nConnection: close\n');
    } else {
      cpe.nonce = freshNonce();
      const digest =
        'WWW-Authenticate: Digest realm="Livebox",\n  qop="auth",\n' +
        `  nonce="${cpe.nonce}",\n  opaque="5ccc069c403ebaf9f0171e9517f40e41"\n`;
      talk.write(
        lastField === 'WWW-Authenticate'
          ? `HTTP/1.1 401 Unauthorized\nConnection: close\n${digest}`
          : `HTTP/1.1 401 Unauthorized\n${digest}Connection: close\n`,
      );
    }
    talk.close();
  },
  notCurl: 'curl 7.88 acts on a challenge only once the blank line behind it has come',
});

/** netcwmp. Parameters parted by spaces; closes without a word; small buffers; looks for lower-case `realm=`. */
const netcwmp: CpeDouble = {
  name: 'netcwmp',
  path: '/cpe',
  challenge: { realm: 'cwmpd', qop: 'auth' },
  notCurl: "it refuses the 44 characters of curl's cnonce",
  async serve(talk, cpe) {
    const request = (await talk.head()) ?? '';
    cpe.requests.push(request);
    const authorization = /\r\nauthorization: ?([^\r]*)/i.exec(request)?.[1] ?? '';
    const found = parameters(authorization);
    const fits =
      request.length <= 2047 &&
      authorization.length <= 511 &&
      authorization.includes('realm="') &&
      (found.get('cnonce')?.length ?? 0) <= 32 &&
      (found.get('uri')?.length ?? 0) <= 256;
    // It checks the qop formula always.
    if (fits && isRight(found, { realm: 'cwmpd', qop: 'auth', nonce: cpe.nonce })) {
      cpe.woken += 1;
      talk.write('HTTP/1.1 200 OK\r\nServer: CPE-SERVER-TR069/1.1.1\r\nContent-Length: 0\r\n\r\n');
    } else {
      cpe.nonce = freshNonce();
      talk.write(
        'HTTP/1.1 401 Unauthorized\r\nServer: CPE-SERVER-TR069/1.1.1\r\n' +
          `WWW-Authenticate: Digest realm="cwmpd" qop="auth" nonce="${cpe.nonce}"\r\nContent-Length: 0\r\n\r\n`,
      );
    }
    talk.close();
  },
};

/** icwmp. Reads ten lines; 401 without Content-Length, then closes; the uri must begin with its path; 503 for anything else. */
const icwmp: CpeDouble = {
  name: 'icwmp',
  path: '/icwmp-4711',
  challenge: { realm: 'iopsys', qop: 'auth', opaque: '328458fab28345ae87ab3210a8513b14' },
  async serve(talk, cpe) {
    const request = (await talk.head()) ?? '';
    cpe.requests.push(request);
    const tenLines = request.split('\n').slice(0, 10).join('\n');
    const found = parameters(field(`${tenLines}\r\n`, 'Authorization') ?? '');
    const complete = ['qop', 'nc', 'cnonce'].every((name) => found.has(name));
    if (!request.startsWith('GET /icwmp-4711')) {
      talk.write('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    } else if (
      complete &&
      found.get('uri')?.startsWith('/icwmp-4711') === true &&
      isRight(found, { realm: 'iopsys', qop: 'auth', nonce: cpe.nonce })
    ) {
      cpe.woken += 1;
      talk.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    } else {
      cpe.nonce = freshNonce();
      talk.write(
        'HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nWWW-Authenticate: Digest realm="iopsys",qop="auth",' +
          `nonce="${cpe.nonce}",opaque="328458fab28345ae87ab3210a8513b14"\r\n\r\n`,
      );
    }
    talk.close();
  },
};

/** easycwmp. Searches for the literal field; hashes `/`; an extra line end behind the head of its 401; closes. */
const easycwmp: CpeDouble = {
  name: 'easycwmp',
  path: '/',
  challenge: { realm: 'realm@easycwmp', qop: 'auth', opaque: '328458fab28345ae87ab3210a8513b14' },
  async serve(talk, cpe) {
    const request = (await talk.head()) ?? '';
    cpe.requests.push(request);
    const literal = request.indexOf('Authorization: Digest ');
    const found = parameters(literal < 0 ? '' : request.slice(literal, request.indexOf('\r\n', literal)));
    if (isRight(found, { realm: 'realm@easycwmp', qop: 'auth', nonce: cpe.nonce }, '/')) {
      cpe.woken += 1;
      talk.write('HTTP/1.1 200 OK\r\n\r\n');
    } else {
      cpe.nonce = freshNonce();
      talk.write(
        'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\nWWW-Authenticate: Digest ' +
          `realm="realm@easycwmp",qop="auth",nonce="${cpe.nonce}",opaque="328458fab28345ae87ab3210a8513b14"\r\n\r\n\r\n`,
      );
    }
    talk.close();
  },
};

const easycwmpOpen: CpeDouble = {
  name: 'easycwmp with no credentials set',
  path: '/',
  async serve(talk, cpe) {
    cpe.requests.push((await talk.head()) ?? '');
    cpe.woken += 1;
    talk.write('HTTP/1.1 200 OK\r\n\r\n');
    talk.close();
  },
};

/** ucwmp on OpenWrt's uhttpd. Its field reader knows nine names and how each is written, and reads to the last byte. */
const ucwmp: CpeDouble = {
  name: 'ucwmp',
  path: '/cwmp?id=0f3c',
  challenge: { realm: 'OpenWrt', qop: 'auth' },
  async serve(talk, cpe) {
    for (;;) {
      const request = await talk.head();
      if (request === undefined) return;
      cpe.requests.push(request);
      const found = readAsUcwmp(field(request, 'Authorization') ?? '');
      const right =
        found?.get('uri') === '/cwmp?id=0f3c' && isRight(found, { realm: 'OpenWrt', qop: 'auth', nonce: cpe.nonce });
      if (right) cpe.woken += 1;
      else cpe.nonce = freshNonce();
      talk.write(
        `HTTP/1.1 ${right ? '200 OK' : '401 Unauthorized'}\r\nConnection: Keep-Alive\r\n` +
          `WWW-Authenticate: Digest qop="auth", realm="OpenWrt", nonce="${cpe.nonce}"\r\nContent-Length: 0\r\n\r\n`,
      );
    }
  },
};

function readAsUcwmp(authorization: string): Map<string, string> | undefined {
  const quoted = new Set(['username', 'realm', 'nonce', 'uri', 'response', 'cnonce', 'algorithm']);
  const found = new Map<string, string>();
  let rest = /^digest (.*)$/i.exec(authorization)?.[1] ?? '';
  while (rest !== '') {
    rest = rest.trimStart();
    const [name = ''] = rest.split('=', 1);
    rest = rest.slice(name.length + 1);
    let value: string | undefined;
    if (quoted.has(name)) {
      value = /^"((?:[^"\\]|\\.)*)"/.exec(rest)?.[1];
      if (value === undefined) return undefined;
      rest = rest.slice(value.length + 2).replace(/^,/, '');
    } else if (name === 'qop' || name === 'nc') {
      // Without a comma behind it, the rest is gone: it must not stand last.
      if (!rest.includes(',')) return undefined;
      [value = ''] = rest.split(',', 1);
      rest = rest.slice(value.length + 1);
    } else {
      return undefined;
    }
    found.set(name, value);
  }
  const needed = ['username', 'realm', 'nonce', 'uri', 'response', 'cnonce', 'qop', 'nc'];
  return needed.every((name) => found.has(name)) ? found : undefined;
}

/** RDK-B. The exact path and no query; keeps the connection; no cookies; both legs from one address, on one connection. */
const rdkB: CpeDouble = {
  name: 'RDK-B',
  path: '/%41b.cd~e/!x',
  challenge: { realm: 'Cisco_CCSP_CWMP_TCPCR', qop: 'auth', algorithm: 'MD5', opaque: '0000' },
  async serve(talk, cpe) {
    let nonce = '';
    for (;;) {
      const request = await talk.head();
      if (request === undefined) return;
      cpe.requests.push(request);
      const found = parameters(field(request, 'Authorization') ?? '');
      if (!request.startsWith('GET /%41b.cd~e/!x HTTP/1.1\r\n') || field(request, 'Cookie') !== undefined) {
        talk.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
        talk.close();
        return;
      }
      if (nonce !== '' && isRight(found, { realm: 'Cisco_CCSP_CWMP_TCPCR', qop: 'auth', nonce })) {
        cpe.woken += 1;
        talk.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      } else {
        nonce = freshNonce();
        cpe.nonce = nonce;
        talk.write(
          'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="Cisco_CCSP_CWMP_TCPCR", qop="auth", ' +
            `algorithm=MD5, nonce="${nonce}", opaque="0000"\r\nContent-Length: 0\r\n\r\n`,
        );
      }
    }
  },
};

/** Fritz!Box. A TCP connection for each request. */
const fritzBox: CpeDouble = {
  name: 'Fritz!Box',
  path: '/a9f3c2d1e0b4587f',
  challenge: { realm: 'HTTPS Access', qop: 'auth', algorithm: 'MD5' },
  async serve(talk, cpe) {
    const request = (await talk.head()) ?? '';
    cpe.requests.push(request);
    const found = parameters(field(request, 'Authorization') ?? '');
    if (isRight(found, { realm: 'HTTPS Access', qop: 'auth', nonce: cpe.nonce })) {
      cpe.woken += 1;
      talk.write('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
    } else {
      cpe.nonce = freshNonce(16).toUpperCase();
      const body = '<HTML><HEAD><TITLE>401 Unauthorized (ERR_NONE)</TITLE></HEAD></HTML>\n';
      talk.write(
        'HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nWWW-Authenticate: Digest realm="HTTPS Access",' +
          `nonce="${cpe.nonce}",algorithm=MD5,qop="auth"\r\nContent-Type: text/html\r\n` +
          `Content-Length: ${body.length}\r\n\r\n${body}`,
      );
    }
    talk.close();
  },
};

/** catawampus. No authentication, a random path under /ping/, 204. */
const catawampus: CpeDouble = {
  name: 'catawampus',
  path: '/ping/77a0b1c2d3e4f506',
  async serve(talk, cpe) {
    for (;;) {
      const request = await talk.head();
      if (request === undefined) return;
      cpe.requests.push(request);
      const right = request.startsWith('GET /ping/77a0b1c2d3e4f506 ');
      if (right) cpe.woken += 1;
      talk.write(
        right ? 'HTTP/1.1 204 No Content\r\nServer: TornadoServer/2.1\r\n\r\n' : 'HTTP/1.1 404 Not Found\r\n\r\n',
      );
    }
  },
};

/** The stacks of the field, one double each. */
export const stacks: readonly CpeDouble[] = [
  orange('Connection'),
  orange('WWW-Authenticate'),
  netcwmp,
  icwmp,
  easycwmp,
  easycwmpOpen,
  ucwmp,
  rdkB,
  fritzBox,
  catawampus,
];

/** Orange's agent while it is in a session: 503 before any authentication, unterminated. */
export const orangeInSession: CpeDouble = {
  name: 'Orange Livebox agent in session',
  path: '/0a1b2c3d',
  async serve(talk, cpe) {
    cpe.requests.push(await talk.recv());
    talk.write('HTTP/1.1 503 Service Unavailable\nConnection: close\n');
    talk.close();
  },
};
