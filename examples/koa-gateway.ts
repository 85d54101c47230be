// A CWMP gateway in a Koa app.
//
//   npm run example koa-gateway
//
// It prints what to try; gateway-settings.ts says what it can be told.
import { createCwmpProxy, logEvents } from '@cwmp-proxy/core';
import { cwmpProxy } from '@cwmp-proxy/koa';
import Koa from 'koa';
import { options, port, printWhatToTry } from './gateway-settings.js';

const proxy = createCwmpProxy(options);
logEvents(proxy, { debug() {}, info: console.log, warn: console.warn });

const app = new Koa();
// Ahead of body parsers: it reads the bodies itself, and takes every request.
app.use(cwmpProxy(proxy));

const server = app.listen(port, printWhatToTry);
// CPEs think for longer between two messages than the five seconds that Node allows by default.
server.keepAliveTimeout = 60_000;

process.once('SIGTERM', () => {
  server.close();
  void proxy.close().then(() => server.closeAllConnections());
});
