import type { Server } from 'node:http';
import { type CwmpProxy, type CwmpProxyOptions, createCwmpProxy } from '@cwmp-proxy/core';
import { cwmpProxy as cwmpProxyForExpress } from '@cwmp-proxy/express';
import { cwmpProxy as cwmpProxyForKoa } from '@cwmp-proxy/koa';
import express from 'express';
import Koa from 'koa';
import { type PeerSettings, listen } from './peer.js';

function proxyFor({ backends }: PeerSettings, limits: CwmpProxyOptions['limits'] = {}): CwmpProxy {
  return createCwmpProxy({
    publicUrl: 'http://127.0.0.1:8080',
    backends,
    connectionRequests: {
      allow: ['127.0.0.0/8'],
      users: { acs: 'secret' },
      credentials: { username: 'cpe', password: 'secret' },
    },
    limits,
  });
}

/** Our proxy on `node:http`, everything at its defaults. */
export function ours(settings: PeerSettings): Promise<Server> {
  const proxy = proxyFor(settings);
  return listen(settings, (request, response) => void proxy.handle(request, response));
}

/** The same with a limit on sessions that a storm reaches. */
export function oursWithLimits(settings: PeerSettings): Promise<Server> {
  const proxy = proxyFor(settings, { maxSessions: 1000 });
  return listen(settings, (request, response) => void proxy.handle(request, response));
}

/** Our proxy as Express 5 middleware. */
export function oursInExpress(settings: PeerSettings): Promise<Server> {
  const app = express();
  app.use('/', cwmpProxyForExpress(proxyFor(settings)));
  return listen(settings, app);
}

/** Our proxy as Koa 3 middleware. */
export function oursInKoa(settings: PeerSettings): Promise<Server> {
  const app = new Koa();
  app.use(cwmpProxyForKoa(proxyFor(settings)));
  const listener = app.callback();
  return listen(settings, (request, response) => void listener(request, response));
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
