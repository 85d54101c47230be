import { type AdapterOptions, checkAdapterOptions, type CwmpMessage, type CwmpProxy } from '@cwmp-proxy/core';
import type { ExtendableContext } from 'koa';

declare module 'koa' {
  interface ExtendableContext {
    /** What the CPE's message was, behind {@link rewriteInform}; `undefined` for a request without a message. */
    cwmp?: CwmpMessage;
  }
}

/** What the middleware needs of a Koa context; Koa 2 and 3 both have it. */
export interface CwmpProxyContext extends Pick<ExtendableContext, 'req' | 'res' | 'originalUrl' | 'cwmp'> {
  /** Koa's own request, which body parsers leave bodies at. */
  request: object;
  respond?: boolean | undefined;
}

/** Koa middleware, written in Node's own types so that it fits Koa 2 and 3 alike. */
export type CwmpProxyMiddleware = (context: CwmpProxyContext, next: () => Promise<unknown>) => Promise<void>;

/**
 * Mounts a proxy in a Koa application, at a path with koa-mount or in a router. What is not the proxy's goes downstream: by
 * default everything but POSTs and requests for the connection-request endpoint, see {@link AdapterOptions.paths}. An exchange
 * that fails is answered as it is without Koa. With `onError: 'next'` it rejects while nothing was sent, with a
 * {@link CwmpProxyError}, so that Koa answers with its status and emits the application's `error`; see
 * {@link AdapterOptions.onError} for what that costs.
 *
 * Mount it ahead of body parsers. Behind one it works with the bytes that were kept, `ctx.request.rawBody` or a
 * `ctx.request.body` that is a Buffer or a string, and fails with `ERR_CWMP_BODY_CONSUMED` where there are none.
 *
 * @example
 * ```ts
 * app.use(cwmpProxy(proxy));
 * ```
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when an option is wrong.
 */
export function cwmpProxy(proxy: CwmpProxy, options: AdapterOptions = {}): CwmpProxyMiddleware {
  checkAdapterOptions(options);
  const { onError, ...mount } = options;
  return async (context, next) => {
    const { req, res, request, originalUrl: target } = context;
    if (!proxy.serves(req, { ...mount, target })) {
      await next();
      return;
    }
    // The answer goes to the socket as the ACS wrote it; Koa must not write one of its own.
    context.respond = false;
    const keptBody = keptIn(request);
    if (onError !== 'next') return proxy.handle(req, res, { target, keptBody });
    await new Promise<void>((resolve, reject) => {
      const handOn = (error: Error): void => {
        context.respond = true;
        reject(error);
      };
      void proxy.handle(req, res, { target, keptBody, onError: handOn }).then(resolve);
    });
  };
}

/**
 * For an ACS in whose own process the proxy is: rewrites the body of a CPE's request and hands it downstream, with what the
 * message was as `ctx.cwmp`. Whatever stands behind it, koa-bodyparser or a handler that reads `ctx.req`, reads the
 * rewritten bytes. It rejects for a body that cannot be had, since the ACS is the application. Of a body that is still coming the
 * rest is read before, for at most 2 s, so that Koa's answer is not lost.
 *
 * Mount it ahead of body parsers, else it fails with `ERR_CWMP_BODY_CONSUMED`. The ACS asks CPEs who they are: a proxy
 * with `cpeAuth`, which guards what goes to backends, fails with `ERR_CWMP_OPTION`.
 *
 * @example
 * ```ts
 * app.use(rewriteInform(proxy));
 * app.use(bodyParser({ enableTypes: ['xml'] }));
 * app.use((ctx) => console.log(ctx.cwmp?.device, ctx.request.rawBody));
 * ```
 */
export function rewriteInform(proxy: CwmpProxy): CwmpProxyMiddleware {
  return async (context, next) => {
    const message = await proxy.rewriteRequest(context.req, context.res);
    if (message !== undefined) context.cwmp = message;
    await next();
  };
}

/** What a body parser has left at Koa's own request: bytes rather than text, of which some may be lost. */
function keptIn(request: object): unknown {
  const rawBody = 'rawBody' in request ? request.rawBody : undefined;
  const body = 'body' in request ? request.body : undefined;
  return [rawBody, body].find((kept) => kept instanceof Uint8Array) ?? rawBody ?? body;
}
