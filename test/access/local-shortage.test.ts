import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCpe } from '../helpers/cpe-doubles/conversation.js';
import { stacks } from '../helpers/cpe-doubles/stacks.js';
import { basic, send, startGate } from '../helpers/gate.js';
import { order, startLimited } from '../helpers/limited-process.js';

/*
 * Seen: an ACS with the right password got 401, and soon 429, where the thread that checks it could not be started. The cause: what
 * could not be checked was a wrong answer, and counted as a guess. Promise: who cannot be checked is told to come again.
 */

/** bcrypt of `secret`, cost 4. */
const line = 'acs:$2b$04$DznVAZ7qUHPabZjpeOMsEOjw/aI9juDrlyv/qe/FAymgrIQh6yPkO\n';

test(
  'an ACS whose password this machine cannot check is told to come again, and has guessed nothing',
  { skip: process.platform === 'win32' ? 'no ulimit' : false },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'gate-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const htpasswd = join(folder, 'htpasswd');
    writeFileSync(htpasswd, line);
    const cpe = await startCpe(t, stacks[0] ?? assert.fail('no such double'));
    const child = startLimited(t, 80);
    const { port = 0 } = await order(child, {
      backends: ['http://127.0.0.1:1'],
      connectionRequests: { allow: ['127.0.0.0/8'], access: { modes: ['basic'], htpasswd } },
    });
    const ask = (): ReturnType<typeof send> =>
      send({ port, target: `/client?origin=${cpe.url}`, headers: basic('acs:secret') });
    await order(child, { leave: 2 });
    for (let count = 0; count < 25; count += 1) {
      const answer = await ask();
      assert.equal(answer.status, 503);
      assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
    }
    assert.deepEqual((await order(child, { leave: 50 })).warnings, ['LOCAL_RESOURCES']);
    // It passes, and the CPE asks for credentials that there are none of.
    assert.equal((await ask()).body, 'no-credentials\n');
  },
);

test('a function for the users that finds no descriptor fails as the machine does', async (t) => {
  const { proxy, port } = await startGate(t, {
    allow: ['127.0.0.0/8'],
    users: () => {
      throw Object.assign(new Error('open /etc/users'), { code: 'EMFILE', syscall: 'open' });
    },
    access: { modes: ['basic'] },
  });
  const answer = await send({ port, target: '/client?origin=http://127.0.0.1:1/', headers: basic('acs:secret') });
  assert.equal(answer.status, 503);
  assert.deepEqual(proxy.stats().failures, { ERR_CWMP_LOCAL_RESOURCES: 1 });
  assert.deepEqual(proxy.stats().warnings, { LOCAL_RESOURCES: 1 });
});
