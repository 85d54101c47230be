import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { test, type TestContext } from 'node:test';
import { createCwmpProxy, type CwmpProxy, type CwmpProxyOptions } from '@cwmp-proxy/core';
import { cwmpProxy as forExpress, rewriteInform as rewriteForExpress } from '@cwmp-proxy/express';
import { cwmpProxy as forKoa, rewriteInform as rewriteForKoa } from '@cwmp-proxy/koa';
import express5 from 'express';
import Koa3 from 'koa';
import { connectionRequests, publicOrigin } from '../helpers/app.js';
import { atEnd } from '../helpers/at-end.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { serve } from '../helpers/serve.js';

// Where the framework's own error handling answers: Express waits for the end of a body before it does, and a CPE that stalled
// held its connection for as long as it liked; Koa closes the connection on an upload, whose CPE never read why.

const express4: typeof express5 = createRequire(import.meta.url)('express4');
const Koa2: typeof Koa3 = createRequire(import.meta.url)('koa2');

interface Framework {
  name: string;
  /** The framework's own error handling, which waits for the end of a body or does not. */
  waits: boolean;
  app: (proxy: CwmpProxy, use: 'cwmpProxy' | 'rewriteInform') => RequestListener;
}

function onExpress(name: string, express: typeof express5): Framework {
  return {
    name,
    waits: true,
    app(proxy, use) {
      const app = express().set('env', 'test');
      return app.use(use === 'cwmpProxy' ? forExpress(proxy, { onError: 'next' }) : rewriteForExpress(proxy));
    },
  };
}

function onKoa(name: string, App: typeof Koa3): Framework {
  return {
    name,
    waits: false,
    app(proxy, use) {
      const app = new App().use(use === 'cwmpProxy' ? forKoa(proxy, { onError: 'next' }) : rewriteForKoa(proxy));
      app.silent = true;
      const callback = app.callback();
      return (request, response) => void callback(request, response);
    },
  };
}

const frameworks = [
  onExpress('Express 4', express4),
  onExpress('Express 5', express5),
  onKoa('Koa 2', Koa2),
  onKoa('Koa 3', Koa3),
];

async function open(
  t: TestContext,
  { app }: Framework,
  use: 'cwmpProxy' | 'rewriteInform',
  options: Partial<CwmpProxyOptions>,
): Promise<RawConnection> {
  const proxy = createCwmpProxy({
    publicUrl: publicOrigin,
    backends: ['http://127.0.0.1:1'],
    connectionRequests,
    ...options,
  });
  atEnd(t, () => proxy.close());
  const { port } = await serve(t, app(proxy, use));
  const cpe = await RawConnection.open(port);
  atEnd(t, () => cpe.close());
  return cpe;
}

for (const use of ['cwmpProxy', 'rewriteInform'] as const) {
  test(`a body that stalls under ${use} is answered by the framework, or cut where that waits for its end`, async (t) => {
    await Promise.all(
      frameworks.map(async (framework) => {
        const cpe = await open(t, framework, use, { timeouts: { requestMs: 50 } });
        cpe.write('POST /acs HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n<m>');
        if (framework.waits) await assert.rejects(cpe.answer(), /closed before the answer/, framework.name);
        else assert.equal((await cpe.answer()).status, 408, framework.name);
        await cpe.closed();
      }),
    );
  });

  for (const framework of frameworks) {
    test(`${framework.name}: the framework's answer to an upload that is too long under ${use} arrives`, async (t) => {
      const limits = { maxBodyBytes: 100_000, maxDecodedBytes: 100_000 };
      for (let count = 0; count < 5; count += 1) {
        const cpe = await open(t, framework, use, { limits });
        cpe.write('POST /acs HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n');
        cpe.write(Buffer.alloc(5_000_000, 'x'));
        assert.equal((await cpe.answer()).status, 413);
      }
    });
  }
}
