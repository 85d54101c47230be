import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endlessBodies } from '../helpers/endless-bodies.js';
import { runLongBody } from '../helpers/memory-run.js';

const megabyte = 1024 * 1024;

test('keeps no more of a body the longer it goes on', async (t) => {
  for (const body of endlessBodies) await runLongBody(body, megabyte);
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
