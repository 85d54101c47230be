import { createServer } from 'node:http';
import type { createCwmpProxy, CwmpProxyOptions } from '@cwmp-proxy/core';
import type { statusPage } from '@cwmp-proxy/core/status-page';
import { addressOf } from '../../helpers/serve.js';

// The process under test: a proxy with `maxHeldTotalBytes` (0 leaves the option out, for a build that does not know it) behind
// a server; below /status its status page, below /acs an application behind `rewriteInform`.

const base = process.env['CWMP_BENCH_BASE'];
const core: { createCwmpProxy: typeof createCwmpProxy } = await import(base ?? '@cwmp-proxy/core');
const page: { statusPage: typeof statusPage } = await import(
  base === undefined ? '@cwmp-proxy/core/status-page' : new URL('status-page/index.js', `file://${base}`).href
);
const [backend = '', maxHeldTotalBytes = '0'] = process.argv.slice(2);
const options: CwmpProxyOptions = {
  publicUrl: 'http://gateway.example',
  backends: [backend],
  connectionRequests: {
    allow: ['127.0.0.0/8'],
    users: { acs: 'secret' },
    credentials: { username: 'cpe', password: 'secret' },
  },
  limits: maxHeldTotalBytes === '0' ? {} : { maxHeldTotalBytes: Number(maxHeldTotalBytes) },
};
const proxy = core.createCwmpProxy(options);
const status = page.statusPage(proxy);
const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
  const { url = '/' } = request;
  if (url.startsWith('/status')) status(request, response);
  else if (url.startsWith('/acs')) {
    proxy.rewriteRequest(request, response).then(
      () => request.resume().on('end', () => response.end()),
      () => response.writeHead(503, { Connection: 'close' }).end(),
    );
  } else void proxy.handle(request, response);
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: addressOf(server).port }));
process.on('disconnect', () => process.exit());
