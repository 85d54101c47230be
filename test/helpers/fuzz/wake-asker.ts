import { connect, type Socket } from 'node:net';
import { parameter, digestResponse } from '../cpe-clients/digest-answer.js';
import type { Random } from '../random.js';
import { pause } from './fuzz-backend.js';
import type { WakeCpe } from './wake-cpe.js';

/** Who asks: an ACS with its own user, one that has the CPE's pair, or strangers. */
export const askerKinds = ['acs', 'acs', 'pair', 'guess', 'nobody', 'nonsense'] as const;

/** What an asker saw of one request. */
export interface AskRecord {
  readonly cpe: WakeCpe;
  readonly kind: (typeof askerKinds)[number];
  readonly startedAt: number;
  /** When its answer came; nothing where none did. */
  readonly endedAt: number | undefined;
  readonly status: number | undefined;
  /** It hung up before. */
  readonly hasLeft: boolean;
}

/** How an asker behaves. */
export interface AskSettings {
  readonly port: number;
  readonly cpe: WakeCpe;
  readonly kind: AskRecord['kind'];
  /** The address that it calls from. */
  readonly from: string;
  readonly random: Random;
  /** Names each guess. */
  readonly guess: () => string;
  readonly find: (finding: string) => void;
}

/** Whose password is right for the endpoint. */
export const acsUser = { username: 'acs', password: 'secret' } as const;

/** Asks for a wake as ACSs do: again when it is challenged, on the same connection or another one, leaving when it has had enough. */
export async function askForWake(settings: AskSettings): Promise<AskRecord[]> {
  const { random, kind, cpe } = settings;
  const records: AskRecord[] = [];
  const target = `/client?origin=${encodeURIComponent(cpe.url)}`;
  const begins: string | undefined = kind === 'nobody' || random.once(2) ? undefined : basicOf(settings);
  let line = new Line(settings);
  let field = kind === 'nonsense' ? 'Digest realm="\\' : begins;
  let isAgain = false;
  for (let turn = 0; turn < 3; turn += 1) {
    const copies = random.once(8) ? 1 + random.int(3) : 1;
    const patienceMs = random.once(6) ? random.int(60) : 20_000;
    const answers = await line.ask(target, field, copies, patienceMs);
    for (const { startedAt, answer } of answers) {
      const { at: endedAt, status } = answer ?? {};
      records.push({ cpe, kind, startedAt, endedAt, status, hasLeft: line.hasLeft });
    }
    const last = answers.at(-1)?.answer;
    const challenge = /www-authenticate: *(digest[^\r]*)/i.exec(last?.head ?? '')?.[1];
    // An ACS keeps its own user for the proxy.
    if (kind === 'acs' && challenge !== undefined && parameter(challenge, 'realm') === cpe.name) break;
    if (last?.status !== 401 || line.hasLeft || kind === 'nobody' || isAgain) break;
    isAgain = random.once(2);
    field = challenge === undefined || random.once(4) ? basicOf(settings) : digestOf(settings, challenge, target);
    if (last.closes || random.once(3)) {
      line.close();
      line = new Line(settings);
    }
    if (random.once(3)) await pause(random.int(40));
  }
  line.close();
  return records;
}

function pairOf({ kind, cpe, guess }: AskSettings): { username: string; password: string } {
  if (kind === 'acs') return acsUser;
  if (kind === 'pair') return { username: cpe.name, password: cpe.password };
  return { username: guess(), password: 'wrong' };
}

function basicOf(settings: AskSettings): string {
  const { username, password } = pairOf(settings);
  return `Basic ${btoa(`${username}:${password}`)}`;
}

function digestOf(settings: AskSettings, challenge: string, target: string): string {
  const { username, password } = pairOf(settings);
  const [realm = '', nonce = ''] = [parameter(challenge, 'realm'), parameter(challenge, 'nonce')];
  const input = { username, password, realm, nonce, method: 'GET', uri: target, nc: '00000001', cnonce: 'c' };
  const opaque = parameter(challenge, 'opaque');
  return (
    `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${input.uri}", qop=auth, nc=00000001, ` +
    `cnonce="c", response="${digestResponse(input)}"${opaque === undefined ? '' : `, opaque="${opaque}"`}`
  );
}

interface LineAnswer {
  readonly at: number;
  readonly status: number;
  readonly head: string;
  readonly closes: boolean;
}

/** A connection of an asker. */
class Line {
  readonly #settings: AskSettings;
  readonly #socket: Socket;
  readonly #answers: LineAnswer[] = [];
  #text = '';
  #asked = 0;
  #onAnswer: (() => void) | undefined;
  hasLeft = false;

  constructor(settings: AskSettings) {
    this.#settings = settings;
    this.#socket = connect({ host: '127.0.0.1', port: settings.port, localAddress: settings.from });
    this.#socket.setEncoding('latin1').on('data', (text: string) => this.#read(text));
    this.#socket.on('error', () => this.#socket.destroy()).on('close', () => this.#onAnswer?.());
  }

  /** Sends so many requests at once; resolves with what came in its time. */
  async ask(
    target: string,
    field: string | undefined,
    copies: number,
    patienceMs: number,
  ): Promise<{ startedAt: number; answer: LineAnswer | undefined }[]> {
    const from = this.#asked;
    this.#asked += copies;
    const startedAt = performance.now();
    const head = `GET ${target} HTTP/1.1\r\nHost: gateway.example:8080\r\n${field === undefined ? '' : `Authorization: ${field}\r\n`}\r\n`;
    this.#socket.write(head.repeat(copies));
    const isOver = (): boolean => this.#answers.length >= this.#asked || this.#socket.destroyed;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.#onAnswer = () => {
        if (!isOver()) return;
        clearTimeout(timer);
        resolve();
      };
      this.#onAnswer();
    });
    if (!isOver()) {
      this.hasLeft = patienceMs < 20_000;
      if (!this.hasLeft) this.#settings.find(`${this.#settings.kind} got no answer for ${this.#settings.cpe.habit}`);
      this.#socket.resetAndDestroy();
    }
    return Array.from({ length: copies }, (_copy, index) => ({
      // What is pipelined is taken up when the one before it is answered.
      startedAt: index === 0 ? startedAt : Math.max(startedAt, this.#answers[from + index - 1]?.at ?? startedAt),
      answer: this.#answers[from + index],
    }));
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#text += text;
    for (;;) {
      const end = this.#text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = this.#text.slice(0, end);
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (!(status >= 200)) this.#settings.find(`an answer begins with ${JSON.stringify(head.slice(0, 40))}`);
      if (this.#text.length < end + 4 + length) return;
      this.#text = this.#text.slice(end + 4 + length);
      const closes = /\r\nconnection: *close/i.test(head);
      this.#answers.push({ at: performance.now(), status, head, closes });
      if (this.#answers.length > this.#asked) this.#settings.find(`an answer to nothing: ${status}`);
      this.#onAnswer?.();
    }
  }
}
