// Runs one peer in a process of its own: node peer-program.js <name> <settings as JSON>.
import { answerQuestions } from '../child-answers.js';
import { empty } from './empty.js';
import { fastifyHttpProxy } from './fastify-http-proxy.js';
import { httpProxy } from './http-proxy.js';
import { httpProxyMiddleware } from './http-proxy-middleware.js';
import { httpProxy3 } from './http-proxy-3.js';
import { ours, oursAroundExpress, oursInExpress, oursInKoa, oursWithLimits } from './ours.js';
import { passThrough, passThroughPool } from './pass-through.js';
import type { PeerSettings, StartPeer } from './peer.js';

const peers: Readonly<Record<string, StartPeer>> = {
  ours,
  'ours-limits': oursWithLimits,
  'ours-express': oursInExpress,
  'ours-koa': oursInKoa,
  'ours-around-express': oursAroundExpress,
  'pass-through': passThrough,
  'pass-through-pool': passThroughPool,
  'http-proxy': httpProxy,
  'http-proxy-3': httpProxy3,
  'http-proxy-middleware': httpProxyMiddleware,
  'fastify-http-proxy': fastifyHttpProxy,
  'empty-node': (settings) => empty('node', settings),
  'empty-express': (settings) => empty('express', settings),
  'empty-koa': (settings) => empty('koa', settings),
};

const [name = '', json = ''] = process.argv.slice(2);
const start = peers[name];
if (start === undefined) throw new TypeError(`no peer is called ${name}`);
answerQuestions(await start(settingsOf(JSON.parse(json))));

function settingsOf(parsed: unknown): PeerSettings {
  if (typeof parsed !== 'object' || parsed === null) throw new TypeError('settings must be an object');
  const backends: string[] = [];
  if ('backends' in parsed && Array.isArray(parsed.backends)) {
    for (const backend of parsed.backends) backends.push(String(backend));
  }
  return { backends, tls: 'tls' in parsed && parsed.tls === true };
}
