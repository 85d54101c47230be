// A CWMP gateway in an Express app.
//
//   npm run example express-gateway
//
// It prints what to try; gateway-settings.ts says what it can be told.
import { createCwmpProxy, logEvents } from '@cwmp-proxy/core';
import { cwmpProxy } from '@cwmp-proxy/express';
import express from 'express';
import { options, port, printWhatToTry } from './gateway-settings.js';

const proxy = createCwmpProxy(options);
logEvents(proxy, { debug() {}, info: console.log, warn: console.warn });

const app = express();
app.get('/health', (_request, response) => {
  response.send('ok');
});
// Ahead of body parsers, and last of the routes: it takes every request that is left.
app.use('/', cwmpProxy(proxy));

const server = app.listen(port, printWhatToTry);
// CPEs think for longer between two messages than the five seconds that Node allows by default.
server.keepAliveTimeout = 60_000;

process.once('SIGTERM', () => {
  server.close();
  void proxy.close().then(() => server.closeAllConnections());
});
