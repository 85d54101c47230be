import { Agent, type Server } from 'node:http';
import proxies from 'http-proxy';
import { type PeerSettings, listen, onlyBackend } from './peer.js';

/** http-proxy with a keep-alive agent, which it has not by default: CPEs share the connections to the backend. */
export function httpProxy(settings: PeerSettings): Promise<Server> {
  return serveBy(settings, { agent: new Agent({ keepAlive: true }) });
}

/** http-proxy to the letter of its README: a new connection to the backend for each request. */
export function httpProxyAsIs(settings: PeerSettings): Promise<Server> {
  return serveBy(settings, {});
}

function serveBy(settings: PeerSettings, options: proxies.ServerOptions): Promise<Server> {
  const proxy = proxies.createProxyServer({ target: onlyBackend(settings), ...options });
  proxy.on('error', (_error, _request, response) => response.destroy());
  return listen(settings, (request, response) => proxy.web(request, response));
}
