import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCwmpProxy, logEvents } from '@cwmp-proxy/core';
import { connectionRequests, publicOrigin } from '../helpers/app.js';

test('logEvents refuses a logger without all methods at the call, not at the first session', (t) => {
  const proxy = createCwmpProxy({ publicUrl: publicOrigin, connectionRequests });
  t.after(() => proxy.close());
  for (const logger of [undefined, null, {}, { info() {}, warn() {} }]) {
    // As a caller without types may write it.
    assert.throws(() => Reflect.apply(logEvents, undefined, [proxy, logger]), {
      code: 'ERR_CWMP_OPTION',
      message: /^logger: .*debug, info and warn/,
    });
  }
  logEvents(proxy, console)();
});
