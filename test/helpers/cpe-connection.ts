import { Agent, request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import type { TestContext } from 'node:test';
import { atEnd } from './at-end.js';

/** An answer as a CPE got it. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** One CPE with one connection, closed after the test. */
export interface Cpe {
  send(options: {
    url: string;
    method?: string;
    headers?: OutgoingHttpHeaders;
    body?: string | Buffer | undefined;
    /** Leaves the length away. */
    chunked?: boolean;
  }): Promise<Answer>;
}

/** A CPE that keeps its connection, as CPEs do in a session. */
export function startCpe(t: TestContext): Cpe {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  atEnd(t, () => agent.destroy());
  return {
    send({ url, method = 'POST', headers = {}, body = '', chunked = false }) {
      return new Promise((resolve, reject) => {
        const length = method === 'GET' || chunked ? {} : { 'Content-Length': Buffer.byteLength(body) };
        const type = body.length > 0 ? { 'Content-Type': 'text/xml; charset="utf-8"' } : {};
        const outgoing = request(url, { agent, method, headers: { ...type, ...length, ...headers } }, (response) => {
          response.toArray().then((chunks: Buffer[]) => {
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
          }, reject);
        });
        outgoing.on('error', reject);
        if (chunked) outgoing.write(body);
        outgoing.end(chunked ? undefined : body);
      });
    },
  };
}
