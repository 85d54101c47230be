import type { Server } from 'node:http';
import { cwmpProxy } from '@cwmp-proxy/express';
import express from 'express';
import { proxyFor } from './ours.js';
import { type PeerSettings, listen } from './peer.js';

/** Our proxy as Express 5 middleware. */
export function oursInExpress(settings: PeerSettings): Promise<Server> {
  const app = express();
  app.use('/', cwmpProxy(proxyFor(settings)));
  return listen(settings, app);
}

/** The way around Express: the proxy's paths are served before the app sees them, everything else goes to the app. */
export function oursAroundExpress(settings: PeerSettings): Promise<Server> {
  const proxy = proxyFor(settings);
  const app = express();
  return listen(settings, (request, response) => {
    if (request.url?.startsWith('/app/') === true) app(request, response);
    else void proxy.handle(request, response);
  });
}
