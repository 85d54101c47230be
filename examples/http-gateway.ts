// A CWMP gateway on plain node:http.
//
//   npm run example http-gateway
//
// It prints what to try; gateway-settings.ts says what it can be told.
import http from 'node:http';
import { createCwmpProxy, logEvents } from '@cwmp-proxy/core';
import { options, port, printWhatToTry } from './gateway-settings.js';

const proxy = createCwmpProxy(options);
logEvents(proxy, { debug() {}, info: console.log, warn: console.warn });

// CPEs think for longer between two messages than the five seconds that Node allows by default.
const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  void proxy.handle(request, response);
});
server.listen(port, printWhatToTry);

process.once('SIGTERM', () => {
  server.close();
  void proxy.close().then(() => server.closeAllConnections());
});
