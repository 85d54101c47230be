import type { Server } from 'node:http';
import express from 'express';
import Koa from 'koa';
import { informResponse } from '../messages.js';
import { type PeerSettings, listen } from './peer.js';

/** A framework that answers at once and proxies nothing: what must be paid before anything is done. */
export function empty(framework: 'node' | 'express' | 'koa', settings: PeerSettings): Promise<Server> {
  if (framework === 'koa') {
    const app = new Koa();
    app.use((context) => {
      context.type = 'text/xml';
      context.body = informResponse;
    });
    const listener = app.callback();
    return listen(settings, (request, response) => void listener(request, response));
  }
  const fields = { 'Content-Type': 'text/xml', 'Content-Length': informResponse.length };
  if (framework === 'node') {
    return listen(settings, (request, response) => {
      request.resume();
      response.writeHead(200, fields).end(informResponse);
    });
  }
  const app = express();
  app.use((request, response) => {
    request.resume();
    response.writeHead(200, fields).end(informResponse);
  });
  return listen(settings, app);
}
