// A CWMP gateway in a Koa app.
//
//   PORT=8080 PUBLIC_URL=http://gateway.isp.example:8080 BACKENDS=http://10.0.0.11:7547,http://10.0.0.12:7547 \
//   ALLOW=192.168.0.0/16 ACS_PASSWORD=… CPE_PASSWORD=… node koa-gateway.js
import { createCwmpProxy, logEvents } from '@cwmp-proxy/core';
import { cwmpProxy } from '@cwmp-proxy/koa';
import Koa from 'koa';

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`Set ${name}, see the top of this file`);
  return value;
}

const proxy = createCwmpProxy({
  publicUrl: setting('PUBLIC_URL'),
  backends: setting('BACKENDS').split(','),
  connectionRequests: {
    allow: setting('ALLOW').split(','),
    users: { acs: setting('ACS_PASSWORD') },
    credentials: { username: 'cpe', password: setting('CPE_PASSWORD') },
  },
});
logEvents(proxy, { debug() {}, info: console.log, warn: console.warn });

const app = new Koa();
// Ahead of body parsers: it reads the bodies itself, and takes every request.
app.use(cwmpProxy(proxy));

const server = app.listen(Number(setting('PORT')));
// CPEs think for longer between two messages than the five seconds that Node allows by default.
server.keepAliveTimeout = 60_000;

process.once('SIGTERM', () => {
  server.close();
  void proxy.close().then(() => server.closeAllConnections());
});
