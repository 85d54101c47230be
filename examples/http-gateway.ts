// A CWMP gateway on plain node:http.
//
//   PORT=8080 PUBLIC_URL=http://gateway.isp.example:8080 BACKENDS=http://10.0.0.11:7547,http://10.0.0.12:7547 \
//   ALLOW=192.168.0.0/16 ACS_PASSWORD=… CPE_PASSWORD=… node http-gateway.js
import http from 'node:http';
import { createCwmpProxy, logEvents } from '@cwmp-proxy/core';

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

// CPEs think for longer between two messages than the five seconds that Node allows by default.
const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  void proxy.handle(request, response);
});
server.listen(Number(setting('PORT')));

process.once('SIGTERM', () => {
  server.close();
  void proxy.close().then(() => server.closeAllConnections());
});
