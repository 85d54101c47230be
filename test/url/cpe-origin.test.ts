import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCpeOrigin } from '#core/url/cpe-origin.js';
import fc from 'fast-check';

const good = [
  ['http://192.168.100.50:7547', { scheme: 'http', host: '192.168.100.50', port: 7547, target: '/' }],
  ['http://10.0.0.1', { scheme: 'http', host: '10.0.0.1', port: 80, target: '/' }],
  ['HTTPS://10.0.0.1/a?b', { scheme: 'https', host: '10.0.0.1', port: 443, target: '/a?b' }],
  ['http://10.0.0.1?x=1', { scheme: 'http', host: '10.0.0.1', port: 80, target: '/?x=1' }],
  ['http://[2001:DB8::1]:30005/a/../b', { host: '2001:db8::1', port: 30_005, target: '/a/../b', isName: false }],
  ['http://CPE-1.example:7547/%7e"|', { host: 'cpe-1.example', isName: true, target: '/%7e"|' }],
  ['http://10.0.0.1/ü', { host: '10.0.0.1', target: '/Ã¼' }],
  ['http://localhost/', { host: 'localhost', isName: true }],
] as const;

for (const [url, expected] of good) {
  test(`takes ${url} apart`, () => {
    const origin = readCpeOrigin(url);
    assert.deepEqual({ ...origin, ...expected }, origin);
  });
}

const refused = [
  '',
  '10.0.0.1:7547',
  '//10.0.0.1/',
  'ftp://10.0.0.1/',
  'gopher://10.0.0.1/',
  'file:///etc/passwd',
  'unix:/run/docker.sock',
  'http:10.0.0.1',
  'http:/10.0.0.1',
  'http:///10.0.0.1',
  'http://',
  'http://:80/',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0x7f.1/',
  'http://0x7f.0.0.1/',
  'http://017700000001/',
  'http://0177.0.0.1/',
  'http://127.1/',
  'http://127.0.1/',
  'http://0/',
  'http://0x/',
  'http://127.0.0.01/',
  'http://127.0.0.256/',
  'http://127.0.0.1.5/',
  'http://127.0.0.1./',
  'http://localhost./',
  'http://.localhost/',
  'http://a..b/',
  'http://-a.example/',
  'http://%31%32%37.0.0.1/',
  'http://127.0.0.1%00.example/',
  'http://①②⑦.0.0.1/',
  'http://127。0。0。1/',
  'http://[::1%25lo]/',
  'http://[fe80::1%eth0]/',
  'http://[::1/',
  'http://::1/',
  'http://[127.0.0.1]/',
  'http://[]/',
  'http://[::1]x/',
  'http://user@10.0.0.1/',
  'http://user:pass@10.0.0.1/',
  'http://10.0.0.1@127.0.0.1/',
  'http://@127.0.0.1/',
  'http://10.0.0.1\\@127.0.0.1/',
  'http:\\\\10.0.0.1\\',
  'http://10.0.0.1\t/',
  'http://127.0.\t0.1/',
  'ht\ttp://10.0.0.1/',
  ' http://10.0.0.1/',
  'http://10.0.0.1/ ',
  'http://10.0.0.1/a b',
  'http://10.0.0.1/\r\nHost: x',
  'http://10.0.0.1/?\nX',
  'http://10.0.0.1/\u0000',
  'http://10.0.0.1/\u007f',
  'http://10.0.0.1/\ud800',
  'http://10.0.0.1/#top',
  'http://127.0.0.1#@10.0.0.1/',
  'http://10.0.0.1:/',
  'http://10.0.0.1:0/',
  'http://10.0.0.1:065/',
  'http://10.0.0.1:65536/',
  'http://10.0.0.1:80:80/',
  'http://10.0.0.1:-1/',
  'http://10.0.0.1:+80/',
  'http://10.0.0.1:80a/',
  'http://10.0.0.1:%38%30/',
  'http://\u212aelvin.example/',
  `http://${'a'.repeat(64)}.example/`,
  `http://${'a.'.repeat(127)}example/`,
  `http://10.0.0.1/${'a'.repeat(2_048)}`,
];

for (const url of refused) {
  test(`refuses ${JSON.stringify(url.slice(0, 60))}`, () => {
    assert.throws(() => readCpeOrigin(url), { code: 'ERR_CWMP_BAD_ORIGIN', statusCode: 400 });
  });
}

test('agrees with the URL standard on the host of whatever it takes', () => {
  const authority = fc.string({ unit: fc.constantFrom(...Array.from('0127.ax:[]@-%\\/?#f\t')), maxLength: 16 });
  fc.assert(
    fc.property(authority, (text) => {
      let origin;
      try {
        origin = readCpeOrigin(`http://${text}/`);
      } catch {
        return;
      }
      const host = new URL(`http://${text}/`).hostname.replace(/^\[|\]$/g, '');
      if (origin.host.includes(':')) assert.ok(host.includes(':'));
      else assert.equal(origin.host, host);
    }),
    { numRuns: 2_000 },
  );
});
