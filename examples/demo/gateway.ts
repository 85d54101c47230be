import http from 'node:http';
import { createCwmpProxy } from '@cwmp-proxy/core';
import { cwmpProxy } from '@cwmp-proxy/express';
import express from 'express';
import { closeServer, listen } from './loopback.js';
import type { Gateway, GatewayOptions } from './world.js';

/** The gateway of the demo: an Express app with the proxy in it, on a free loopback port. */
export async function startGateway({ backends, acsUser, cpeCredentials }: GatewayOptions): Promise<Gateway> {
  const app = express();
  const server = http.createServer(app);
  // The port is part of the proxy's public URL, so it has to be known first.
  const publicUrl = await listen(server, '127.0.0.1');
  const proxy = createCwmpProxy({
    publicUrl,
    backends,
    connectionRequests: {
      allow: ['127.0.0.0/8', '::1'],
      users: { [acsUser.name]: acsUser.password },
      credentials: cpeCredentials,
      access: { modes: ['basic'] },
    },
  });
  app.use('/', cwmpProxy(proxy));
  return {
    publicUrl,
    async close() {
      await closeServer(server);
      await proxy.close();
    },
  };
}
