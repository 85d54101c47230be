import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endlessBodies } from '../helpers/endless-bodies.js';
import { runLongBody } from '../helpers/memory-run.js';

const megabyte = 1024 * 1024;

test('keeps no more of a body the longer it goes on', async (t) => {
  // What the streams and the garbage collector take for themselves is not the body's.
  for (const body of endlessBodies.slice(0, 3)) await runLongBody(body, 16 * megabyte);
  for (const body of endlessBodies) {
    await t.test(body.name, async () => {
      const { growth, bytesIn, bytesOut, message } = await runLongBody(body, 40 * megabyte);
      assert.ok(growth < 32 * megabyte, `${(growth / megabyte).toFixed(1)} MB`);
      assert.equal(message.outcome === 'rewritten', body.findsUrl);
      assert.equal(bytesOut > bytesIn, body.findsUrl);
      assert.equal(bytesOut < bytesIn, false);
    });
  }
});
