import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Answer } from '#core/names/answer.js';
import { Names } from '#core/names/names.js';
import { type DnsAnswer, type DnsDouble, startDns, useNames } from '../helpers/dns-double.js';
import { until } from '../helpers/until.js';

/*
 * Seen: names were looked up by `dns.lookup`, which waits in one of the few threads of the process: 24 names whose server is silent
 * stopped all look-ups of the process for two minutes. Promise: names are looked up without a thread, and what they stand for is what
 * `getaddrinfo` finds.
 */

/** Asks once, and gives the addresses or the code. */
function ask(names: Names, name: string): Promise<string> {
  const shown = (answer: Answer): string => ('addresses' in answer ? answer.addresses.join(' ') : answer.code);
  return new Promise((resolve) => {
    const known = names.ask(name, { asker: '', onAnswer: (answer) => resolve(shown(answer)) });
    if (known !== undefined) resolve(shown(known));
  });
}

/** A zone: by name, the addresses or a CNAME; what it does not hold is NXDOMAIN. */
function zone(
  names: Record<string, string | number | undefined>,
): (name: string, type: 'A' | 'AAAA') => DnsAnswer | undefined {
  return (asked, type) => {
    if (!(asked in names)) return { rcode: 3 };
    const value = names[asked];
    if (value === undefined) return undefined;
    if (typeof value === 'number') return { rcode: value };
    const records = value
      .split(' ')
      .filter(Boolean)
      .flatMap((one) => {
        const kind = one.includes(':') ? 'AAAA' : 'A';
        return kind === type ? [{ type: kind, value: one } as const] : [];
      });
    return { records };
  };
}

const cluster = 'search ns.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n';

const cases: readonly {
  readonly title: string;
  readonly name: string;
  readonly is: string;
  readonly zone?: Record<string, string | number | undefined>;
  readonly hosts?: string;
  readonly resolvConf?: string;
  /** The names that were asked for, in their order. */
  readonly asked?: readonly string[];
}[] = [
  { title: 'an A record', name: 'cpe.test', zone: { 'cpe.test': '192.0.2.1' }, is: '192.0.2.1' },
  { title: 'an AAAA record', name: 'cpe.test', zone: { 'cpe.test': '2001:db8::1' }, is: '2001:db8::1' },
  { title: 'a name without an address', name: 'cpe.test', zone: { 'cpe.test': '' }, is: 'ENOTFOUND' },
  { title: 'no such name', name: 'cpe.test', is: 'ENOTFOUND', asked: ['cpe.test'] },
  { title: 'a server that fails', name: 'cpe.test', zone: { 'cpe.test': 2 }, is: 'EAI_AGAIN' },
  { title: 'a server that refuses', name: 'cpe.test', zone: { 'cpe.test': 5 }, is: 'EAI_AGAIN' },
  { title: 'a server that does not do this', name: 'cpe.test', zone: { 'cpe.test': 4 }, is: 'EAI_AGAIN' },
  { title: 'a server that calls the question malformed', name: 'cpe.test', zone: { 'cpe.test': 1 }, is: 'EAI_FAIL' },
  {
    title: 'a short name of Kubernetes',
    name: 'acs',
    resolvConf: cluster,
    zone: { 'acs.ns.svc.cluster.local': '192.0.2.2' },
    is: '192.0.2.2',
    asked: ['acs.ns.svc.cluster.local'],
  },
  {
    title: 'a name of another namespace',
    name: 'acs.isp',
    resolvConf: cluster,
    zone: { 'acs.isp.svc.cluster.local': '192.0.2.3' },
    is: '192.0.2.3',
    asked: ['acs.isp.ns.svc.cluster.local', 'acs.isp.svc.cluster.local'],
  },
  {
    title: 'a name of outside, which has fewer dots than ndots',
    name: 'acs.isp.example',
    resolvConf: cluster,
    zone: { 'acs.isp.example': '192.0.2.4' },
    is: '192.0.2.4',
    asked: [
      'acs.isp.example.ns.svc.cluster.local',
      'acs.isp.example.svc.cluster.local',
      'acs.isp.example.cluster.local',
      'acs.isp.example',
    ],
  },
  {
    title: 'a name with a dot at its end, which is whole',
    name: 'acs.isp.example.',
    resolvConf: cluster,
    zone: { 'acs.isp.example': '192.0.2.4' },
    is: '192.0.2.4',
    asked: ['acs.isp.example'],
  },
  {
    title: 'a name with as many dots as ndots, as it is first',
    name: 'acs.isp',
    resolvConf: 'search one.test\ndomain two.test\nsearch three.test. four.test\n',
    zone: { 'acs.isp.four.test': '192.0.2.5' },
    is: '192.0.2.5',
    asked: ['acs.isp', 'acs.isp.three.test', 'acs.isp.four.test'],
  },
  {
    title: 'a name that is empty in one domain, and there in the next',
    name: 'acs',
    resolvConf: 'search one.test two.test',
    zone: { 'acs.one.test': '', 'acs.two.test': '192.0.2.5' },
    is: '192.0.2.5',
  },
  {
    title: 'a server that fails for one domain, and has the name in the next',
    name: 'acs',
    resolvConf: 'search one.test two.test',
    zone: { 'acs.one.test': 2, 'acs.two.test': '192.0.2.5' },
    is: '192.0.2.5',
  },
  {
    title: 'a server that fails for one domain, and the name is in no other',
    name: 'acs',
    resolvConf: 'search one.test two.test',
    zone: { 'acs.one.test': 2 },
    is: 'EAI_AGAIN',
  },
  {
    title: 'a domain, of which one counts',
    name: 'acs',
    resolvConf: 'domain one.test two.test\n# search three.test\n;search four.test\n search five.test',
    zone: { 'acs.one.test': '192.0.2.5' },
    is: '192.0.2.5',
    asked: ['acs.one.test'],
  },
  {
    title: 'the hosts file goes before name servers',
    name: 'acs',
    hosts: '192.0.2.6 acs',
    zone: { acs: '192.0.2.7' },
    is: '192.0.2.6',
    asked: [],
  },
  {
    title: 'an alias in the hosts file, of both families, over several lines, however it is written',
    name: 'acs.test',
    hosts:
      '\t192.0.2.6\tacs  ACS.Test # acs.test\r\n# 192.0.2.8 acs.test\n192.0.2.9 xacs.test acs.testx\n2001:DB8::6 acs.test#\n',
    is: '192.0.2.6 2001:db8::6',
    asked: [],
  },
  {
    title: 'a line of the hosts file without an address',
    name: 'acs.test',
    hosts: 'acs.test\nnonsense acs.test\n127.1 acs.test\n',
    is: 'ENOTFOUND',
    asked: ['acs.test'],
  },
  { title: 'localhost', name: 'localhost', hosts: '127.0.0.5 localhost', is: '127.0.0.5', asked: [] },
  { title: 'localhost without an entry', name: 'localhost', is: '127.0.0.1 ::1', asked: [] },
  { title: 'a name below localhost', name: 'cpe.localhost', is: '127.0.0.1 ::1', asked: [] },
  { title: 'an address in disguise', name: '127.1', is: 'ENOTFOUND', asked: [] },
  { title: 'an address in disguise, in hex', name: '0x7f.0x1', is: 'ENOTFOUND', asked: [] },
  { title: 'a name with an underscore', name: 'my_cpe.test', zone: { 'my_cpe.test': '192.0.2.1' }, is: '192.0.2.1' },
  {
    title: 'an international name',
    name: 'xn--bcher-kva.test',
    zone: { 'xn--bcher-kva.test': '192.0.2.1' },
    is: '192.0.2.1',
  },
  { title: 'a label of 64 characters', name: `${'a'.repeat(64)}.test`, is: 'ENOTFOUND', asked: [] },
  { title: 'a name of 300 characters', name: `${'a.'.repeat(148)}test`, is: 'ENOTFOUND', asked: [] },
  { title: 'a name that names nothing', name: 'a b.test', is: 'ENOTFOUND', asked: [] },
];

for (const { title, name, is, zone: names = {}, hosts = '', resolvConf = 'nameserver 192.0.2.53', asked } of cases) {
  test(`finds what getaddrinfo finds: ${title}`, async (t) => {
    const dns = await startDns(t, zone(names));
    useNames(t, { servers: [dns], hosts, resolvConf });
    const known = new Names();
    t.after(() => known.close());
    assert.equal(await ask(known, name), is);
    if (asked !== undefined) assert.deepEqual([...new Set(dns.asked.map((one) => one.split(' ')[1]))], asked);
  });
}

function open(t: TestContext, servers: readonly DnsDouble[], files: { hosts?: string; resolvConf?: string } = {}) {
  const written = useNames(t, { servers, resolvConf: 'nameserver 192.0.2.53', ...files });
  const names = new Names();
  t.after(() => names.close());
  return { names, ...written };
}

test('follows a chain of CNAMEs, and keeps the answer for the shortest of their times', async (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const dns = await startDns(t, (_name, type) => ({
    records: [
      { type: 'CNAME', value: 'b.test', ttl: 5 },
      { type: 'CNAME', name: 'b.test', value: 'c.test', ttl: 100 },
      ...(type === 'A' ? [{ type, name: 'c.test', value: '192.0.2.1', ttl: 100 }] : []),
    ],
  }));
  const { names } = open(t, [dns]);
  assert.equal(await ask(names, 'a.test'), '192.0.2.1');
  now = 4_999;
  assert.equal(await ask(names, 'a.test'), '192.0.2.1');
  assert.equal(dns.asked.length, 2);
  now = 5_000;
  assert.equal(await ask(names, 'a.test'), '192.0.2.1');
  assert.equal(dns.asked.length, 4);
});

for (const [ttl, keptMs] of [
  [0, 1_000],
  [1, 1_000],
  [60, 60_000],
  [86_400, 300_000],
  [2 ** 31 - 1, 300_000],
] as const) {
  test(`keeps an answer with a TTL of ${ttl} s for ${keptMs} ms`, async (t) => {
    let now = 0;
    t.mock.method(performance, 'now', () => now);
    const dns = await startDns(t, (_name, type) => ({
      records: type === 'A' ? [{ type, value: '192.0.2.1', ttl }] : [],
    }));
    const { names } = open(t, [dns]);
    await ask(names, 'a.test');
    now = keptMs - 1;
    assert.equal(await ask(names, 'a.test'), '192.0.2.1');
    assert.equal(dns.asked.length, 2);
    now = keptMs;
    await ask(names, 'a.test');
    assert.equal(dns.asked.length, 4);
  });
}

test('a TTL that is no time, above 2^31, is none that is kept for long', async (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const dns = await startDns(t, (_name, type) => ({
    records: type === 'A' ? [{ type, value: '192.0.2.1', ttl: 2 ** 32 - 1 }] : [],
  }));
  const { names } = open(t, [dns]);
  await ask(names, 'a.test');
  now = 300_000;
  await ask(names, 'a.test');
  assert.equal(dns.asked.length, 4);
});

test('that there is no such name is kept for a second', async (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const dns = await startDns(t, zone({}));
  const { names } = open(t, [dns]);
  for (const at of [0, 999, 1_000]) {
    now = at;
    assert.equal(await ask(names, 'a.test'), 'ENOTFOUND');
  }
  assert.equal(dns.asked.length, 4);
});

test('both families are asked for, and one is enough: a server that drops the other question costs a moment', async (t) => {
  for (const dropped of ['A', 'AAAA'] as const) {
    const dns = await startDns(t, (_name, type) => {
      if (type === dropped) return undefined;
      return { records: [{ type, value: type === 'A' ? '192.0.2.1' : '2001:db8::1' }] };
    });
    const { names } = open(t, [dns]);
    assert.equal(await ask(names, 'a.test'), dropped === 'A' ? '2001:db8::1' : '192.0.2.1');
  }
  const dns = await startDns(t, zone({ 'a.test': '192.0.2.1 2001:db8::1 192.0.2.2' }));
  const { names } = open(t, [dns]);
  const found = await ask(names, 'a.test');
  assert.deepEqual(new Set(found.split(' ')), new Set(['192.0.2.1', '192.0.2.2', '2001:db8::1']));
});

test('an answer that was cut short is asked for by TCP; of a thousand addresses 16 of a family are used', async (t) => {
  const many = Array.from({ length: 1_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`).join(' ');
  const answers = zone({ 'a.test': `${many} 2001:db8::1` });
  const dns = await startDns(t, (name, type) => ({ ...answers(name, type), isTruncated: true }));
  const { names } = open(t, [dns]);
  const found = (await ask(names, 'a.test')).split(' ');
  assert.equal(found.length, 17);
  assert.ok(found.includes('2001:db8::1'));
});

test('answers that are not to the question are not believed', async (t) => {
  const spoils: readonly ((packet: Buffer) => Buffer)[] = [
    // Another id.
    (packet) => Buffer.concat([Buffer.from([packet.readUInt8(0) ^ 1]), packet.subarray(1)]),
    // Another name.
    (packet) => Buffer.from(packet.toString('latin1').replace('\x01a', '\x01b'), 'latin1'),
  ];
  for (const spoil of spoils) {
    const lying = await startDns(t, (_name, type) => ({
      records: [{ type, value: type === 'A' ? '192.0.2.66' : '2001:db8::66' }],
      spoil,
    }));
    const right = await startDns(t, zone({ 'a.test': '192.0.2.1' }));
    const { names } = open(t, [lying, right]);
    assert.equal(await ask(names, 'a.test'), '192.0.2.1');
  }
});

test('an answer that cannot be read is none', async (t) => {
  for (const spoil of [
    (packet: Buffer) => packet.subarray(0, 14),
    (packet: Buffer) => packet.fill(0xff, 12),
    // A name that points at itself.
    (packet: Buffer) =>
      Buffer.concat([packet.subarray(0, -16), Buffer.from([0xc0, packet.length - 16]), packet.subarray(-14)]),
  ]) {
    const dns = await startDns(t, (_name, type) => ({
      records: type === 'A' ? [{ type, value: '192.0.2.1' }] : [],
      spoil: type === 'A' ? spoil : (packet) => packet,
    }));
    const { names } = open(t, [dns]);
    assert.match(await ask(names, 'a.test'), /^EAI_(?:FAIL|AGAIN)$/);
  }
});

for (const [what, rcode] of [
  ['fails', 2],
  ['refuses', 5],
  ['does not do this', 4],
  ['is silent', undefined],
] as const) {
  test(`where a name server ${what}, the next one is asked`, async (t) => {
    const first = await startDns(t, () => (rcode === undefined ? undefined : { rcode }));
    const second = await startDns(t, zone({ 'a.test': '192.0.2.1' }));
    const { names } = open(t, [first, second]);
    assert.equal(await ask(names, 'a.test'), '192.0.2.1');
    assert.ok(first.asked.length > 0);
  });
}

test('a name server that does not answer is EAI_AGAIN; so is one that is not there', async (t) => {
  const silent = await startDns(t, () => undefined);
  const { names } = open(t, [silent]);
  assert.equal(await ask(names, 'a.test'), 'EAI_AGAIN');
  const absent = open(t, [{ server: '127.0.0.1:1', asked: [] }]);
  assert.equal(await ask(absent.names, 'a.test'), 'EAI_AGAIN');
});

test('changes of the hosts file and of resolv.conf are seen', async (t) => {
  const dns = await startDns(t, zone({ 'acs.one.test': '192.0.2.1', 'acs.two.test': '192.0.2.2' }));
  const { names, writeHosts, writeResolvConf } = open(t, [dns], { resolvConf: 'search one.test' });
  assert.equal(await ask(names, 'acs'), '192.0.2.1');
  writeHosts('192.0.2.3 acs\n');
  assert.equal(await ask(names, 'acs'), '192.0.2.3');
  writeHosts('192.0.2.33 acs\n');
  assert.equal(await ask(names, 'acs'), '192.0.2.33');
  writeHosts('');
  writeResolvConf('search two.test');
  assert.equal(await ask(names, 'acs'), '192.0.2.2');
});

test('those who ask for one name share a look-up, which ends when the last of them has left', async (t) => {
  const dns = await startDns(t, () => undefined);
  const { names } = open(t, [dns]);
  const told: unknown[] = [];
  const waiters = [1, 2, 3].map((one) => ({ asker: String(one), onAnswer: () => void told.push(one) }));
  for (const waiter of waiters) assert.equal(names.ask('a.test', waiter), undefined);
  await until('it is asked for', () => dns.asked.length >= 2);
  for (const waiter of waiters) names.leave('a.test', waiter);
  assert.equal(told.length, 0);
  const again = { asker: '', onAnswer: () => void told.push('again') };
  assert.equal(names.ask('a.test', again), undefined);
  await until('it is asked for anew', () => dns.asked.length >= 4);
  names.close();
  assert.deepEqual(told, ['again']);
});

test('a hosts file of many megabytes is searched at once', async (t) => {
  const line = (index: number): string => `0.0.0.0 ads-${index}.tracker.example`;
  const hosts = Array.from({ length: 150_000 }, (_, index) => line(index)).join('\n');
  const dns = await startDns(t, zone({}));
  const { names } = open(t, [dns], { hosts: `${hosts}\n192.0.2.1 acs.test\n` });
  assert.equal(await ask(names, 'acs.test'), '192.0.2.1');
  assert.equal(await ask(names, 'ads-1.tracker.example'), '0.0.0.0');
  assert.equal(await ask(names, 'tracker.example'), 'ENOTFOUND');
});
