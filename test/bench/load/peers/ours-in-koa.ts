import type { Server } from 'node:http';
import { cwmpProxy } from '@cwmp-proxy/koa';
import Koa from 'koa';
import { proxyFor } from './ours.js';
import { type PeerSettings, listen } from './peer.js';

/** Our proxy as Koa 3 middleware. */
export function oursInKoa(settings: PeerSettings): Promise<Server> {
  const app = new Koa();
  app.use(cwmpProxy(proxyFor(settings)));
  const listener = app.callback();
  return listen(settings, (request, response) => void listener(request, response));
}
