import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { envelope } from './cpe-clients/cwmp-bodies.js';
import { type Served, serve } from './serve.js';

/** What a recording ACS saw of one request. */
export interface Recorded {
  /** Which of its connections it came on, counted from 1. */
  connection: number;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

/** An ACS that notes on which connection each request came and answers what the request's `X-Answer` says. */
export interface RecordingAcs extends Served {
  requests: Recorded[];
  /** Connections that are open. */
  open: Set<Socket>;
}

const retryFault = envelope(
  '<soap:Fault><faultcode>Server</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>' +
    '<FaultCode>8005</FaultCode><FaultString>Retry request</FaultString></cwmp:Fault></detail></soap:Fault>',
);

/**
 * `X-Answer: <status>[|field=value|…]`; `none` answers nothing; without it, 200. A body comes with every 200 but that to
 * `200|empty`; that to `200|retry` is fault 8005.
 */
export async function recordingAcs(t: TestContext): Promise<RecordingAcs> {
  const requests: Recorded[] = [];
  const connections = new Map<Socket, number>();
  const open = new Set<Socket>();
  const served = await serve(t, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { socket, headers } = request;
      if (!connections.has(socket)) {
        connections.set(socket, connections.size + 1);
        open.add(socket);
        socket.once('close', () => open.delete(socket));
      }
      requests.push({ connection: connections.get(socket) ?? 0, headers, body });
      const [status = '200', ...fields] = String(headers['x-answer'] ?? '200').split('|');
      if (status === 'none') return;
      const pairs = fields.flatMap((field) =>
        field.includes('=') ? [field.replace(/=.*/, ''), field.replace(/^.*?=/, '')] : [],
      );
      const text =
        status === '200' && !fields.includes('empty') ? (fields.includes('retry') ? retryFault : 'answer') : '';
      response.writeHead(Number(status), [...pairs, 'Content-Length', String(text.length)]).end(text);
    });
  });
  return { ...served, requests, open };
}

/** A POST with further fields. */
export function postOf(body: string, ...fields: string[]): string {
  return ['POST /acs HTTP/1.1', 'Host: a', ...fields, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join(
    '\r\n',
  );
}
