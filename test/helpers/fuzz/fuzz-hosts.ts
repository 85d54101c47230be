import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type CwmpProxy, proxyFirst } from '@cwmp-proxy/core';
import { express4Host, express5Host } from '../hosts/express-hosts.js';
import type { Before, Host } from '../hosts/host.js';
import { koa2Host, koa3Host } from '../hosts/koa-hosts.js';

/** A host as the fuzzer runs it: every request is the proxy's. */
export interface FuzzHost {
  name: string;
  /** Whether it has no framework. */
  bare: boolean;
  listener(proxy: CwmpProxy, before: readonly Before[]): RequestListener;
}

function framework(host: Host): FuzzHost {
  return {
    name: host.name,
    bare: false,
    listener: (proxy, before) => host.listener({ proxy, mount: '/', before, options: { paths: ['/'] }, onError() {} }),
  };
}

function unserved(_request: IncomingMessage, response: ServerResponse): void {
  if (!response.headersSent) response.writeHead(404, { 'Content-Length': 0 }).end();
}

/** All hosts, by the names that the command line knows. */
export const fuzzHosts: ReadonlyMap<string, FuzzHost> = new Map([
  [
    'node:http',
    {
      name: 'node:http',
      bare: true,
      listener: (proxy) => (request, response) => void proxy.handle(request, response),
    },
  ],
  [
    'proxyFirst',
    {
      name: 'proxyFirst',
      bare: true,
      listener(proxy) {
        const listener = proxyFirst(proxy, unserved, { paths: ['/'] });
        return (request, response) => void listener(request, response);
      },
    },
  ],
  ...[express4Host, express5Host, koa2Host, koa3Host].map((host): [string, FuzzHost] => [host.name, framework(host)]),
]);
