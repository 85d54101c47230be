import http from 'node:http';
import type { Socket } from 'node:net';
import { type AcsName, acsHabits } from './acs-habits.js';
import { type AcsSession, AcsSessions } from './acs-sessions.js';
import { connectionName, readBody } from './http-exchange.js';
import { type Journal, schemesOf } from './journal.js';
import { closeServer, listen } from './loopback.js';
import { eventsOf, escapeXml, idOf, methodOf, namespaceOf, serialNumberOf, urlIn } from './message.js';

/** What an ACS answers with. */
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly cookie?: string | undefined;
  readonly headers?: http.OutgoingHttpHeaders;
}

/** A small but real ACS: takes an Inform, asks the CPE for two parameters, ends the session with 204. */
export class Acs {
  readonly name: AcsName;
  /** The ConnectionRequestURL of each CPE as this ACS was told it, by serial number. */
  readonly connectionRequestUrls: Map<string, string> = new Map();

  readonly #journal: Journal;
  readonly #server: http.Server;
  readonly #sessions: AcsSessions;
  #url = '';

  private constructor(name: AcsName, journal: Journal) {
    this.name = name;
    this.#journal = journal;
    this.#sessions = new AcsSessions(acsHabits[name].knowsBy);
    this.#server = http.createServer((incoming, answer) => {
      this.#handle(incoming, answer).catch(() => incoming.socket.destroy());
    });
  }

  static async start(name: AcsName, journal: Journal): Promise<Acs> {
    const acs = new Acs(name, journal);
    acs.#url = await listen(acs.#server, '127.0.0.1');
    return acs;
  }

  get url(): string {
    return this.#url;
  }

  async close(): Promise<void> {
    await closeServer(this.#server);
  }

  async #handle(incoming: http.IncomingMessage, outgoing: http.ServerResponse): Promise<void> {
    const { reason, splitsAnswers } = acsHabits[this.name];
    const seen = { connection: connectionName(incoming.socket) };
    const body = await readBody(incoming);
    const request = { method: incoming.method ?? '', target: incoming.url ?? '/' };
    const schemes = schemesOf(incoming.headers);
    this.#journal.record({ ...seen, from: 'proxy', to: this.name, request, schemes, body });

    const answer = this.#answer(incoming, body);
    const text = Buffer.from(answer.body);
    const { status } = answer;
    this.#journal.record({ ...seen, from: this.name, to: 'proxy', status, schemes: [], body: text });
    const headers: http.OutgoingHttpHeaders = { ...answer.headers };
    if (answer.cookie !== undefined) headers['Set-Cookie'] = answer.cookie;
    if (status !== 204) headers['Content-Length'] = text.length;
    if (status === 200) headers['Content-Type'] = 'text/xml; charset="utf-8"';
    if (status === 204) outgoing.writeHead(status, reason, headers);
    else outgoing.writeHead(status, headers);
    if (splitsAnswers) outgoing.flushHeaders();
    outgoing.end(text);
  }

  #answer(incoming: http.IncomingMessage, body: Buffer): Answer {
    if (incoming.method !== 'POST') return { status: 405, body: 'Method not allowed' };
    if (incoming.headers['content-encoding'] !== undefined) return { status: 415, body: 'Unsupported coding' };
    const method = methodOf(body);
    if (method === 'Inform') return this.#begin(incoming.socket, body);

    const session = this.#sessions.find(incoming.socket, incoming.headers.cookie);
    if (session === undefined) return { status: 400, body: 'Invalid session' };
    if (body.length === 0 && !session.hasAsked) {
      session.hasAsked = true;
      return this.#withCookie(session, { status: 200, body: getParameterValues(session) });
    }
    if (method === 'GetParameterValuesResponse') this.#learnUrl(session.serialNumber, body);
    this.#sessions.end(session);
    return this.#withCookie(session, { status: 204, body: '', headers: acsHabits[this.name].lastHeaders });
  }

  #begin(socket: Socket, body: Buffer): Answer {
    const serialNumber = serialNumberOf(body);
    if (serialNumber === undefined || eventsOf(body).length === 0) return { status: 400, body: 'Bad Inform' };
    const session = this.#sessions.begin(socket, {
      serialNumber,
      root: urlIn(body)?.name.split('.')[0] ?? 'Device',
      namespace: namespaceOf(body),
    });
    if (session === undefined) return { status: 400, body: 'CPE already in session' };
    this.#learnUrl(serialNumber, body);
    const answer = envelope(
      session.namespace,
      idOf(body),
      '<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>',
    );
    return { status: 200, body: answer, cookie: acsHabits[this.name].cookie(session.id) };
  }

  #learnUrl(serialNumber: string, body: Buffer): void {
    const url = urlIn(body)?.url;
    if (url === undefined || url === '' || this.connectionRequestUrls.size >= 1_000) return;
    this.connectionRequestUrls.set(serialNumber, url);
  }

  #withCookie(session: AcsSession, answer: Answer): Answer {
    const { cookie, repeatsCookie } = acsHabits[this.name];
    return repeatsCookie ? { ...answer, cookie: cookie(session.id) } : answer;
  }
}

function getParameterValues({ root, namespace, id }: AcsSession): string {
  const names = [`${root}.ManagementServer.ConnectionRequestURL`, `${root}.DeviceInfo.SoftwareVersion`];
  return envelope(
    namespace,
    id,
    `<cwmp:GetParameterValues><ParameterNames soap-enc:arrayType="xsd:string[${names.length}]">${names
      .map((name) => `<string>${name}</string>`)
      .join('')}</ParameterNames></cwmp:GetParameterValues>`,
  );
}

function envelope(namespace: string, id: string | undefined, body: string): string {
  const header =
    id === undefined
      ? ''
      : `<soap-env:Header><cwmp:ID soap-env:mustUnderstand="1">${escapeXml(id)}</cwmp:ID></soap-env:Header>`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/" xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cwmp="${namespace}">${header}<soap-env:Body>${body}</soap-env:Body></soap-env:Envelope>`;
}
