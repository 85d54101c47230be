import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalAddress } from '#core/policy/ip-address.js';

test('an address has one form, however it is written', () => {
  const forms: readonly (readonly [form: string, texts: readonly string[]])[] = [
    ['192.0.2.1', ['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:c000:201', '0:0:0:0:0:ffff:c000:0201']],
    [
      '2001:0db8:0000:0000:0000:0000:0000:0001',
      ['2001:db8::1', '2001:DB8::1', '2001:0db8::0001', '2001:db8:0:0:0:0:0:1', '2001:db8::0:1', '2001:db8::0.0.0.1'],
    ],
    ['0000:0000:0000:0000:0000:0000:0000:0001', ['::1', '0::1', '::0:1']],
    // No address of a CPE, and left as it is.
    ['fe80::1%eth0', ['fe80::1%eth0']],
    ['cpe.example', ['cpe.example']],
  ];
  for (const [form, texts] of forms) for (const text of texts) assert.equal(canonicalAddress(text), form, text);
});
