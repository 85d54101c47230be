import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { digestResponse, parameter } from '../cpe-clients/digest-answer.js';
import type { Random } from '../random.js';
import { addressOf } from '../serve.js';
import { pause, reset } from './fuzz-backend.js';

/** What a CPE may do when it is called. */
export const wakeHabits = [
  'live',
  'live',
  'live',
  'open',
  'slow',
  'one connection',
  'lying',
  'busy',
  'redirects',
  'silent',
  'silent after 401',
  'closes',
  'resets',
  'garbage',
  'huge head',
  'dead',
] as const;

/** One of {@link wakeHabits}. */
export type WakeHabit = (typeof wakeHabits)[number];

/** What a CPE did with a request. */
export interface CpeAct {
  readonly at: number;
  readonly what: 'accepted' | 'challenged' | 'refused' | 'busy' | 'other';
  /** User that was named, if one was. */
  readonly user: string | undefined;
}

/** A CPE's connection-request server, which keeps what it did. */
export class WakeCpe {
  readonly name: string;
  readonly habit: WakeHabit;
  readonly serial: string;
  readonly acts: CpeAct[] = [];
  /** What no CPE may see: users that are another's. */
  readonly findings: string[] = [];
  readonly password: string = randomBytes(6).toString('hex');
  url = '';
  port = 0;
  /** Called when it has accepted a wake. */
  onAccepted: () => void = () => undefined;
  /** Whether it may be shown a user that is not its own. */
  mayBeShown: (user: string) => boolean = () => false;
  readonly #random: Random;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #nonce = randomBytes(8).toString('hex');
  #atWork = 0;

  constructor(name: string, habit: WakeHabit, random: Random) {
    this.name = name;
    this.habit = habit;
    this.serial = name;
    this.#random = random;
  }

  async start(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy()).on('end', () => socket.end());
      if (this.habit === 'one connection' && this.#sockets.size > 1) reset(socket);
      else void this.#serve(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.port = addressOf(server).port;
    // A port that is free may become another's; at that address nobody listens.
    const host = this.habit === 'dead' ? '127.0.0.77' : '127.0.0.1';
    this.url = `http://${host}:${this.port}/${this.name}?a=1&b=2`;
    if (this.habit === 'dead') server.close();
    else this.#server = server;
  }

  /** Whether it has a request that it has not answered. One that nobody waits for any more may still change its nonce. */
  get isAtWork(): boolean {
    return this.#atWork > 0;
  }

  get open(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server === undefined) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  async #serve(socket: Socket): Promise<void> {
    let text = '';
    const waiting: (() => void)[] = [];
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part;
      waiting.shift()?.();
    });
    socket.on('close', () => waiting.shift()?.());
    while (!socket.destroyed) {
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) {
        await new Promise<void>((resolve) => waiting.push(resolve));
        continue;
      }
      const head = text.slice(0, end);
      text = text.slice(end + 4);
      this.#atWork += 1;
      await this.#answer(socket, head);
      this.#atWork -= 1;
    }
  }

  async #answer(socket: Socket, head: string): Promise<void> {
    const random = this.#random;
    const field = /\r\nauthorization: *([^\r]*)/i.exec(head)?.[1];
    const user = field === undefined ? undefined : userOf(field);
    if (user !== undefined && user !== this.name && !this.mayBeShown(user)) {
      this.findings.push(`${this.name} was shown the user ${user}`);
    }
    const { habit } = this;
    if (habit === 'slow') await pause(random.int(120));
    const act = (what: CpeAct['what']): number => this.acts.push({ at: performance.now(), what, user });
    if (habit === 'silent') {
      act('other');
      return;
    }
    if (habit === 'closes' || (habit === 'resets' && random.once(3))) {
      act('other');
      if (habit === 'closes') socket.end();
      else reset(socket);
      return;
    }
    if (habit === 'garbage' || habit === 'huge head') {
      // It says 200, and goes on with its head until somebody has had enough.
      act(habit === 'huge head' ? 'accepted' : 'other');
      const odd = ['\0\0\0', 'HTTP/9 what\r\n\r\n', 'HTTP/1.1 2\r\n\r\n', 'SSH-2.0-dropbear\r\n', '<html>'] as const;
      const huge = `HTTP/1.1 200 OK\r\n${'X-Filler: '.padEnd(1_000, 'x')}\r\n`.repeat(200);
      await this.#write(socket, habit === 'garbage' ? random.pick(odd) : huge);
      socket.end();
      return;
    }
    if (habit === 'busy' || habit === 'redirects') {
      act(habit === 'busy' ? 'busy' : 'other');
      const status = habit === 'busy' ? '503 Service Unavailable' : '302 Found\r\nLocation: http://127.0.0.1:1/';
      await this.#write(socket, `HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    if (habit === 'silent after 401' && field !== undefined) {
      act('other');
      return;
    }
    const isRight = habit === 'open' || (field !== undefined && habit !== 'lying' && this.#isRight(field));
    if (isRight) {
      act('accepted');
      this.onAccepted();
      const interim = random.once(4) ? 'HTTP/1.1 100 Continue\r\n\r\n' : '';
      const status = random.once(3) ? '204 No Content\r\n\r\n' : '200 OK\r\nContent-Length: 0\r\n\r\n';
      await this.#write(socket, `${interim}HTTP/1.1 ${status}`);
    } else {
      act(field === undefined ? 'challenged' : 'refused');
      if (random.once(3)) this.#nonce = randomBytes(8).toString('hex');
      const challenge = `Digest realm="${this.name}", nonce="${this.#nonce}", qop="auth"`;
      const basic = random.once(3) ? `\r\nWWW-Authenticate: Basic realm="${this.name}"` : '';
      await this.#write(
        socket,
        `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: ${challenge}${basic}\r\nContent-Length: 0\r\n\r\n`,
      );
    }
    if (random.once(4)) socket.end();
  }

  /** Writes in pieces; one that resets does so at any byte. */
  async #write(socket: Socket, text: string): Promise<void> {
    const random = this.#random;
    if (this.habit === 'resets') {
      socket.write(text.slice(0, random.int(text.length)), 'latin1');
      await pause(random.int(5));
      reset(socket);
      return;
    }
    for (const part of random.once(3) ? random.split(Buffer.from(text, 'latin1'), 4) : [Buffer.from(text, 'latin1')]) {
      if (socket.destroyed) return;
      socket.write(part);
      if (random.once(2)) await pause(random.int(3));
    }
  }

  #isRight(field: string): boolean {
    if (field.startsWith('Basic ')) return atob(field.slice(6)) === `${this.name}:${this.password}`;
    const of = (name: string): string => parameter(field, name) ?? '';
    // What an ACS has hashed is over the URL that it knows.
    if (of('nonce') !== this.#nonce || of('username') !== this.name) return false;
    const input = {
      username: this.name,
      password: this.password,
      realm: this.name,
      nonce: this.#nonce,
      method: 'GET',
      uri: of('uri'),
      nc: of('nc'),
      cnonce: of('cnonce'),
    };
    return digestResponse(input) === of('response');
  }
}

function userOf(field: string): string {
  if (!field.startsWith('Basic ')) return parameter(field, 'username') ?? '';
  return Buffer.from(field.slice(6), 'base64').toString('latin1').split(':', 1)[0] ?? '';
}
