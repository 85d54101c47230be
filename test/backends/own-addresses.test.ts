import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Names } from '#core/names/names.js';
import { OwnAddresses } from '#core/policy/own-addresses.js';
import { resolveBy } from '../helpers/fake-dns.js';

/*
 * Seen: a backend whose name could not be looked up when the proxy was made could be woken as a CPE for a minute. The cause: a
 * lookup that failed was good for as long as one that did not. Promise: it is repeated after a second.
 */
test('the name of a backend that could not be looked up is looked up again soon, and one that could keeps its address', async (t) => {
  let code: string | undefined = 'EAI_AGAIN';
  const { lookup, lookups } = resolveBy(() => (code === undefined ? ['192.0.2.1'] : { code }));
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const addresses = new OwnAddresses([{ url: 'http://acs.example:7547' }], [], new Names({ lookup }));
  const listed = async (): Promise<unknown> => {
    const before = lookups.length;
    addresses.list();
    // The lookup that this has begun, if it has.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.ok(lookups.length - before <= 1);
    return addresses.list();
  };
  assert.deepEqual(await listed(), []);
  code = undefined;
  now = 999;
  assert.deepEqual(await listed(), []);
  now = 1_000;
  assert.deepEqual(await listed(), [{ address: '192.0.2.1', port: 7547, of: 'backend' }]);
  assert.equal(lookups.length, 2);
  code = 'EAI_AGAIN';
  now = 61_000;
  assert.deepEqual(await listed(), [{ address: '192.0.2.1', port: 7547, of: 'backend' }]);
  assert.equal(lookups.length, 3);
});
