import { Agent, type Server } from 'node:http';
import { createProxyServer } from 'http-proxy-3';
import { type PeerSettings, listen, onlyBackend } from './peer.js';

/** http-proxy-3 as its README mounts it in a server of one's own; with a keep-alive agent, which it has not by default. */
export function httpProxy3(settings: PeerSettings): Promise<Server> {
  const proxy = createProxyServer({ target: onlyBackend(settings), agent: new Agent({ keepAlive: true }) });
  proxy.on('error', (_error, _request, response) => response.destroy());
  return listen(settings, (request, response) => proxy.web(request, response));
}
