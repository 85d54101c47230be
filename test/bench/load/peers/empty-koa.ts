import type { Server } from 'node:http';
import Koa from 'koa';
import { informResponse } from '../messages.js';
import { type PeerSettings, listen } from './peer.js';

/** Koa 3 with an empty handler. */
export function emptyKoa(settings: PeerSettings): Promise<Server> {
  const app = new Koa();
  app.use((context) => {
    context.type = 'text/xml';
    context.body = informResponse;
  });
  const listener = app.callback();
  return listen(settings, (request, response) => void listener(request, response));
}
