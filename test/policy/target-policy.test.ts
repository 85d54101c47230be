import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWakePolicy, type WakePolicyOptions } from '#core/policy/target-policy.js';

test('allows the addresses of its blocks and no other', () => {
  const policy = createWakePolicy({ allow: ['192.168.100.0/24', '10.1.2.3', 'fd00::/8'] });
  for (const address of ['192.168.100.0', '192.168.100.255', '10.1.2.3', 'fd12::1', 'FD12:0::1']) {
    assert.equal(policy.allows(address, 7547), true, address);
  }
  for (const address of ['192.168.101.1', '10.1.2.4', '127.0.0.1', '::1', 'fe80::1', '2001:db8::1', 'fe00::1']) {
    assert.equal(policy.allows(address, 7547), false, address);
  }
});

test('takes nothing for an address that is none', () => {
  for (const policy of [createWakePolicy({ allow: 'any' }), createWakePolicy({ allow: ['0.0.0.0/0', '::/0'] })]) {
    for (const text of ['', 'localhost', '127.1', '0x7f.1', '127.0.0.1:80', '[::1]', 'fe80::1%eth0', ' 10.0.0.1']) {
      assert.equal(policy.allows(text, 7547), false, text);
    }
  }
});

/** Where no CPE lives, and the smallest block of it that has to be named to get there. */
const refused = [
  ['0.0.0.0', '0.0.0.0/8'],
  ['0.1.2.3', '0.0.0.0/8'],
  ['127.0.0.1', '127.0.0.0/8'],
  ['127.255.255.254', '127.255.0.0/16'],
  ['169.254.169.254', '169.254.0.0/16'],
  ['169.254.1.1', '169.254.1.1'],
  ['192.0.0.192', '192.0.0.0/24'],
  ['192.88.99.1', '192.88.99.0/24'],
  ['100.100.100.200', '100.100.100.200'],
  ['168.63.129.16', '168.63.129.16'],
  ['224.0.0.1', '224.0.0.0/4'],
  ['239.255.255.250', '239.0.0.0/8'],
  ['240.0.0.1', '240.0.0.0/4'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['::1', '::1'],
  ['0:0:0:0:0:0:0:1', '::1/128'],
  ['100::1', '100::/64'],
  ['fe80::1', 'fe80::/10'],
  ['febf::1', 'fe80::/10'],
  ['fec0::1', 'fec0::/10'],
  ['ff02::1', 'ff00::/8'],
  ['fd00:ec2::254', 'fd00:ec2::254'],
  ['fd20:ce::254', 'fd20:ce::254'],
  ['::127.0.0.1', '::127.0.0.0/104'],
  ['::10.0.0.1', '::/96'],
  ['::ffff:127.0.0.1', '::ffff:127.0.0.0/104'],
  ['::ffff:7f00:1', '::ffff:7f00:0/104'],
  ['::ffff:10.0.0.1', '::ffff:10.0.0.0/104'],
  ['::ffff:0:127.0.0.1', '::ffff:0:127.0.0.0/104'],
  ['64:ff9b::127.0.0.1', '64:ff9b::127.0.0.0/104'],
  ['64:ff9b::a9fe:a9fe', '64:ff9b::169.254.0.0/112'],
  ['64:ff9b::10.0.0.1', '64:ff9b::/96'],
  ['64:ff9b:1::10.0.0.1', '64:ff9b:1::/48'],
  ['2002:7f00:1::1', '2002:7f00::/24'],
  ['2002:a9fe:a9fe::1', '2002:a9fe::/32'],
  ['2002:a00:1::1', '2002:a00::/24'],
  ['2001:0:a00:1::80ff:fffe', '2001:0:a00:1::80ff:fffe'],
  ['2001:0:4136:e378:8000:63bf:f5ff:fffe', '2001::/32'],
  ['2001:db8::5efe:127.0.0.1', '2001:db8::5efe:127.0.0.0/104'],
  ['2001:db8::200:5efe:169.254.169.254', '2001:db8::200:5efe:169.254.0.0/112'],
] as const;

for (const [address, block] of refused) {
  test(`refuses ${address} unless a block inside what is refused names it`, () => {
    const wide = ['0.0.0.0/0', '::/0', '128.0.0.0/1', '64.0.0.0/2', '2000::/3', 'fc00::/6', 'f000::/4'];
    assert.equal(createWakePolicy({ allow: wide }).allows(address, 7547), false, 'all blocks there are');
    assert.equal(createWakePolicy({ allow: undefined }).allows(address, 7547), false, 'nothing but signatures');
    assert.equal(createWakePolicy({ allow: ['*.example'] }).allows(address, 7547, 'cpe.example'), false, 'a name');
    assert.equal(createWakePolicy({ allow: [block] }).allows(address, 7547), true, 'its own block');
    assert.equal(createWakePolicy({ allow: 'any' }).allows(address, 7547), true, 'any');
  });
}

test('takes the name of a prefix that carries addresses for none of those that are refused in it', () => {
  const policy = createWakePolicy({ allow: ['64:ff9b::/96', '2002::/16'] });
  assert.equal(policy.allows('64:ff9b::10.0.0.1', 7547), true);
  assert.equal(policy.allows('64:ff9b::127.0.0.1', 7547), false);
  assert.equal(policy.allows('2002:a00:1::1', 7547), true);
  assert.equal(policy.allows('2002:7f00:1::1', 7547), false);
});

test('allows every ordinary address where signatures alone guard', () => {
  const policy = createWakePolicy({ allow: undefined });
  for (const address of ['10.0.0.1', '100.64.0.1', '192.168.1.1', '8.8.8.8', 'fd12::1', '2001:db8::1']) {
    assert.equal(policy.allows(address, 7547), true, address);
  }
});

test('allows the ports of an entry only', () => {
  const policy = createWakePolicy({ allow: [{ host: '10.0.0.0/8', ports: [7547, [30_000, 30_100]] }] });
  for (const port of [7547, 30_000, 30_050, 30_100]) assert.equal(policy.allows('10.0.0.1', port), true, String(port));
  for (const port of [80, 7546, 7548, 29_999, 30_101]) {
    assert.equal(policy.allows('10.0.0.1', port), false, String(port));
  }
});

test('allows names, and what lies below a domain, but no name that only ends like it', () => {
  const policy = createWakePolicy({ allow: ['cpe-1.example', { host: '*.cpe.example', ports: [7547] }] });
  assert.equal(policy.allows('10.0.0.1', 7547, 'cpe-1.example'), true);
  assert.equal(policy.allows('10.0.0.1', 7547, 'CPE-1.example'), true);
  assert.equal(policy.allows('10.0.0.1', 7547, 'a.b.cpe.example'), true);
  assert.equal(policy.allows('10.0.0.1', 80, 'a.b.cpe.example'), false);
  for (const name of ['cpe.example', 'xcpe.example', 'x.cpe-1.example', 'cpe-1.example.net', undefined]) {
    assert.equal(policy.allows('10.0.0.1', 7547, name), false, String(name));
  }
});

test('tells of which names no address could be allowed', () => {
  const allow = [
    'one.example',
    { host: '*.cpe.example', ports: [7547] },
    { host: '10.0.0.0/8', ports: [[8_000, 8_999]] },
  ] as const;
  const policy = createWakePolicy({ allow });
  for (const [name, port, may] of [
    ['one.example', 80, true],
    ['two.example', 80, false],
    ['xone.example', 80, false],
    ['a.cpe.example', 7547, true],
    ['a.cpe.example', 7548, false],
    ['cpe.example', 7547, false],
    // A block admits whatever name leads into it.
    ['two.example', 8_080, true],
  ] as const) {
    assert.equal(policy.mayAllow?.(name, port), may, `${name}:${port}`);
  }
  for (const open of [undefined, 'any'] as const) {
    assert.equal(createWakePolicy({ allow: open }).mayAllow?.('two.example', 80), true);
  }
});

test('refuses the backends on all ports, on loopback on their own', () => {
  const own = [
    { address: '10.0.0.11', port: 7547 },
    { address: '127.0.0.1', port: 7547 },
    { address: 'fd00::b', port: 443 },
  ];
  const ownAddresses = () => own;
  const policy = createWakePolicy({ allow: ['10.0.0.0/8', '127.0.0.0/8', 'fd00::/8'], ownAddresses });
  assert.equal(policy.allows('10.0.0.11', 7547), false);
  assert.equal(policy.allows('10.0.0.11', 7557), false);
  assert.equal(policy.allows('10.0.0.12', 7547), true);
  assert.equal(policy.allows('127.0.0.1', 7547), false);
  assert.equal(policy.allows('127.0.0.1', 30_005), true);
  assert.equal(policy.allows('fd00:0::b', 7547), false);
  assert.equal(createWakePolicy({ allow: undefined, ownAddresses }).allows('10.0.0.11', 80), false);
  assert.equal(createWakePolicy({ allow: ['10.0.0.11'], ownAddresses }).allows('10.0.0.11', 80), true);
});

for (const [block, backend, other] of [
  ['64:ff9b::/96', '64:ff9b::a00:b', '64:ff9b::a00:c'],
  ['::ffff:0:0/96', '::ffff:10.0.0.11', '::ffff:10.0.0.12'],
  ['2002::/16', '2002:a00:b::1', '2002:a00:c::1'],
  ['2001:db8::/32', '2001:db8::5efe:10.0.0.11', '2001:db8::5efe:10.0.0.12'],
] as const) {
  test(`refuses a backend in the form ${backend} too`, () => {
    const ownAddresses = () => [{ address: '10.0.0.11', port: 7547 }];
    const policy = createWakePolicy({ allow: [block], ownAddresses });
    assert.equal(policy.allows(backend, 7547), false);
    assert.equal(policy.allows(other, 7547), true);
  });
}

for (const entry of [
  '',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/08',
  '10.0.0.0/8/8',
  'fd00::/129',
  'fe80::1%eth0',
  '10.0.0/8',
  '10.0.0',
  '10.0.0.0/-1',
  '*',
  '*.',
  'a*.example',
  'cpe.example.',
  'http://10.0.0.1',
  '10.0.0.1:7547',
]) {
  test(`refuses the entry ${JSON.stringify(entry)}`, () => {
    assert.throws(() => createWakePolicy({ allow: [entry] }), {
      code: 'ERR_CWMP_OPTION',
      message: /^connectionRequests\.allow\[0\]: /,
    });
  });
}

for (const entry of ['null', '5', '{}', '{ "host": "10.0.0.0/8", "port": [7547] }', '["10.0.0.0/8"]']) {
  test(`refuses the entry ${entry}, which plain JavaScript could hand in`, () => {
    const allow: WakePolicyOptions['allow'] = JSON.parse(`[${entry}]`);
    assert.throws(() => createWakePolicy({ allow }), {
      code: 'ERR_CWMP_OPTION',
      message: /^connectionRequests\.allow\[0\](?:\.port)?: /,
    });
  });
}

for (const ports of [[], [0], [65_536], [[2, 1]], [1.5]] as const) {
  test(`refuses the ports ${JSON.stringify(ports)}`, () => {
    const allow: WakePolicyOptions['allow'] = JSON.parse(JSON.stringify([{ host: '10.0.0.0/8', ports }]));
    assert.throws(() => createWakePolicy({ allow }), {
      code: 'ERR_CWMP_OPTION',
      message: /^connectionRequests\.allow\[0\]\.ports: /,
    });
  });
}
