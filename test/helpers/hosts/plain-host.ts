import type { IncomingMessage, ServerResponse } from 'node:http';
import compression from 'compression';
import express from 'express';
import morgan from 'morgan';
import responseTime from 'response-time';
import { answerTo, type Before, type Host } from './host.js';

type Connect = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => unknown;

/** Keeps what a parser has read, as many ACSs do. */
export function keep(request: IncomingMessage, _response: ServerResponse, bytes: Buffer): void {
  Object.assign(request, { rawBody: bytes });
}

const everything = (): boolean => true;

/** Middleware of connect's kind, which Express and plain servers take alike. */
const middlewares: { [Name in Exclude<Before, 'trust-proxy'>]: () => unknown } = {
  logging: () => morgan('tiny', { stream: { write() {} } }),
  compression: () => compression({ threshold: 0 }),
  'response-time': () => responseTime(),
  'raw-parser': () => express.raw({ type: everything }),
  'text-parser': () => express.text({ type: everything }),
  'keeping-parser': () => express.urlencoded({ type: everything, extended: false, verify: keep }),
  'forgetful-parser': () => express.urlencoded({ type: everything, extended: false }),
  'early-answer': () => (_request: IncomingMessage, response: ServerResponse, next: () => void) => {
    response.end('app: early');
    next();
  },
};

function isConnect(value: unknown): value is Connect {
  return typeof value === 'function';
}

/** One of the things in front, as connect's kind of middleware. */
export function connectOf(name: Before): Connect {
  const middleware = name === 'trust-proxy' ? undefined : middlewares[name]();
  return isConnect(middleware) ? middleware : (_request, _response, next) => next();
}

const mountPaths = { '/': '/', '/cwmp': '/cwmp', router: '/isp/cwmp' };

/** No framework: `proxy.serves` and `proxy.handle`, with connect's kind of middleware in front. */
export const plainHost: Host = {
  name: 'node:http',
  listener({ proxy, mount, before, options: { onError, ...options }, onError: told }) {
    const chain = before.map(connectOf);
    return (request, response) => {
      const url = request.url ?? '/';
      const fail = (error: unknown): void => {
        told(error);
        const { status, text } = answerTo(error);
        response.writeHead(status, { 'Content-Length': text.length }).end(text);
      };
      const serve = (): void => {
        if (url.startsWith(mountPaths[mount]) && proxy.serves(request, options)) {
          void proxy.handle(request, response, onError === 'next' ? { onError: fail } : {});
        } else {
          response.end(`app: ${request.method} ${url}`);
        }
      };
      const step = (index: number): void => {
        const middleware = chain[index];
        if (middleware === undefined) serve();
        else middleware(request, response, (error) => (error === undefined ? step(index + 1) : fail(error)));
      };
      step(0);
    };
  },
};
