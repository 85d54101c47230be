import { createRequire } from 'node:module';
import { Router } from '@koa/router';
import { cwmpProxy } from '@cwmp-proxy/koa';
import Koa3 from 'koa';
import bodyParser from 'koa-bodyparser';
import compress from 'koa-compress';
import mountAt from 'koa-mount';
import { answerTo, type Before, type Host } from './host.js';

/** Koa 2 in the types of Koa 3, which agree in what is used here; koa-types.test.ts holds the adapter against Koa 2's own. */
const Koa2: typeof Koa3 = createRequire(import.meta.url)('koa2');

/** Reads a body as parsers do that keep it as a Buffer, or not at all. */
function parser(keeps: boolean): Koa3.Middleware {
  return async (ctx, next) => {
    const chunks: Buffer[] = [];
    for await (const chunk of ctx.req) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    if (keeps) Object.assign(ctx.request, { rawBody: Buffer.concat(chunks) });
    return next();
  };
}

const middlewares: { [Name in Before]?: () => Koa3.Middleware } = {
  logging: () => async (ctx, next) => {
    await next();
    JSON.stringify([ctx.method, ctx.url, ctx.status]);
  },
  compression: () => compress({ threshold: 0 }),
  'response-time': () => async (ctx, next) => {
    await next();
    ctx.set('X-Response-Time', '1ms');
  },
  'raw-parser': () => parser(true),
  'text-parser': () => bodyParser({ enableTypes: ['xml', 'text'] }),
  'keeping-parser': () => bodyParser({ enableTypes: ['form'], extendTypes: { form: ['text/xml'] } }),
  'forgetful-parser': () => parser(false),
  'early-answer': () => (ctx, next) => {
    ctx.respond = false;
    ctx.res.end('app: early');
    return next();
  },
};

function koaHost(name: string, create: () => Koa3): Host {
  return {
    name,
    listener({ proxy, mount, before, options, onError }) {
      const app = create();
      app.proxy = before.includes('trust-proxy');
      app.on('error', onError);
      app.use(async (ctx, next) => {
        try {
          await next();
        } catch (error) {
          if (ctx.headerSent) throw error;
          const { status, text } = answerTo(error);
          ctx.respond = true;
          ctx.status = status;
          ctx.body = text;
          ctx.app.emit('error', error, ctx);
        }
      });
      for (const one of before) {
        const middleware = middlewares[one]?.();
        if (middleware !== undefined) app.use(middleware);
      }
      const ours = cwmpProxy(proxy, options);
      if (mount === '/cwmp') {
        app.use(mountAt('/cwmp', ours));
      } else if (mount === 'router') {
        const router = new Router({ prefix: '/isp' });
        router.all(['/cwmp', '/cwmp/{*rest}'], ours);
        app.use(router.routes());
      } else {
        app.use(ours);
      }
      app.use((ctx) => {
        ctx.body = `app: ${ctx.method} ${ctx.originalUrl}`;
      });
      const callback = app.callback();
      return (request, response) => void callback(request, response);
    },
  };
}

/** Koa 3. */
export const koa3Host: Host = koaHost('Koa 3', () => new Koa3());

/** Koa 2. */
export const koa2Host: Host = koaHost('Koa 2', () => new Koa2());
