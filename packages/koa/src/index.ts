import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CwmpProxy } from '@cwmp-proxy/core';

/** What the middleware needs of a Koa context; Koa 2 and 3 both have it. */
export interface CwmpProxyContext {
  req: IncomingMessage;
  res: ServerResponse;
  originalUrl: string;
  respond?: boolean | undefined;
}

/** Koa middleware, written in Node's own types so that it fits Koa 2 and 3 alike. */
export type CwmpProxyMiddleware = (context: CwmpProxyContext) => Promise<void>;

/**
 * Mounts a proxy in a Koa application. Mount it ahead of body parsers: it reads the bodies itself.
 *
 * @example
 * ```ts
 * app.use(cwmpProxy(proxy));
 * ```
 */
export function cwmpProxy(proxy: CwmpProxy): CwmpProxyMiddleware {
  return (context) => {
    // The answer goes to the socket as the ACS wrote it; Koa must not write one of its own.
    context.respond = false;
    return proxy.handle(context.req, context.res, { target: context.originalUrl });
  };
}
