import type { IncomingMessage, ServerResponse } from 'node:http';
import { CwmpProxyError, throwLater } from '../errors.js';
import { onClosed } from '../http/client-left.js';
import { RequestLine } from '../http/request-line.js';
import { cut, isOpen, reply, responseFault, watchForStall } from '../http/response.js';
import { whileUnread } from '../http/unread-request.js';
import type { CwmpProxy } from '../proxy.js';
import { contentSecurityPolicy, pageHtml } from './page.js';
import { StatusRecorder } from './recorder.js';

/** How the status page works. */
export interface StatusPageOptions {
  /** Most browsers that watch at once; more get 503. Default 16. */
  maxWatchers?: number | undefined;
}

/** A handler for the requests of one path; see {@link statusPage}. Never throws. */
export interface StatusPage {
  (request: IncomingMessage, response: ServerResponse): void;
  /** Ends the recording and the connections of those who watch. */
  close(): void;
}

/** Time between two updates of those who watch, in milliseconds. */
const tickMs = 500;

/** How long one who watches may take nothing before the connection is cut, in milliseconds. */
const quietMs = 30_000;

/**
 * A page that shows live what a proxy does: the backends with their state and load, sessions per second, the last wakes leg
 * by leg, the last Inform of each device. Mount it at a path of its own, behind whatever asks for a password: it asks for
 * none itself. It is one HTML document without anything from elsewhere, and changes nothing.
 *
 * It records from its making on: at most 40 wakes and 100 devices.
 *
 * @example
 * ```ts
 * const status = statusPage(proxy);
 * app.use('/status', status); // Express
 * app.use(mount('/status', (ctx) => { ctx.respond = false; status(ctx.req, ctx.res); })); // Koa
 * createServer((request, response) => status(request, response)); // node:http
 * ```
 */
export function statusPage(proxy: CwmpProxy, { maxWatchers = 16 }: StatusPageOptions = {}): StatusPage {
  const recorder = new StatusRecorder(proxy);
  /** Who watches, and the number of the last entry that was sent. */
  const watchers = new Map<ServerResponse, number>();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function send(watcher: ServerResponse, after: number): void {
    // A slow one skips updates and gets what it missed with the next. One that the host has ended gets none.
    if (watcher.writableNeedDrain || !isOpen(watcher)) return;
    watchers.set(watcher, recorder.number);
    const update = {
      stats: proxy.stats(),
      rate: recorder.rate(),
      wakes: recorder.wakesAfter(after),
      informs: recorder.informsAfter(after),
      now: Date.now(),
    };
    watcher.write(`data: ${JSON.stringify(update)}\n\n`);
  }

  function tick(): void {
    for (const [watcher, after] of watchers) guard(watcher, () => send(watcher, after));
  }

  function watch(response: ServerResponse): Promise<void> | undefined {
    if (isClosed || watchers.size >= maxWatchers) return reply(response, 503, { ...headers, 'Retry-After': '30' });
    response.writeHead(200, { ...headers, 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
    response.write('retry: 2000\n\n');
    if (watchers.size === 0) timer = setInterval(tick, tickMs).unref();
    send(response, 0);
    watchForStall(response, quietMs);
    onClosed(response, () => {
      watchers.delete(response);
      if (watchers.size === 0) clearInterval(timer);
    });
    return undefined;
  }

  function answer(request: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
    if (response.headersSent || !isOpen(response)) return undefined;
    // Nobody wants its body, which Node would keep for as long as the page is watched.
    request.resume();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return reply(response, 405, { ...headers, Allow: 'GET, HEAD' });
    }
    if (request.method === 'GET' && request.url?.endsWith('?events') === true) return watch(response);
    const type = { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': String(pageBytes) };
    return reply(response, 200, { ...headers, ...type }, pageHtml);
  }

  /** Does some writing. A response that throws loses its connection, and the proxy tells of it. */
  function guard(response: ServerResponse, write: () => Promise<void> | undefined | void): void {
    try {
      write()?.catch((thrown: unknown) => failed(response, thrown));
    } catch (thrown) {
      failed(response, thrown);
    }
  }

  function failed(response: ServerResponse, thrown: unknown): void {
    cut(response);
    const error = thrown instanceof CwmpProxyError ? thrown : responseFault(thrown);
    const failure = { error, method: response.req.method ?? '', session: undefined, backend: undefined };
    try {
      proxy.emit('failure', { ...failure, target: 'page' });
    } catch (fault) {
      throwLater(fault);
    }
  }

  function onError(this: ServerResponse, cause: Error): void {
    if (!this.writableFinished) failed(this, cause);
  }

  function handle(request: IncomingMessage, response: ServerResponse): void {
    guard(response, () => {
      response.on('error', onError);
      const line = RequestLine.of(request.socket);
      const serve = (): void => {
        guard(response, () => answer(request, response));
        line.leave();
      };
      if (line.enter(response)) serve();
      // The browser may have left, or something in front have answered, while a password was checked: then there is no turn.
      else whileUnread(request, line.turn(request, response)).then(serve, () => {});
    });
  }

  return Object.assign(handle, {
    close(): void {
      isClosed = true;
      recorder.close();
      clearInterval(timer);
      for (const watcher of watchers.keys()) guard(watcher, () => void watcher.end());
    },
  });
}

const pageBytes = Buffer.byteLength(pageHtml);

const headers = {
  'Cache-Control': 'no-store, no-transform',
  'Content-Security-Policy': contentSecurityPolicy,
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};
