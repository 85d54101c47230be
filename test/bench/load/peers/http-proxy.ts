import { Agent, type Server } from 'node:http';
import proxies from 'http-proxy';
import { type PeerSettings, listen, onlyBackend } from './peer.js';

/** http-proxy as its README mounts it in a server of one's own; with a keep-alive agent, which it has not by default. */
export function httpProxy(settings: PeerSettings): Promise<Server> {
  const proxy = proxies.createProxyServer({ target: onlyBackend(settings), agent: new Agent({ keepAlive: true }) });
  proxy.on('error', (_error, _request, response) => response.destroy());
  return listen(settings, (request, response) => proxy.web(request, response));
}
