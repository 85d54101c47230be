import { pathToFileURL } from 'node:url';
import { Agent as HttpAgent, get, type IncomingMessage, type RequestOptions } from 'node:http';
import type { Wakes } from '#core/connection-request/wake/wakes.js';

/** Wakes the CPE at this host; rejects when it did not answer 200. */
export type Client = (host: string, port: number) => Promise<void>;

const credentials = { username: 'acs', password: 'secret' };
const path = '/0f3c';

type Authorization = (challenges: string | string[] | undefined) => string;

// Each process loads one build of cwmp-proxy at most: a second one beside it changes the cost of both.
async function loadAuthorization(): Promise<Authorization> {
  const { answerDigest, chooseDigestChallenge } = await import('@cwmp-proxy/core');
  return (challenges) => {
    const challenge = chooseDigestChallenge(challenges ?? []);
    if (challenge === undefined) throw new Error('no challenge');
    return answerDigest(challenge, { ...credentials, method: 'GET', uri: path });
  };
}

/** Another build of cwmp-proxy that runs in the same rounds. */
export const anotherBuild = 'cwmp-proxy, another build';

/** Wakes with the build that has this `index.js`. */
async function cwmpProxy(index: string, concurrency: number): Promise<Client> {
  const module: { Wakes: typeof Wakes } = await import(new URL('connection-request/wake-wakes.js', index).href);
  // Older builds have `maxConcurrent` in the place of `limits`.
  const options = { credentials, spacingMs: 0, limits: { maxWakes: concurrency }, maxConcurrent: concurrency };
  const wakes = new module.Wakes(options);
  return async (host, port) => {
    const { outcome } = await wakes.wake(`http://${host}:${port}${path}`);
    if (outcome !== 'accepted') throw new Error(outcome);
  };
}

const base = process.env['CWMP_BENCH_BASE'];

/** The same two legs by each of the clients that are compared. */
export const clients: Readonly<Record<string, (concurrency: number) => Promise<Client>>> = {
  'cwmp-proxy': (concurrency) => cwmpProxy(import.meta.resolve('@cwmp-proxy/core'), concurrency),

  ...(base !== undefined && {
    [anotherBuild]: (concurrency: number) => cwmpProxy(pathToFileURL(base).href, concurrency),
  }),

  'undici request, a Client per wake': async () => {
    const { Client } = await import('undici');
    const authorization = await loadAuthorization();
    return async (host, port) => {
      const client = new Client(`http://${host}:${port}`);
      const first = await client.request({ method: 'GET', path });
      await first.body.dump();
      const headers = { authorization: authorization(first.headers['www-authenticate']) };
      const second = await client.request({ method: 'GET', path, headers });
      await second.body.dump();
      await client.destroy();
      if (second.statusCode !== 200) throw new Error(String(second.statusCode));
    };
  },

  'undici request, one Agent': async () => {
    const { Agent, request } = await import('undici');
    const authorization = await loadAuthorization();
    const dispatcher = new Agent({ connections: 1, keepAliveTimeout: 1000 });
    return async (host, port) => {
      const url = `http://${host}:${port}${path}`;
      const first = await request(url, { dispatcher });
      await first.body.dump();
      const headers = { authorization: authorization(first.headers['www-authenticate']) };
      const second = await request(url, { dispatcher, headers });
      await second.body.dump();
      if (second.statusCode !== 200) throw new Error(String(second.statusCode));
    };
  },

  'node:http, an Agent per wake': async () => {
    const authorization = await loadAuthorization();
    return async (host, port) => {
      const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
      await twoLegs({ host, port, path, agent }, authorization);
      agent.destroy();
    };
  },

  'node:http, a connection per leg': async () => {
    const authorization = await loadAuthorization();
    return (host, port) => twoLegs({ host, port, path, agent: false }, authorization);
  },
};

async function twoLegs(options: RequestOptions, authorization: Authorization): Promise<void> {
  const first = await getOnce(options);
  const headers = { Authorization: authorization(first.headersDistinct['www-authenticate']) };
  const second = await getOnce({ ...options, headers });
  if (second.statusCode !== 200) throw new Error(String(second.statusCode));
}

function getOnce(options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(options, (res) => {
      res.resume();
      res.on('end', () => resolve(res));
    }).on('error', reject);
  });
}
