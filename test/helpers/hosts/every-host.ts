import { proxyFirst } from '@cwmp-proxy/core';
import { express4Host, express5Host } from './express-hosts.js';
import type { Host } from './host.js';
import { koa2Host, koa3Host } from './koa-hosts.js';
import { plainHost } from './plain-host.js';

/** `proxyFirst` in front of an application without a framework. */
export const proxyFirstHost: Host = {
  name: 'proxyFirst',
  listener: ({ proxy, options: { paths } }) =>
    proxyFirst(proxy, (request, response) => response.end(`app: ${request.method} ${request.url}`), paths && { paths }),
};

/** Every way a proxy is mounted. */
export const everyHost: readonly Host[] = [plainHost, proxyFirstHost, express4Host, express5Host, koa2Host, koa3Host];
