import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWakePolicy } from '#core/url/wake-policy.js';

test('allows the addresses of its blocks and no other', () => {
  const policy = createWakePolicy(['192.168.100.0/24', '10.1.2.3', 'fd00::/8']);
  for (const address of ['192.168.100.0', '192.168.100.255', '10.1.2.3', 'fd12::1']) {
    assert.equal(policy.allows(address), true, address);
  }
  for (const address of ['192.168.101.1', '10.1.2.4', '127.0.0.1', '::1', 'fe80::1', '2001:db8::1']) {
    assert.equal(policy.allows(address), false, address);
  }
});

test('takes nothing for an address that is none', () => {
  for (const policy of [createWakePolicy('any'), createWakePolicy(['0.0.0.0/0', '::/0'])]) {
    for (const text of ['', 'localhost', '127.1', '0x7f.1', '127.0.0.1:80', '[::1]']) {
      assert.equal(policy.allows(text), false, text);
    }
  }
});

for (const block of [
  '',
  'localhost',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  'fd00::/129',
  '10.0.0/8',
  '10.0.0.0/-1',
]) {
  test(`refuses the block ${JSON.stringify(block)}`, () => {
    assert.throws(() => createWakePolicy([block]), { code: 'ERR_CWMP_OPTION', message: /connectionRequests\.allow/ });
  });
}
