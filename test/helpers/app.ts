import type { ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { createCwmpProxy, type CwmpProxy, type CwmpProxyOptions } from '@cwmp-proxy/core';
import type { AppSetup, Host } from './hosts/host.js';
import { serve } from './serve.js';
import { atEnd } from './at-end.js';

/** A proxy in an application, for the length of one test. */
export interface App {
  /** `http://127.0.0.1:<port>` */
  url: string;
  port: number;
  proxy: CwmpProxy;
  /** Codes of what reached the application's own error handling. */
  errors: unknown[];
}

/** What differs from a proxy at `/` with nothing in front. */
export interface AppOptions extends Partial<Pick<AppSetup, 'mount' | 'before' | 'options'>> {
  backends: readonly string[];
  /** Path of the public URL. */
  publicPath?: string;
  proxy?: Partial<CwmpProxyOptions>;
  /** Is given each response before the application gets it. */
  onResponse?: (response: ServerResponse) => void;
}

/** The public URL of every such proxy; nothing is there. */
export const publicOrigin = 'http://gateway.example:8080';

/** Users and credentials of every such proxy. */
export const connectionRequests: CwmpProxyOptions['connectionRequests'] = {
  allow: ['127.0.0.0/8'],
  users: { acs: 'secret' },
  credentials: { username: 'cpe', password: 'cpe-secret' },
};

/** Starts a proxy in an application of a host. */
export async function startApp(t: TestContext, host: Host, options: AppOptions): Promise<App> {
  const proxy = createCwmpProxy({
    publicUrl: publicOrigin + (options.publicPath ?? ''),
    backends: options.backends,
    connectionRequests,
    ...options.proxy,
  });
  atEnd(t, () => proxy.close());
  const errors: unknown[] = [];
  const listener = host.listener({
    proxy,
    mount: options.mount ?? '/',
    before: options.before ?? [],
    options: options.options ?? {},
    onError: (error) => errors.push(error instanceof Error && 'code' in error ? error.code : error),
  });
  const { url, port } = await serve(t, (request, response) => {
    options.onResponse?.(response);
    return listener(request, response);
  });
  return { url, port, proxy, errors };
}
