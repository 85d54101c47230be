import { authorization } from './digest-answer.js';
import { getParameterValuesResponse, inform } from './cwmp-bodies.js';
import { type RawAnswer, valuesOf } from './raw-answer.js';
import { RawConnection } from './raw-connection.js';

/** What tells one CPE stack from another on the wire. */
export interface CpeHabits {
  name: string;
  /** How long it keeps a connection. */
  keeps: 'for ever' | 'for a session' | 'for one message';
  version: '1.1' | '1.0';
  /** It opens a new connection after a 401, as the Fritz!Box does. */
  reconnectsAfter401: boolean;
  /** It sends `Expect: 100-continue`, as libcurl stacks do. */
  expects: boolean;
  chunks: boolean;
  /** What it sends back of the ACS's cookies: nothing, their pairs, or the whole Set-Cookie line as netcwmp does. */
  cookies: 'none' | 'pairs' | 'whole';
  /** It sends the last session's cookies with the next Inform. */
  keepsCookies: boolean;
  /** It closes with its own `Connection: close`, instead of just closing. */
  saysClose: boolean;
}

const plain: CpeHabits = {
  name: 'keep-alive',
  keeps: 'for ever',
  version: '1.1',
  reconnectsAfter401: false,
  expects: false,
  chunks: false,
  cookies: 'pairs',
  keepsCookies: false,
  saysClose: false,
};

/** Every kind of CPE that the sessions' tests know. */
export const cpeKinds: readonly CpeHabits[] = [
  plain,
  { ...plain, name: 'a connection for a session', keeps: 'for a session' },
  { ...plain, name: 'close after each, said', keeps: 'for one message', saysClose: true },
  { ...plain, name: 'close after each, unsaid', keeps: 'for one message' },
  { ...plain, name: 'HTTP/1.0', keeps: 'for one message', version: '1.0' },
  { ...plain, name: 'new connection after 401', keeps: 'for a session', reconnectsAfter401: true },
  { ...plain, name: 'Expect', keeps: 'for a session', expects: true },
  { ...plain, name: 'chunked', chunks: true },
  { ...plain, name: 'no cookies', keeps: 'for a session', cookies: 'none' },
  { ...plain, name: 'whole Set-Cookie', keeps: 'for a session', cookies: 'whole' },
  { ...plain, name: 'whole Set-Cookie, close after each', keeps: 'for one message', cookies: 'whole' },
  { ...plain, name: 'old cookies with the next Inform', keepsCookies: true },
];

/** A CPE that runs CWMP sessions over raw sockets. */
export class Cpe {
  readonly serial: string;
  readonly habits: CpeHabits;
  readonly #port: number;
  #connection: RawConnection | undefined;
  #cookies = new Map<string, string>();
  #authorization: string | undefined;
  #posts = 0;

  constructor(port: number, serial: string, habits: CpeHabits) {
    this.#port = port;
    this.serial = serial;
    this.habits = habits;
  }

  /** One session from Inform to the ACS's empty answer; rejects with what was answered when it fails. */
  async session(): Promise<void> {
    const url = `http://192.0.2.1:7547/${this.serial}`;
    if (!this.habits.keepsCookies) this.#cookies.clear();
    this.#authorization = undefined;
    let answer = await this.#post(inform(this.serial, url));
    if (answer.status === 401) {
      const [challenge = ''] = valuesOf(answer, 'www-authenticate');
      this.#authorization = authorization(challenge, '/acs');
      if (this.habits.reconnectsAfter401) await this.disconnect();
      answer = await this.#post(inform(this.serial, url));
    }
    if (!answer.body.includes('InformResponse')) throw this.#failed('Inform', answer);
    for (let body = ''; ; body = getParameterValuesResponse(url)) {
      answer = await this.#post(body);
      if (answer.body.length === 0 && (answer.status === 204 || answer.status === 200)) break;
      if (answer.status !== 200) throw this.#failed(body === '' ? 'empty POST' : 'response', answer);
    }
    if (this.habits.keeps !== 'for ever') await this.disconnect();
  }

  async disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close();
  }

  #failed(what: string, { status, body }: RawAnswer): Error {
    return new Error(`${this.habits.name} ${this.serial}: ${what} answered ${status} ${body.toString().slice(0, 80)}`);
  }

  async #post(body: string): Promise<RawAnswer> {
    if (this.#connection?.ended === true) await this.disconnect();
    this.#connection ??= await RawConnection.open(this.#port);
    const connection = this.#connection;
    const answer = await this.#exchange(connection, Buffer.from(body));
    for (const cookie of valuesOf(answer, 'set-cookie')) this.#cookies.set(cookie.split('=', 1)[0] ?? '', cookie);
    if (answer.closes || this.habits.keeps === 'for one message') await this.disconnect();
    return answer;
  }

  async #exchange(connection: RawConnection, body: Buffer): Promise<RawAnswer> {
    const { version, expects, chunks, saysClose } = this.habits;
    this.#posts += 1;
    const lines = [`POST /acs HTTP/${version}`, 'Host: acs.example', `X-Post-Id: ${this.serial}/${this.#posts}`];
    if (body.length > 0) lines.push('Content-Type: text/xml; charset="utf-8"', 'SOAPAction: ');
    if (this.#authorization !== undefined) lines.push(`Authorization: ${this.#authorization}`);
    const cookies = this.#cookieHeader();
    if (cookies !== '') lines.push(`Cookie: ${cookies}`);
    if (saysClose) lines.push('Connection: close');
    const waits = expects && body.length > 0;
    if (waits) lines.push('Expect: 100-continue');
    const chunked = chunks && body.length > 0;
    lines.push(chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`, '', '');
    const head = Buffer.from(lines.join('\r\n'));
    const coded = chunked ? inChunks(body) : body;
    // libcurl waits for the 100 for a second at most; whether it comes is another test's matter.
    connection.write(waits ? head : Buffer.concat([head, coded]));
    if (waits) connection.write(coded);
    return connection.answer();
  }

  #cookieHeader(): string {
    const { cookies } = this.habits;
    if (cookies === 'none') return '';
    return [...this.#cookies.values()]
      .map((cookie) => (cookies === 'whole' ? cookie : (cookie.split(';', 1)[0] ?? '')))
      .join('; ');
  }
}

function inChunks(body: Buffer): Buffer {
  const half = body.length >> 1;
  const parts = [body.subarray(0, half), body.subarray(half)].map(
    (part) => `${part.length.toString(16)}\r\n${part.toString('latin1')}\r\n`,
  );
  return Buffer.from(`${parts.join('')}0\r\n\r\n`, 'latin1');
}
