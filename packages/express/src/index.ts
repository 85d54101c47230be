import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AdapterOptions, checkAdapterOptions, type CwmpMessage, type CwmpProxy } from '@cwmp-proxy/core';

declare global {
  namespace Express {
    interface Request {
      /** What the CPE's message was, behind {@link rewriteInform}; `undefined` for a request without a message. */
      cwmp?: CwmpMessage;
    }
  }
}

/** Express middleware, written in Node's own types so that it fits Express 4 and 5 alike. */
export type CwmpProxyMiddleware = (
  request: IncomingMessage & { originalUrl?: string; cwmp?: CwmpMessage },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Mounts a proxy in an Express application: at `/`, at a path, in a router. What is not the proxy's goes to `next()`: by
 * default everything but POSTs and requests for the connection-request endpoint, see {@link AdapterOptions.paths}. An exchange
 * that fails is answered as it is without Express. With `onError: 'next'` it goes to `next(error)` while nothing was sent, a
 * {@link CwmpProxyError} whose `statusCode` and `headers` Express's own error handling sends; see
 * {@link AdapterOptions.onError} for what that costs.
 *
 * Mount it ahead of body parsers. Behind one it works with the bytes that were kept, `request.rawBody` or a `request.body`
 * that is a Buffer or a string, and fails with `ERR_CWMP_BODY_CONSUMED` where there are none.
 *
 * @example
 * ```ts
 * app.use('/', cwmpProxy(proxy));
 * ```
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when an option is wrong.
 */
export function cwmpProxy(proxy: CwmpProxy, options: AdapterOptions = {}): CwmpProxyMiddleware {
  checkAdapterOptions(options);
  const { onError, ...mount } = options;
  return (request, response, next) => {
    const target = request.originalUrl ?? request.url ?? '/';
    if (!proxy.serves(request, { ...mount, target })) return next();
    if (losesHiddenClasses) [request, response].forEach(shareHiddenClass);
    void proxy.handle(request, response, onError === 'next' ? { target, onError: next } : { target });
  };
}

/** V8 before 13, in Node 20 and 22. */
const losesHiddenClasses = Number.parseInt(process.versions.v8, 10) < 13;

const fields = [Symbol('first'), Symbol('second')];

/**
 * Express gives each request and response another prototype, then new fields. Older V8s make a hidden class for every single
 * one of them from then on, so that none of their fields is ever found in a cache. An object that loses a field becomes a
 * dictionary instead, and dictionaries share hidden classes: V8 keeps 64 of them by a random hash of the prototype, so that in
 * one app of 64 request and response push each other out, and it is as if this were not done.
 */
function shareHiddenClass(object: object): void {
  // Two, because the loss of the field that came last is merely taken back.
  for (const field of fields) Reflect.set(object, field, undefined);
  for (const field of fields) Reflect.deleteProperty(object, field);
}

/**
 * For an ACS in whose own process the proxy is: rewrites the body of a CPE's request and hands it on, with what the message
 * was as `request.cwmp`. Whatever stands behind it, `express.text`, `express.raw` or a handler that reads the stream, reads
 * the rewritten bytes. A body that cannot be had goes to `next(error)`, since the ACS is the application. Of a body that is still
 * coming the rest is read before, for at most 2 s. If it does not end then, the connection is cut after another 2 s: an error
 * handler that answers at once has answered by then, Express's own one waits for the end.
 *
 * Mount it ahead of body parsers, else it fails with `ERR_CWMP_BODY_CONSUMED`. The ACS asks CPEs who they are: a proxy
 * with `cpeAuth`, which guards what goes to backends, fails with `ERR_CWMP_OPTION`.
 *
 * @example
 * ```ts
 * app.post('/acs', rewriteInform(proxy), express.text({ type: () => true }), (request, response) => {
 *   console.log(request.cwmp?.device, request.body);
 * });
 * ```
 */
export function rewriteInform(proxy: CwmpProxy): CwmpProxyMiddleware {
  const rewrite: (...parameters: Parameters<CwmpProxyMiddleware>) => Promise<void> = async (
    request,
    response,
    next,
  ) => {
    try {
      const message = await proxy.rewriteRequest(request, response);
      if (message !== undefined) request.cwmp = message;
    } catch (error) {
      next(error);
      return;
    }
    next();
  };
  return (...parameters) => void rewrite(...parameters);
}
