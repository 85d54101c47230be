import type { IncomingMessage, ServerResponse } from 'node:http';
import { checkGroup, oneOf, refuseOption, withoutEndSlashes } from '../option-checks.js';

/** Which requests are the proxy's. */
export interface MountOptions {
  /**
   * Paths whose requests are the proxy's, whatever their method, with all that is below them: `['/acs', '/files']`. Each begins
   * with a slash and is compared with the request target as the CPE sent it. Default: every POST is the proxy's, because every
   * CWMP message is one. Requests for the connection-request endpoint are the proxy's in any case.
   */
  paths?: readonly string[] | undefined;
}

/** How an adapter mounts a proxy in a framework. */
export interface AdapterOptions extends MountOptions {
  /**
   * Who answers an exchange that fails before anything was sent: `'answer'`, the proxy, with the error's status and code, as it
   * does without a framework; or `'next'`, the framework's own error handling, which is given the {@link CwmpProxyError}. Default
   * `'answer'`: error handlers of frameworks wait for the end of a body, which may never come, or close the connection on one that
   * is still coming, which loses their answer. With `'next'` the rest of a body is read first, for at most 2 s; if it does not end
   * then, the connection is cut after another 2 s, answered or not. Failures are told as `failure` in either case.
   */
  onError?: 'answer' | 'next' | undefined;
}

/** A listener for the requests of a server: Node's, an Express app, `app.callback()` of a Koa app. */
export type AppListener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** What {@link proxyFirst} needs of a proxy. */
export interface ServingProxy {
  serves(request: IncomingMessage, options?: MountOptions): boolean;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/**
 * Puts a proxy in front of an application: what is the proxy's is served before the application sees it, everything else
 * goes to the application. It saves the framework's time per message, which on Node 20 can be more than the proxy's own. What the
 * application throws, or rejects with, is the host's own, as it is without a proxy.
 *
 * @example
 * ```ts
 * createServer({ keepAliveTimeout: 60_000 }, proxyFirst(proxy, app)).listen(8080);
 * ```
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when an option is wrong.
 */
export function proxyFirst(proxy: ServingProxy, app: AppListener, options: MountOptions = {}): AppListener {
  checkMountOptions(options);
  return (request, response) =>
    proxy.serves(request, options) ? proxy.handle(request, response) : app(request, response);
}

/**
 * Checks the options of an adapter.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` with the option that is wrong.
 */
export function checkAdapterOptions(options: AdapterOptions): void {
  checkGroup('options', options, ['paths', 'onError']);
  const { onError, ...mount } = options;
  oneOf('onError', onError, ['answer', 'next']);
  checkMountOptions(mount);
}

/**
 * Checks the options of a mount: a path that never matches would hand every CPE to the application.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` with the option that is wrong.
 */
export function checkMountOptions(options: MountOptions): void {
  checkGroup('options', options, ['paths']);
  const { paths = [] } = options;
  if (Array.isArray(paths) && paths.every((path) => typeof path === 'string' && path.startsWith('/'))) return;
  refuseOption('paths', "expected a list of paths that begin with a slash, ['/acs'] for instance");
}

/** Whether a request target is one of the paths, or below one. */
export function isBelow(target: string, paths: readonly string[]): boolean {
  return paths.some((path) => {
    const base = withoutEndSlashes(path);
    return target.startsWith(base) && /^(?:[/?#]|$)/.test(target.slice(base.length));
  });
}
