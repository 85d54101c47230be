import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CwmpProxy } from '@cwmp-proxy/core';

/** Express middleware, written in Node's own types so that it fits Express 4 and 5 alike. */
export type CwmpProxyMiddleware = (
  request: IncomingMessage & { originalUrl?: string },
  response: ServerResponse,
) => void;

/**
 * Mounts a proxy in an Express application. Mount it ahead of body parsers: it reads the bodies itself.
 *
 * @example
 * ```ts
 * app.use('/', cwmpProxy(proxy));
 * ```
 */
export function cwmpProxy(proxy: CwmpProxy): CwmpProxyMiddleware {
  return (request, response) => {
    void proxy.handle(request, response, { target: request.originalUrl ?? request.url ?? '/' });
  };
}
