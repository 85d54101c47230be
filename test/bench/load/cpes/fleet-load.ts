import { setTimeout as sleep } from 'node:timers/promises';
import { cpeRequest, idDigits, idOffset, inform, parameterValues } from '../messages.js';
import { Latencies } from '../statistics.js';
import { CpeConnection, type Target, cookieOf } from './cpe-connection.js';

/** What a fleet went through. */
export class FleetCounts {
  /** Informs sent. */
  attempts = 0;
  /** Informs that were answered with 200. */
  accepted = 0;
  /** Sessions that came to their 204. */
  completed = 0;
  /** Sessions that were accepted and did not. */
  broken = 0;
  /** Informs that were answered with 503. */
  shed = 0;
  /** Of these, without a Retry-After. */
  shedWithoutRetryAfter = 0;
  /** No connection, or cut before an answer. */
  refused = 0;
  /** Other answers. */
  odd = 0;
  readonly shedTimes: Latencies = new Latencies();
  readonly sessionTimes: Latencies = new Latencies();

  /** As plain data. */
  figures(): Record<string, number> {
    const { attempts, accepted, completed, broken, shed, shedWithoutRetryAfter, refused, odd } = this;
    return { attempts, accepted, completed, broken, shed, shedWithoutRetryAfter, refused, odd };
  }
}

/** How a fleet behaves. */
export interface FleetSettings {
  target: Target;
  /** Waits, of CPEs and those they are told, are shorter by this factor. */
  speed: number;
  /** Most connections at once; more wait in line, as they would in a real network's routers. */
  maxOpen: number;
  /** By which its Informs are told apart. */
  firstId: number;
}

const request = cpeRequest(inform);
const idAt = request.length - inform.length + idOffset(inform);
const thinkMs = 400;

/** CPEs that each want one session through, and try again as TR-069 A6 §3.2.1.1 and Retry-After have them. */
export class Fleet {
  readonly counts: FleetCounts = new FleetCounts();
  readonly #settings: FleetSettings;
  readonly #line: ((go: void) => void)[] = [];
  #open = 0;
  #nextId: number;
  #waiting = 0;
  #stopped = false;

  constructor(settings: FleetSettings) {
    this.#settings = settings;
    this.#nextId = settings.firstId;
  }

  /** CPEs that still want their session through. */
  get waiting(): number {
    return this.#waiting;
  }

  /** CPEs that no longer try again. */
  stop(): void {
    this.#stopped = true;
  }

  /** Has so many CPEs inform, at random within a time; resolves when every one has had its session. */
  async inform(cpes: number, withinMs: number): Promise<void> {
    this.#waiting += cpes;
    const times = Float64Array.from({ length: cpes }, () => Math.random() * withinMs).sort();
    const began = performance.now();
    const all: Promise<void>[] = [];
    for (const time of times) {
      const wait = began + time - performance.now();
      if (wait > 2) await sleep(wait);
      all.push(this.#session());
    }
    await Promise.all(all);
  }

  async #session(): Promise<void> {
    for (let tries = 0; !this.#stopped; tries += 1) {
      await this.#turn();
      const retryAfter = await this.#attempt();
      this.#done();
      if (retryAfter === 'done') break;
      // The session retry policy: 5 to 10 s at first, doubled each time.
      const seconds = retryAfter ?? 5 * 2 ** Math.min(tries, 8) * (1 + Math.random());
      await sleep((seconds * 1000) / this.#settings.speed);
    }
    this.#waiting -= 1;
  }

  async #turn(): Promise<void> {
    if (this.#open >= this.#settings.maxOpen) await new Promise<void>((resolve) => this.#line.push(resolve));
    else this.#open += 1;
  }

  #done(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#open -= 1;
    else next();
  }

  /** One try; how many seconds to wait before the next, where the proxy said so. */
  async #attempt(): Promise<'done' | number | undefined> {
    const { counts } = this;
    const began = performance.now();
    let cpe: CpeConnection | undefined;
    let accepted = false;
    try {
      cpe = await CpeConnection.open(this.#settings.target);
      counts.attempts += 1;
      const own = Buffer.from(request);
      own.write(String(this.#nextId).padStart(idDigits, '0'), idAt, 'latin1');
      this.#nextId += 1;
      const informed = await cpe.exchange(own);
      if (informed.status === 503) return this.#noteShed(informed.head, began);
      if (informed.status !== 200) {
        counts.odd += 1;
        return undefined;
      }
      counts.accepted += 1;
      accepted = true;
      await this.#restOfSession(cpe, cookieOf(informed));
      counts.completed += 1;
      counts.sessionTimes.add(performance.now() - began);
      return 'done';
    } catch {
      if (accepted) counts.broken += 1;
      else counts.refused += 1;
      return undefined;
    } finally {
      cpe?.close();
    }
  }

  async #restOfSession(cpe: CpeConnection, cookie: string | undefined): Promise<void> {
    await this.#think();
    const { status } = await cpe.exchange(cpeRequest(Buffer.alloc(0), cookie));
    if (status !== 200) throw new Error(`an empty POST was answered with ${status}`);
    await this.#think();
    const end = await cpe.exchange(cpeRequest(parameterValues, cookie));
    if (end.status !== 204) throw new Error(`the end was answered with ${end.status}`);
  }

  #think(): Promise<void> {
    return sleep((Math.random() * thinkMs) / this.#settings.speed);
  }

  #noteShed(head: string, began: number): number | undefined {
    this.counts.shed += 1;
    this.counts.shedTimes.add(performance.now() - began);
    const seconds = /\r\nretry-after: *(\d+)/i.exec(head)?.[1];
    if (seconds === undefined) this.counts.shedWithoutRetryAfter += 1;
    return seconds === undefined ? undefined : Number(seconds);
  }
}
