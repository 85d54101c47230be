import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import {
  type AccessMode,
  createCwmpProxy,
  type CwmpProxy,
  type WakeEvent,
  type WakeResult,
  type WakeStore,
} from '@cwmp-proxy/core';
import { inform } from '../acs.js';
import { Random } from '../random.js';
import { addressOf } from '../serve.js';
import { until } from '../until.js';
import { pause } from './fuzz-backend.js';
import { type FuzzTally, playRound } from './fuzz-tally.js';
import { acsUser, askerKinds, askForWake, type AskRecord } from './wake-asker.js';
import { WakeCpe, wakeHabits } from './wake-cpe.js';
import { FuzzStores } from './wake-store.js';

/** A store that instances share, and that comes and goes as its double does. */
export interface FleetStore {
  store(instance: string): WakeStore | Promise<WakeStore>;
  /** Comes and goes until it is calm. */
  comeAndGo(): Promise<void>;
  isCalm: boolean;
  /** Nobody needs it any more. */
  close?(): Promise<void>;
}

/** Plays one round of wakes: CPEs, ACSs, strangers and one or several instances, all of them as the seed says. */
export function runWakeRound(
  seed: number,
  makeStore: (random: Random) => FleetStore | Promise<FleetStore> = (random) => new FuzzStores(random),
): Promise<FuzzTally> {
  return playRound(`wakes seed ${seed}`, new WakeRound(seed, makeStore));
}

/** A believed Inform, from when it was sent to when its ACS had answered. */
interface SeenInform {
  readonly serial: string;
  readonly answeredAt: number;
}

interface Instance {
  readonly proxy: CwmpProxy;
  readonly server: Server;
  readonly port: number;
}

/** Time of the endpoint for each request, in milliseconds. */
const timeoutMs = 400;
/** How late an answer may be besides the time that this process did not come to its turn, in milliseconds. */
const slackMs = 1_000;
/** How long a wake may go on without the ACS that asked for it, in milliseconds. */
const lateMs = 10_000;
/** Doubt of instances about the time of another one, in milliseconds. */
const doubtMs = 1_000;
const maxFailures = 6;

const accessModes: readonly [readonly AccessMode[], ...(readonly AccessMode[])[]] = [
  ['digest', 'basic'],
  ['digest'],
  ['basic'],
  ['relay'],
  ['relay', 'digest', 'basic'],
  ['forward'],
];

class WakeRound {
  readonly tally: FuzzTally = { connections: 0, requests: 0, served: 0, findings: [] };
  readonly #random: Random;
  readonly #makeStore: (random: Random) => FleetStore | Promise<FleetStore>;
  readonly #cpes: WakeCpe[] = [];
  readonly #instances: Instance[] = [];
  readonly #informs: SeenInform[] = [];
  readonly #sending = new Set<Promise<void>>();
  /** How long this process did not come to its turn, and when. */
  readonly #stalls: { readonly at: number; readonly ms: number }[] = [];
  #modes: readonly AccessMode[] = ['digest'];
  #guesses = 0;
  /** A wake that goes on without its ACS may bring an Inform when the proxy closes. */
  #isClosing = false;
  readonly #failures = new Set<string>();

  constructor(seed: number, makeStore: (random: Random) => FleetStore | Promise<FleetStore>) {
    this.#random = new Random(seed);
    this.#makeStore = makeStore;
  }

  async play(): Promise<void> {
    const random = this.#random;
    const warned = (warning: Error): void => this.#find(`the process warns: ${warning.name} ${warning.message}`);
    process.on('warning', warned);
    const watching = this.#watchStalls();
    this.#modes = random.pick(accessModes);
    const acs = await startAcs();
    const count = random.pick([1, 1, 2, 3]);
    const store = count > 1 ? await this.#makeStore(random) : undefined;
    const coming = store?.comeAndGo();
    await this.#startCpes();
    for (let index = 0; index < count; index += 1) {
      this.#instances.push(await this.#startInstance(addressOf(acs).port, await store?.store(`i${index}`)));
    }
    const records = await this.#storm();
    if (store !== undefined) store.isCalm = true;
    await coming;
    await Promise.all(this.#sending);
    const closesEarly = random.once(4);
    // Nothing is held any more: each CPE that answers is woken.
    if (!closesEarly) await this.#wakeAll(store !== undefined);
    await Promise.all(this.#sending);
    this.#isClosing = true;
    for (const { proxy } of this.#instances) await this.#settles('close() resolves', proxy.close());
    await this.#comes('no CPE is connected', () => this.#cpes.every(({ open }) => open === 0));
    this.#check(records);
    for (const { server } of this.#instances) await closed(server);
    await closed(acs);
    await store?.close?.();
    for (const cpe of this.#cpes) await cpe.close();
    clearInterval(watching);
    process.off('warning', warned);
  }

  #find(finding: string): void {
    if (this.tally.findings.length < 10) this.tally.findings.push(finding);
  }

  async #comes(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    await until(what, condition).catch(() => this.#find(`not so: ${what}`));
  }

  async #settles(what: string, settling: Promise<void>): Promise<void> {
    let isSettled = false;
    void settling.finally(() => (isSettled = true));
    await this.#comes(what, () => isSettled);
  }

  async #startCpes(): Promise<void> {
    const random = this.#random;
    const count = 2 + random.int(6);
    for (let index = 0; index < count; index += 1) {
      const serial = `${random.once(4) ? 'refused' : 'cpe'}-${index}`;
      const cpe = new WakeCpe(serial, random.pick(wakeHabits), new Random(random.int(1 << 30)));
      await cpe.start();
      this.#cpes.push(cpe);
      // Without users of its own the endpoint takes every pair for the CPE's.
      const hasUsers = this.#modes.some((mode) => mode === 'digest' || mode === 'basic');
      cpe.mayBeShown = (user) => user.startsWith('guess-') || (user === acsUser.username && !hasUsers);
      const informs = random.pick(['after', 'after', 'late', 'never']);
      cpe.onAccepted = () => {
        if (informs === 'never') return;
        this.#inform(cpe, informs === 'late' ? random.int(400) : 0);
      };
    }
  }

  /** A CPE informs through any of the instances. */
  #inform(cpe: WakeCpe, afterMs: number): void {
    const { port } = this.#random.pick([this.#first, ...this.#instances]);
    const sending = pause(afterMs).then(async () => {
      const status = await post(port, inform(cpe.url.replaceAll('&', '&amp;'), cpe.serial, '6 CONNECTION REQUEST'));
      if (status >= 200 && status < 300) this.#informs.push({ serial: cpe.serial, answeredAt: performance.now() });
      else if (!cpe.serial.startsWith('refused') && status !== 0 && !this.#isClosing) {
        this.#find(`an Inform got ${status}; failures: ${[...this.#failures].join(' ')}`);
      }
    });
    this.#sending.add(sending);
    void sending.finally(() => this.#sending.delete(sending));
  }

  get #first(): Instance {
    const [first] = this.#instances;
    if (first === undefined) throw new Error('no instance');
    return first;
  }

  async #startInstance(acsPort: number, store: WakeStore | undefined): Promise<Instance> {
    const random = this.#random;
    const byPort = new Map(this.#cpes.map((cpe) => [String(cpe.port), cpe]));
    const needsUsers = this.#modes.some((mode) => mode === 'digest' || mode === 'basic');
    const proxy = createCwmpProxy({
      publicUrl: 'http://gateway.example:8080',
      backends: [`http://127.0.0.1:${acsPort}`],
      sessions: { graceMs: 50 },
      health: { maxFailures: 1_000 },
      limits: {
        maxWakes: random.pick([2, 8, 256]),
        maxConnecting: random.pick([4, 2048]),
        maxRelayed: random.pick([2, 256]),
      },
      connectionRequests: {
        allow: ['127.0.0.0/8'],
        ...(needsUsers && { users: { [acsUser.username]: acsUser.password } }),
        credentials: ({ origin }) => {
          const cpe = byPort.get(new URL(origin).port);
          return cpe && { username: cpe.name, password: cpe.password };
        },
        access: { modes: this.#modes, maxFailures },
        timeoutMs,
        ...(store !== undefined && { store }),
      },
    });
    proxy.on('failure', ({ error }) => {
      this.#failures.add(error.code);
      if (error.code !== 'ERR_CWMP_INTERNAL') return;
      this.#find(`a fault of its own: ${error.cause instanceof Error ? error.cause.stack : String(error.cause)}`);
    });
    proxy.on('wake', (event) => this.#checkWake(event));
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      void proxy.handle(request, response).catch((error: unknown) => this.#find(`handle() rejects: ${String(error)}`));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { proxy, server, port: addressOf(server).port };
  }

  async #storm(): Promise<AskRecord[]> {
    const random = this.#random;
    const records: AskRecord[] = [];
    const running: Promise<void>[] = [];
    const count = 10 + random.int(40);
    for (let index = 0; index < count; index += 1) {
      const cpe = random.pick([this.#firstCpe, ...this.#cpes]);
      const instance = random.pick([this.#first, ...this.#instances]);
      if (random.once(4)) running.push(this.#wake(instance, cpe));
      else if (random.once(10)) this.#inform(cpe, 0);
      else {
        const kind = random.pick(askerKinds);
        const from = kind === 'acs' || kind === 'pair' ? '127.0.0.2' : `127.0.0.${3 + random.int(200)}`;
        const ask = askForWake({
          port: instance.port,
          cpe,
          kind,
          from,
          random: new Random(random.int(1 << 30)),
          guess: () => `guess-${(this.#guesses += 1)}`,
          find: (finding) => this.#find(finding),
        });
        running.push(ask.then((one) => void records.push(...one)));
      }
      if (random.once(3)) await pause(random.int(60));
    }
    await Promise.all(running);
    return records;
  }

  get #firstCpe(): WakeCpe {
    const [first] = this.#cpes;
    if (first === undefined) throw new Error('no CPE');
    return first;
  }

  /** A call of the host. */
  async #wake({ proxy }: Instance, cpe: WakeCpe): Promise<void> {
    const random = this.#random;
    const startedAt = performance.now();
    const ownMs = 100 + random.int(900);
    const waitForInformMs = random.once(2) ? 1 + random.int(500) : 0;
    const signal = random.once(5) ? AbortSignal.timeout(random.int(200)) : undefined;
    const result = await proxy.wakeCpe(cpe.url, {
      timeoutMs: ownMs,
      waitForInformMs,
      retries: random.int(3),
      ...(signal !== undefined && { signal }),
    });
    const tookMs = performance.now() - startedAt;
    if (tookMs > ownMs + waitForInformMs + this.#lateBy(startedAt))
      this.#find(`wakeCpe ended ${tookMs - ownMs} ms after its time`);
    if (result.outcome === 'aborted' && signal?.aborted !== true) this.#find('wakeCpe was aborted by nobody');
    this.#checkInformed(result, cpe, startedAt);
    if (result.outcome === 'accepted' && !this.#hasAccepted(cpe, startedAt - lateMs)) {
      this.#find(`${cpe.habit} has accepted nothing, and wakeCpe says so`);
    }
  }

  /** A busy machine makes everything late. */
  #watchStalls(): NodeJS.Timeout {
    let last = performance.now();
    return setInterval(() => {
      const now = performance.now();
      this.#stalls.push({ at: now, ms: Math.max(0, now - last - 10) });
      last = now;
    }, 10);
  }

  /** How late something may be that began then. */
  #lateBy(startedAt: number): number {
    return this.#stalls.reduce((sum, { at, ms }) => (at >= startedAt ? sum + ms : sum), slackMs);
  }

  #checkInformed({ outcome }: WakeResult, cpe: WakeCpe, startedAt: number): void {
    if (outcome !== 'informed') return;
    const since = startedAt - (this.#instances.length > 1 ? doubtMs : 0);
    // That its ACS has accepted it, a CPE knows last.
    const isAnswered = (): boolean =>
      this.#informs.some(({ serial, answeredAt }) => serial === cpe.serial && answeredAt >= since);
    const checking = pause(0).then(async () => {
      const end = performance.now() + 5_000;
      while (!isAnswered() && performance.now() < end) await pause(5);
      if (!isAnswered()) this.#find(`${cpe.serial} (${cpe.habit}) has not informed, and wakeCpe says so`);
    });
    this.#sending.add(checking);
    void checking.finally(() => this.#sending.delete(checking));
  }

  #hasAccepted(cpe: WakeCpe, since: number, before: number = performance.now()): boolean {
    return cpe.acts.some(({ what, at }) => what === 'accepted' && at >= since && at <= before);
  }

  #checkWake(event: WakeEvent): void {
    // Query values are masked in events.
    const cpe = this.#cpes.find(({ port }) => String(port) === new URL(event.origin).port);
    if (cpe === undefined) {
      this.#find(`a wake of ${event.origin}, which nobody has asked for`);
      return;
    }
    const { outcome } = event;
    const has = (what: string): boolean => cpe.acts.some((act) => act.what === what);
    const refuses = cpe.acts.some((act) => act.what === 'refused' && act.user !== undefined);
    const isWrong =
      (outcome === 'accepted' && !has('accepted')) ||
      (outcome === 'busy' && !has('busy')) ||
      (outcome === 'credentials-refused' && !refuses) ||
      (outcome === 'refused' && cpe.habit !== 'redirects' && cpe.habit !== 'garbage') ||
      (outcome === 'unreachable' && !['dead', 'one connection', 'resets'].includes(cpe.habit)) ||
      outcome === 'bad-origin' ||
      outcome === 'forbidden' ||
      outcome === 'unknown';
    if (isWrong) this.#find(`${cpe.habit} was ${outcome}: ${JSON.stringify(event)}`);
  }

  /** No turn, lease or spacing is left over. */
  async #wakeAll(isFleet: boolean): Promise<void> {
    await until('no CPE is at work', () => this.#cpes.every(({ isAtWork }) => !isAtWork));
    for (const { proxy } of this.#instances) {
      for (const cpe of this.#cpes) {
        if (!['live', 'open', 'slow'].includes(cpe.habit)) continue;
        const before = cpe.acts.length;
        const { outcome, legs } = await proxy.wakeCpe(cpe.url, { timeoutMs: 30_000 });
        // Two nonces may be too old in a row where another's wake is going on.
        if (outcome !== 'accepted') this.#find(`${cpe.habit} is ${outcome} afterwards: ${JSON.stringify(legs)}`);
        else if (!isFleet && cpe.acts.length === before) this.#find(`${cpe.habit} was not asked afterwards`);
        else this.tally.served += 1;
      }
    }
  }

  #check(records: readonly AskRecord[]): void {
    for (const { findings } of this.#cpes) for (const finding of findings) this.#find(finding);
    this.tally.connections += records.length;
    this.tally.requests += records.length;
    for (const record of records) this.#checkAnswer(record);
    // Each instance counts by itself; pairs on their way when the last one fails are few.
    const most = (maxFailures + 2) * this.#instances.length;
    for (const cpe of this.#cpes) {
      const guesses = new Set(cpe.acts.flatMap(({ user }) => (user?.startsWith('guess-') === true ? [user] : [])));
      if (guesses.size > most) this.#find(`${guesses.size} guesses reached a CPE`);
    }
  }

  #checkAnswer({ cpe, kind, startedAt, endedAt, status }: AskRecord): void {
    if (endedAt === undefined || status === undefined) return;
    const tookMs = endedAt - startedAt;
    if (tookMs > timeoutMs + this.#lateBy(startedAt))
      this.#find(`${kind} of ${cpe.habit} got ${status} after ${tookMs} ms`);
    if (status >= 500 && ![502, 503, 504].includes(status)) this.#find(`${kind} of ${cpe.habit} got ${status}`);
    if (status !== 200 && status !== 204) return;
    this.tally.served += 1;
    if (!this.#hasAccepted(cpe, startedAt - lateMs, endedAt))
      this.#find(`${cpe.habit} has accepted nothing, and ${kind} got ${status}`);
    const isRelayed = this.#modes.includes('relay') || this.#modes.includes('forward');
    const may =
      kind === 'acs'
        ? this.#modes.some((mode) => mode === 'digest' || mode === 'basic') || cpe.habit === 'open'
        : isRelayed && (kind === 'pair' || cpe.habit === 'open');
    if (!may) this.#find(`${kind} woke ${cpe.habit} by ${this.#modes.join(' ')}`);
  }
}

/** An ACS that refuses the Informs of some. */
async function startAcs(): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    let body = '';
    request.setEncoding('latin1').on('data', (text: string) => (body += text));
    request
      .on('error', () => undefined)
      .on('end', () => {
        response.writeHead(body.includes('>refused-') ? 401 : 200, { 'Content-Length': 0 }).end();
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** The status that a POST is answered with; 0 where none came. */
function post(port: number, body: string): Promise<number> {
  return new Promise((resolve) => {
    const headers = { 'Content-Type': 'text/xml', 'Content-Length': Buffer.byteLength(body) };
    const request = httpRequest({ host: '127.0.0.1', port, method: 'POST', path: '/', headers, agent: false });
    request
      .on('error', () => resolve(0))
      .on('response', (response) => {
        response.resume().on('close', () => resolve(response.statusCode ?? 0));
      });
    request.end(body);
  });
}

async function closed(server: Server): Promise<void> {
  const isClosed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await isClosed;
}
