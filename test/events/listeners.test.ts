import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { createCwmpProxy } from '@cwmp-proxy/core';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { closedPort } from '../helpers/raw-backend.js';
import { postOf } from '../helpers/recording-acs.js';
import { serve } from '../helpers/serve.js';
import { until } from '../helpers/until.js';

/** The messages of what reaches the process for the length of one test. */
function catchUncaught(t: TestContext): unknown[] {
  const thrown: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => thrown.push(error.message));
  t.after(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  });
  return thrown;
}

test('what a listener throws goes to the process and costs no exchange; handle does not reject', async (t) => {
  const acs = await serve(t, (request, response) => {
    request.resume().on('end', () => response.writeHead(200, { Connection: 'close' }).end('<InformResponse/>'));
  });
  const proxy = createCwmpProxy({
    publicUrl: 'http://gateway.example:8080',
    backends: [acs.url],
    connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' } },
  });
  t.after(() => proxy.close());
  const rejections: unknown[] = [];
  const gateway = await serve(t, (request, response) => {
    proxy.handle(request, response).catch((error: unknown) => rejections.push(error));
  });
  const thrown = catchUncaught(t);
  for (const name of ['sessionStart', 'message', 'inform', 'exchange'] as const) {
    proxy.on(name, () => {
      throw new Error(name);
    });
  }
  const answer = await fetch(gateway.url, {
    method: 'POST',
    body: '<Envelope><Body><Inform/></Body></Envelope>',
    headers: { connection: 'close' },
  });
  assert.equal(answer.status, 200);
  assert.equal(await answer.text(), '<InformResponse/>');
  if (thrown.length < 4) await once(proxy, 'sessionEnd');
  assert.deepEqual(new Set(thrown), new Set(['sessionStart', 'message', 'inform', 'exchange']));
  assert.deepEqual(rejections, []);
});

// What the promise of an onError rejected with was an unhandled rejection, and its CPE was never answered.
for (const { name, onError } of [
  {
    name: 'throws',
    onError: (): never => {
      throw new Error('onError');
    },
  },
  { name: 'rejects with', onError: (): Promise<never> => Promise.reject(new Error('onError')) },
]) {
  test(`what an onError ${name} goes to the process, and the CPE gets the answer of the proxy`, async (t) => {
    const proxy = createCwmpProxy({
      publicUrl: 'http://gateway.example:8080',
      backends: [`http://127.0.0.1:${await closedPort()}`],
      connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' } },
    });
    t.after(() => proxy.close());
    const thrown = catchUncaught(t);
    const rejections: unknown[] = [];
    const gateway = await serve(t, (request, response) => {
      proxy.handle(request, response, { onError }).catch((error: unknown) => rejections.push(error));
    });
    const cpe = await RawConnection.open(gateway.port);
    assert.equal((await cpe.exchange(postOf(''))).status, 502);
    await cpe.close();
    await until('it was thrown', () => thrown.length > 0);
    assert.deepEqual(thrown, ['onError']);
    assert.deepEqual(rejections, []);
  });
}
