// Runs one peer in a process of its own: node peer-program.js <name> <settings as JSON>.
import { answerQuestions } from '../child-answers.js';
import type { PeerSettings, StartPeer } from './peer.js';

/** Each peer loads what it needs itself and nothing else: the memory of its process is measured. */
const peers: Readonly<Record<string, () => Promise<StartPeer>>> = {
  ours: async () => (await import('./ours.js')).ours,
  'ours-limits': async () => (await import('./ours.js')).oursWithLimits,
  'ours-before': async () => (await import('./ours.js')).oursBefore,
  'ours-express': async () => (await import('./ours-in-express.js')).oursInExpress,
  'ours-around-express': async () => (await import('./ours-in-express.js')).oursAroundExpress,
  'ours-koa': async () => (await import('./ours-in-koa.js')).oursInKoa,
  'pass-through': async () => (await import('./pass-through.js')).passThrough,
  'pass-through-pool': async () => (await import('./pass-through.js')).passThroughPool,
  'http-proxy': async () => (await import('./http-proxy.js')).httpProxy,
  'http-proxy-as-is': async () => (await import('./http-proxy.js')).httpProxyAsIs,
  'http-proxy-3': async () => (await import('./http-proxy-3.js')).httpProxy3,
  'http-proxy-middleware': async () => (await import('./http-proxy-middleware.js')).httpProxyMiddleware,
  'fastify-http-proxy': async () => (await import('./fastify-http-proxy.js')).fastifyHttpProxy,
  'empty-node': async () => (await import('./empty-node.js')).emptyNode,
  'empty-express': async () => (await import('./empty-express.js')).emptyExpress,
  'empty-koa': async () => (await import('./empty-koa.js')).emptyKoa,
};

const [name = '', json = ''] = process.argv.slice(2);
const load = peers[name];
if (load === undefined) throw new TypeError(`no peer is called ${name}`);
const start = await load();
answerQuestions(await start(settingsOf(JSON.parse(json))));

function settingsOf(parsed: unknown): PeerSettings {
  if (typeof parsed !== 'object' || parsed === null) throw new TypeError('settings must be an object');
  const backends: string[] = [];
  if ('backends' in parsed && Array.isArray(parsed.backends)) {
    for (const backend of parsed.backends) backends.push(String(backend));
  }
  return { backends, tls: 'tls' in parsed && parsed.tls === true };
}
