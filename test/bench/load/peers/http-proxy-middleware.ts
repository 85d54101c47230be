import { Agent, type Server } from 'node:http';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { type PeerSettings, listen, onlyBackend } from './peer.js';

/**
 * http-proxy-middleware on a plain `node:http` server (its recipe for servers), not in Express, which is in its favour; with
 * a keep-alive agent, which it has not by default.
 */
export function httpProxyMiddleware(settings: PeerSettings): Promise<Server> {
  const proxy = createProxyMiddleware({ target: onlyBackend(settings), agent: new Agent({ keepAlive: true }) });
  return listen(settings, (request, response) => void proxy(request, response));
}
