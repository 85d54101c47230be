import { randomBytes } from 'node:crypto';
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import { rfcResponse } from './rfc-digest.js';

/** An ACS as the client of connection requests. */
export interface AcsClient {
  readonly name: string;
  /** Asks for a wake and resolves with what the ACS makes of it. */
  wake(url: string, user: AcsUser, port?: number): Promise<string>;
}

/** What an ACS thinks a CPE's credentials are. */
export interface AcsUser {
  readonly username: string;
  readonly password: string;
}

interface Leg {
  readonly url: URL;
  /** TCP port to call, whatever the URL says: names below the test's domain are not looked up. */
  readonly port: number;
  readonly target: string;
  readonly authorization?: string;
  readonly agent: Agent;
  readonly timeoutMs: number;
}

function get({ url, port, target, authorization, agent, timeoutMs }: Leg): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { Host: url.host, ...(authorization !== undefined && { Authorization: authorization }) };
    const request = httpRequest({ host: '127.0.0.1', port, path: target, headers, agent, timeout: timeoutMs });
    request.on('timeout', () => request.destroy(new Error('timeout'))).on('error', reject);
    request.on('response', (response) => {
      response.resume().on('end', () => resolve(response));
    });
    request.end();
  });
}

/**
 * GenieACS 1.2: http only, no credentials first, 2 s for each request, the one with credentials once more where it fails or times out; one parser for all challenges together, which takes the first word for
 * the scheme, throws on parameters that no comma parts, and lets a later parameter overwrite an earlier one of its name.
 * Basic is refused. The digest-uri is pathname and search.
 */
export const genieacs: AcsClient = {
  name: 'GenieACS',
  async wake(text, { username, password }, port) {
    const url = new URL(text);
    if (url.protocol !== 'http:') return 'unsupported protocol';
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const target = url.pathname + url.search;
    const leg = { url, port: port ?? Number(url.port), target, agent, timeoutMs: 2_000 };
    try {
      let response = await get(leg);
      if (response.statusCode === 401) {
        const field = response.headers['www-authenticate'] ?? '';
        const [scheme = ''] = field.split(' ', 1);
        if (scheme !== 'Digest') return `unsupported authentication ${scheme}`;
        const features = genieFeatures(field.slice(scheme.length + 1));
        const answer = { ...leg, authorization: genieDigest(features, username, password, target) };
        response = await get(answer).catch(() => get(answer));
      }
      const { statusCode = 0 } = response;
      if (statusCode === 200 || statusCode === 204) return '';
      if (statusCode === 401) return 'Incorrect connection request credentials';
      return statusCode === 503 ? 'Device is offline' : `Unexpected response ${statusCode}`;
    } finally {
      agent.destroy();
    }
  },
};

function genieFeatures(list: string): Map<string, string> {
  const features = new Map<string, string>();
  for (const part of list.match(/(?:"[^"]*"|[^,"])+/g) ?? []) {
    const [, name, value] = /^\s*([^=]+)=(?:"([^"]*)"|[^\s"]*)\s*$/.exec(part) ?? [];
    if (name === undefined) throw new Error('the challenge cannot be parsed');
    features.set(name, value ?? part.slice(part.indexOf('=') + 1).trim());
  }
  return features;
}

function genieDigest(features: Map<string, string>, username: string, password: string, uri: string): string {
  const [realm = '', nonce = ''] = [features.get('realm'), features.get('nonce')];
  const algorithm = features.get('algorithm');
  const qop = features.get('qop')?.includes('auth') === true ? 'auth' : undefined;
  const cnonce = randomBytes(8).toString('hex');
  const challenge = { username, password, realm, nonce, ...(algorithm !== undefined && { algorithm }) };
  const response = rfcResponse(challenge, 'GET', uri, qop, '00000001', cnonce);
  let field = `Digest username="${username}",realm="${realm}",nonce="${nonce}",uri="${uri}",`;
  if (algorithm !== undefined) field += `algorithm=${algorithm},`;
  if (qop !== undefined) field += `qop=auth,nc=00000001,cnonce="${cnonce}",`;
  field += `response="${response}"`;
  const opaque = features.get('opaque');
  return opaque === undefined ? field : `${field},opaque="${opaque}"`;
}

/**
 * Oktopus: 1 s in all; takes 200 alone for success of the first request; MD5 and the formula with qop whatever is asked for;
 * an opaque that is empty where none was offered; the digest-uri is `/` unless the URL has four parts between slashes.
 */
export const oktopus: AcsClient = {
  name: 'Oktopus',
  async wake(text, { username, password }, port) {
    const url = new URL(text);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const leg = { url, port: port ?? Number(url.port), target: url.pathname + url.search, agent, timeoutMs: 1_000 };
    try {
      const first = await get(leg);
      if (first.statusCode === 200) return '';
      if (first.statusCode !== 401) return `status ${first.statusCode}`;
      const field = first.headers['www-authenticate'] ?? '';
      const param = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(field)?.[1] ?? '';
      const parts = text.split('/');
      const uri = parts.length === 4 ? `/${parts[3]}` : '/';
      const [realm, nonce, opaque] = [param('realm'), param('nonce'), param('opaque')];
      const cnonce = randomBytes(8).toString('hex');
      const response = rfcResponse({ username, password, realm, nonce }, 'GET', uri, 'auth', '00000001', cnonce);
      const authorization =
        `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", cnonce="${cnonce}", ` +
        `nc=00000001, qop=auth, response="${response}", opaque="${opaque}", algorithm=MD5`;
      const second = await get({ ...leg, authorization });
      return second.statusCode === 200 || second.statusCode === 204 ? '' : `status ${second.statusCode}`;
    } finally {
      agent.destroy();
    }
  },
};
