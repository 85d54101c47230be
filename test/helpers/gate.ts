import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import type { TestContext } from 'node:test';
import {
  type ConnectionRequestOptions,
  createCwmpProxy,
  type CwmpProxy,
  type CwmpProxyOptions,
  verifyDigest,
} from '@cwmp-proxy/core';
import { listen, serve } from './serve.js';

/** A proxy on loopback. */
export interface Gate {
  proxy: CwmpProxy;
  port: number;
  url: string;
  /** The URL that an ACS gets to see for a CPE's own one. */
  proxied(url: string): Promise<string>;
}

/** The domain of the `host` form in tests; no name below it is ever looked up. */
export const hostBase = 'cr.isp.test';

/** Starts a proxy for the length of one test; the ACS behind it answers every POST with 204. */
export async function startGate(
  t: TestContext,
  connectionRequests: ConnectionRequestOptions,
  more: Partial<CwmpProxyOptions> = {},
): Promise<Gate> {
  let seen = '';
  const acs = await serve(t, (request, response) => {
    seen = '';
    request.setEncoding('latin1').on('data', (text: string) => (seen += text));
    request.on('end', () => response.writeHead(204).end());
  });
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void proxy.handle(request, response);
  });
  const { port, url } = await listen(t, server);
  const proxy = createCwmpProxy({ publicUrl: url, backends: [acs.url], connectionRequests, ...more });
  t.after(() => proxy.close());
  return {
    proxy,
    port,
    url,
    async proxied(origin) {
      await send({ port, method: 'POST', target: '/', body: informWith(origin) });
      const value = /<Value>(.*?)<\/Value>/.exec(seen)?.[1] ?? '';
      return value.replaceAll('&amp;', '&');
    },
  };
}

function informWith(url: string): string {
  return (
    '<Envelope><Body><Inform><ParameterList><ParameterValueStruct>' +
    `<Name>Device.ManagementServer.ConnectionRequestURL</Name><Value>${escape(url)}</Value>` +
    '</ParameterValueStruct></ParameterList></Inform></Body></Envelope>'
  );
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** One request as it is to be sent. */
export interface Sent {
  port: number;
  method?: string;
  target: string;
  headers?: Record<string, string>;
  body?: string;
}

/** An answer as it came. */
export interface Answer {
  status: number;
  challenges: string[];
  headers: IncomingMessage['headers'];
  body: string;
}

/** Sends one request on a connection of its own, with the target byte for byte. */
export function send({ port, method = 'GET', target, headers = {}, body }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path: target, headers, agent: false });
    request.on('error', reject).on('response', (response) => {
      let text = '';
      response.setEncoding('latin1').on('data', (part: string) => (text += part));
      response.on('end', () => {
        const { statusCode = 0, headers: fields } = response;
        const challenges = response.headersDistinct['www-authenticate'] ?? [];
        resolve({ status: statusCode, challenges, headers: fields, body: text });
      });
    });
    request.end(body);
  });
}

/** The field that shows a user and a password, `user:password`. */
export const basic = (pair: string): { authorization: string } => ({ authorization: `Basic ${btoa(pair)}` });

/** What an ACS's HTTP client makes of a URL: target and Host. */
export function split(url: string): { target: string; host: string } {
  const { pathname, search, host } = new URL(url);
  return { target: pathname + search, host };
}

/** Runs curl against a gate, whatever the host of the URL; gives the status of the last answer. */
export function curl(port: number, url: string, ...args: string[]): Promise<number> {
  const fixed = ['-g', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--noproxy', '*', '--max-time', '10'];
  return new Promise((resolve, reject) => {
    execFile('curl', [...fixed, '--connect-to', `::127.0.0.1:${port}`, ...args, url], (error, stdout) => {
      if (error === null) resolve(Number(stdout));
      else reject(error);
    });
  });
}

/** A CPE that asks for MD5 Digest and counts its wakes. */
export interface DigestCpe {
  url: string;
  port: number;
  wakes: number;
  requests: number;
}

/** Starts a CPE whose ConnectionRequestURL has a path and a query. */
export async function startDigestCpe(
  t: TestContext,
  { username, password }: { username: string; password: string },
  path = '/0f3c?x=1&y=2',
): Promise<DigestCpe> {
  const cpe: DigestCpe = { url: '', port: 0, wakes: 0, requests: 0 };
  const { url, port } = await serve(t, (request, response) => {
    cpe.requests += 1;
    const expected = { username, password, realm: 'CPE', method: 'GET', uri: path };
    response.setHeader('connection', 'close');
    if (request.url === path && verifyDigest(request.headers.authorization ?? '', expected)) {
      cpe.wakes += 1;
      response.writeHead(200).end();
    } else {
      response.writeHead(401, { 'WWW-Authenticate': 'Digest realm="CPE", nonce="abc", qop="auth"' }).end();
    }
  });
  cpe.url = url + path;
  cpe.port = port;
  return cpe;
}
