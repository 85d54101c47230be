import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createRawServer, type Server as NetServer } from 'node:net';
import { createCwmpProxy, type CwmpProxy, type CwmpProxyOptions } from '@cwmp-proxy/core';
import type { Before } from '../hosts/host.js';
import { Random } from '../random.js';
import { closedPort } from '../raw-backend.js';
import { addressOf } from '../serve.js';
import { until } from '../until.js';
import { type BackendLog, type FuzzBackend, pause, reset, startFuzzBackend } from './fuzz-backend.js';
import { type FuzzTally, playRound } from './fuzz-tally.js';
import { type ConnectionPlan, type ConnectionRecord, planConnection, runConnection } from './fuzz-cpe.js';
import type { FuzzHost } from './fuzz-hosts.js';
import { commitFault, HostFaultError } from './host-fault.js';
import { faultsOfAnswers, faultsOfDelivery } from './oracle.js';
import { planRequest, type RequestPlan, type RequestStyle } from './request-plan.js';

/** Plays one round: CPEs, backends, a wakened CPE and a host, all of them as the seed says. */
export function runFuzzRound(host: FuzzHost, seed: number): Promise<FuzzTally> {
  return playRound(`${host.name} seed ${seed}`, new FuzzRound(host, seed));
}

const befores: readonly Before[] = ['logging', 'compression', 'response-time', 'trust-proxy'];

class FuzzRound {
  readonly tally: FuzzTally = { connections: 0, requests: 0, served: 0, findings: [] };
  readonly #host: FuzzHost;
  readonly #random: Random;
  readonly #calm: boolean;
  readonly #requests = new Map<number, RequestPlan>();
  readonly #log: BackendLog = { seen: [], findings: [], connections: 0 };
  readonly #handling = new Map<number, IncomingMessage>();
  #handled = 0;
  #failures = 0;

  constructor(host: FuzzHost, seed: number) {
    this.#host = host;
    this.#random = new Random(seed);
    this.#calm = this.#random.once(8);
  }

  async play(): Promise<void> {
    const random = this.#random;
    const warned = (warning: Error): void => this.#find(`the process warns: ${warning.name} ${warning.message}`);
    process.on('warning', warned);
    const cpe = startWokenCpe(random.int(1 << 30));
    const cpePort = await listening(cpe);
    const backends = await this.#startBackends();
    const proxy = createCwmpProxy(
      this.#optionsOf(
        backends.map(({ url }) => url),
        await closedPort(),
      ),
    );
    this.#watch(proxy);
    const server = this.#serverOf(proxy);
    const port = await listening(server);
    const plans = this.#planConnections(this.#styleOf(cpePort));
    const running = Promise.all(plans.map((plan) => runConnection(port, plan)));
    const closesEarly = !this.#calm && random.once(16);
    if (closesEarly) {
      await pause(random.int(80));
      await this.#settles('close() resolves', proxy.close());
    }
    const records = await running;
    await this.#comes('every handle() resolves', () => this.#handling.size === 0);
    await this.#comes('no CPE is connected', async () => (await connectionsOf(server)) === 0);
    await this.#settles('close() resolves', proxy.close());
    await this.#comes('no backend is connected', () => backends.every(({ open }) => open.size === 0));
    this.#checkStats(proxy);
    this.#check(records);
    server.closeAllConnections();
    server.close();
    cpe.close();
    await Promise.all([...backends.map((backend) => backend.close()), once(server, 'close')]);
    process.off('warning', warned);
  }

  #find(finding: string): void {
    if (this.tally.findings.length < 10) this.tally.findings.push(finding);
  }

  async #comes(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    await until(what, condition).catch(() => {
      const marks = [...this.#handling.values()].map(({ method, url }) => `${method} ${url}`);
      this.#find(`not so: ${what}; handled: ${marks.join(', ')}`);
    });
  }

  async #settles(what: string, settling: Promise<void>): Promise<void> {
    let isSettled = false;
    void settling.finally(() => (isSettled = true));
    await this.#comes(what, () => isSettled);
  }

  async #startBackends(): Promise<FuzzBackend[]> {
    const count = 1 + this.#random.int(3);
    const planOf = (mark: number): RequestPlan['answer'] | undefined => this.#requests.get(mark)?.answer;
    const moody = (): boolean => !this.#calm && this.#random.once(3);
    return Promise.all(
      Array.from({ length: count }, () => startFuzzBackend(this.#random.int(1 << 30), this.#log, planOf, moody())),
    );
  }

  #optionsOf(urls: readonly string[], deadPort: number): CwmpProxyOptions {
    const random = this.#random;
    const calm = this.#calm;
    const basePath = random.once(4) ? '/base' : '';
    const timeoutMs = calm ? 10_000 : 300;
    const dead = !calm && random.once(5) ? [`http://127.0.0.1:${deadPort}`] : [];
    return {
      publicUrl: 'http://gateway.example:8080',
      backends: [...urls.map((url) => url + basePath), ...dead],
      connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' }, timeoutMs: 300 },
      sessions: {
        graceMs: random.pick([50, 5000]),
        ...(random.once(4) && { affinityKey: 'a key of sixteen and more' }),
      },
      health: random.once(4) ? { maxFailures: 3, ejectMs: 50 } : { maxFailures: 100 },
      forwarding: {
        unknownCoding: random.pick(['pass', 'reject']),
        ...(random.once(4) && { sessionHeader: 'X-CWMP-Session' }),
      },
      timeouts: { connectMs: timeoutMs, headersMs: timeoutMs, bodyMs: timeoutMs, requestMs: timeoutMs },
      limits: {
        maxHeldBytes: random.pick([1024, 8192, 65_536]),
        ...(!calm && random.once(4) && { maxHeldTotalBytes: random.pick([65_536, 1_048_576]) }),
        ...(!calm && random.once(12) && { maxBodyBytes: 6000 }),
        ...(!calm && random.once(12) && { maxSessions: 3, maxSessionsPerAddress: 3 }),
      },
    };
  }

  #watch(proxy: CwmpProxy): void {
    const handle = proxy.handle.bind(proxy);
    proxy.handle = async (request, response, options) => {
      this.#handled += 1;
      const number = this.#handled;
      this.#handling.set(number, request);
      try {
        await handle(request, response, options);
      } catch (error) {
        this.#find(`handle() rejects for ${request.url}: ${String(error)}`);
      }
      this.#handling.delete(number);
    };
    proxy.on('failure', ({ error }) => {
      this.#failures += 1;
      if (error.code === 'ERR_CWMP_INTERNAL' && !isOfHost(error)) {
        this.#find(`a fault of its own: ${error.cause instanceof Error ? error.cause.stack : String(error.cause)}`);
      }
    });
  }

  #serverOf(proxy: CwmpProxy): Server {
    const random = this.#random;
    const calm = this.#calm;
    const listener = this.#host.listener(
      proxy,
      befores.filter(() => random.once(4)),
    );
    const marks = random.once(2);
    const server = createServer({ keepAliveTimeout: calm ? 60_000 : random.pick([60_000, 60_000, 30]) });
    if (!calm && random.once(6)) server.timeout = 150;
    server.on('request', (request, response) => {
      const mark = /\/t\/(\d+)/.exec(request.url ?? '')?.[1] ?? request.headers['x-mark'];
      // Fields of a host's middleware have the answer written in another way.
      if (marks && mark !== undefined) response.setHeader('X-Request', mark);
      const fault = this.#requests.get(Number(mark))?.fault;
      if (fault === undefined || commitFault(fault, request, response)) listener(request, response);
    });
    return server;
  }

  #styleOf(cpePort: number): RequestStyle {
    return {
      maxHeldBytes: this.#random.pick([1024, 8192, 65_536]),
      rarity: Infinity,
      bare: this.#host.bare,
      cpePort,
      recognisable: this.#random.once(2),
    };
  }

  #planConnections(style: RequestStyle): ConnectionPlan[] {
    const random = this.#random;
    let mark = 0;
    return Array.from({ length: 6 + random.int(12) }, () => {
      const rarity = this.#calm ? Infinity : random.pick([1, 5, 25, Infinity]);
      const count = 1 + random.int(4);
      const batches = Array.from({ length: count }, (_batch, index) => {
        const length = random.pick([1, 1, 1, 2, 2, 2, 3, 3, 4, random.pick([5, 6])]);
        return Array.from({ length }, (_request, place) => {
          mark += 1;
          const endsBatch = place === length - 1;
          const endsConnection = endsBatch && index === count - 1;
          const plan = planRequest(random, mark, { ...style, rarity }, { endsBatch, endsConnection });
          this.#requests.set(mark, plan);
          return plan;
        });
      });
      return planConnection(random, batches, rarity);
    });
  }

  #check(records: readonly ConnectionRecord[]): void {
    for (const finding of this.#log.findings) this.#find(finding);
    const seen = new Map<number, SeenOnce>();
    const order: number[] = [];
    for (const request of this.#log.seen) {
      if (seen.has(request.mark)) this.#find(`${request.method} ${request.mark} reached backends twice`);
      seen.set(request.mark, request);
      order.push(request.mark);
    }
    for (const record of records) {
      this.tally.connections += 1;
      this.tally.requests += record.requests.length;
      const own = new Set(record.requests.map(({ mark }) => mark));
      const arrived = order.filter((mark) => own.has(mark));
      if (arrived.some((mark, index) => mark < (arrived[index - 1] ?? 0))) {
        this.#find(`out of order at the backends: ${arrived.join(' ')}`);
      }
      const faults = [...faultsOfAnswers(record), ...faultsOfDelivery(record, seen)];
      for (const fault of faults) this.#find(fault);
      this.tally.served += record.answers.filter(({ fields }) => fields.some(([name]) => name === 'x-mark')).length;
    }
  }

  #checkStats(proxy: CwmpProxy): void {
    const { sessions, backends, failures, heldBytes } = proxy.stats();
    if (heldBytes !== 0) this.#find(`${heldBytes} bytes are held`);
    const ended = Object.values(sessions.ended).reduce((sum, count) => sum + count, 0);
    if (sessions.open !== 0 || sessions.started !== ended) {
      this.#find(`sessions: ${sessions.open} open, ${sessions.started} started, ${ended} ended`);
    }
    for (const { url, sessions: open, inFlight } of backends) {
      if (open !== 0 || inFlight !== 0) this.#find(`${url} has ${open} sessions and ${inFlight} requests in flight`);
    }
    const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
    if (failed !== this.#failures) this.#find(`${failed} failures counted, ${this.#failures} told of`);
  }
}

type SeenOnce = BackendLog['seen'][number];

function isOfHost(error: unknown): boolean {
  return error instanceof Error && (error instanceof HostFaultError || isOfHost(error.cause));
}

async function listening(server: NetServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return addressOf(server).port;
}

function connectionsOf(server: NetServer): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

/** A CPE that is called in: it answers, asks for Digest, closes or stays silent. */
function startWokenCpe(seed: number): NetServer {
  const random = new Random(seed);
  return createRawServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy()).on('end', () => socket.end());
    socket.on('data', () => {
      const answer = random.pick([
        'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
        'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\nContent-Length: 0\r\n\r\n',
        'nonsense\r\n\r\n',
        '',
        'reset',
      ]);
      if (answer === 'reset') reset(socket);
      else socket.write(answer);
    });
  });
}
