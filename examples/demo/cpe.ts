import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { type ConnectionRequestServer, startConnectionRequestServer } from './connection-request-server.js';
import type { CpeModel } from './cpe-model.js';
import type { DigestCredentials } from './digest.js';
import { type ExchangeAnswer, exchange } from './http-exchange.js';
import { type Journal, schemesOf } from './journal.js';
import { idOf, methodOf, parameterNamesOf } from './message.js';

/** What it takes to run a simulated CPE. */
export interface CpeOptions {
  readonly model: CpeModel;
  /** Where the CPE believes its ACS to be: the proxy. */
  readonly acsUrl: string;
  /** What its connection-request server accepts. */
  readonly credentials: DigestCredentials;
  readonly journal: Journal;
  /** Answer connection requests, but never open the session they ask for: a fault that real CPEs have. */
  readonly ignoresWakes?: boolean;
}

/** A simulated CPE: a client of its ACS, and a server of connection requests. */
export class Cpe {
  readonly model: CpeModel;
  /** Why the last session that a connection request started has failed. */
  problem: string | undefined;

  readonly #options: CpeOptions;
  #server: ConnectionRequestServer | undefined;
  #cookies = new Map<string, string>();
  #sessionRuns = false;
  #isWoken = false;
  #sessionCount = 0;

  private constructor(options: CpeOptions) {
    this.#options = options;
    this.model = options.model;
  }

  /** Starts the connection-request server; the CPE says nothing to its ACS before {@link runSession}. */
  static async start(options: CpeOptions): Promise<Cpe> {
    const cpe = new Cpe(options);
    cpe.#server = await startConnectionRequestServer({
      model: options.model,
      credentials: options.credentials,
      journal: options.journal,
      isInSession: () => cpe.#sessionRuns,
      onAccepted: () => cpe.#wake(),
    });
    return cpe;
  }

  /** The ConnectionRequestURL of this CPE, as it is. */
  get url(): string {
    return this.#server?.url ?? '';
  }

  /** The Inform that this CPE would send now. */
  inform(events: readonly string[]): string {
    return this.model.writeInform({ events, url: this.url, id: String(this.#sessionCount), time: new Date() });
  }

  /** One whole session on one connection: Inform, empty POST, what the ACS asks for, until it has no more to ask. */
  async runSession(events: readonly string[]): Promise<void> {
    const { client } = this.model;
    this.#sessionRuns = true;
    this.#sessionCount += 1;
    if (client.keepsCookies !== true) this.#cookies.clear();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    try {
      if (client.probes === true) await this.#probe();
      let answer = await this.#post(agent, this.inform(events));
      if (methodOf(answer.body) !== 'InformResponse') throw new Error(`the Inform was answered ${answer.status}`);
      answer = await this.#post(agent, '');
      for (let round = 0; answer.body.length > 0; round += 1) {
        if (round === 10) throw new Error('the ACS never comes to an end');
        // Requests wait for each other: each is the answer to the one before.
        answer = await this.#post(agent, this.#respond(answer.body));
      }
    } finally {
      agent.destroy();
      this.#sessionRuns = false;
    }
  }

  /** Closes the connection-request server. */
  async close(): Promise<void> {
    await this.#server?.close();
  }

  /** However often it is woken before its session begins, a CPE opens one session (TR-069 A6 §3.2.2). */
  #wake(): void {
    if (this.#options.ignoresWakes === true || this.#isWoken) return;
    this.#isWoken = true;
    setImmediate(() => {
      this.#isWoken = false;
      this.problem = undefined;
      this.runSession(['6 CONNECTION REQUEST']).catch((error: unknown) => {
        this.problem = error instanceof Error ? error.message : String(error);
      });
    });
  }

  #respond(request: Buffer): string {
    const { root, softwareVersion } = this.model;
    const known = new Map([
      [`${root}ManagementServer.ConnectionRequestURL`, this.url],
      [`${root}DeviceInfo.SoftwareVersion`, softwareVersion],
    ]);
    const values = parameterNamesOf(request).flatMap((name) => {
      const value = known.get(name);
      return value === undefined ? [] : [{ name, value }];
    });
    return this.model.writeValues({ id: idOf(request) ?? '', values });
  }

  async #post(agent: http.Agent, text: string): Promise<ExchangeAnswer> {
    const { model, acsUrl, journal } = this.#options;
    const { hostname, port, pathname } = new URL(acsUrl);
    const body = Buffer.from(text);
    const headers: http.OutgoingHttpHeaders =
      body.length === 0 ? { ...model.client.emptyPostHeaders } : { ...model.client.headers };
    if (model.client.chunked !== true || body.length === 0) headers['Content-Length'] = body.length;
    if (this.#cookies.size > 0) headers['Cookie'] = [...this.#cookies].map((pair) => pair.join('=')).join('; ');

    const seen = { serialNumber: model.serialNumber };
    const request = { method: 'POST', target: pathname };
    const answer = await exchange({
      agent,
      host: hostname,
      port: Number(port),
      method: 'POST',
      target: pathname,
      headers,
      body,
      onSent: (connection) =>
        journal.record({ ...seen, from: 'CPE', to: 'proxy', connection, request, schemes: schemesOf(headers), body }),
    });
    const { status, connection } = answer;
    const schemes = schemesOf(answer.headers);
    journal.record({ ...seen, from: 'proxy', to: 'CPE', connection, status, schemes, body: answer.body });
    this.#keepCookies(answer.headers['set-cookie'] ?? []);
    if (status !== 200 && status !== 204) throw new Error(`the ACS answered ${status}`);
    return answer;
  }

  #keepCookies(lines: readonly string[]): void {
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (name !== '' && this.#cookies.size < 8) this.#cookies.set(name, value);
    }
  }

  /** Some CPEs look whether the ACS's port is open before they speak. */
  async #probe(): Promise<void> {
    const { hostname, port } = new URL(this.#options.acsUrl);
    const socket = net.connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.end();
    await once(socket.resume(), 'close');
  }
}
