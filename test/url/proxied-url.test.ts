import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProxiedUrls } from '#core/url/proxied-url.js';
import fc from 'fast-check';

const urls = createProxiedUrls({ publicUrl: 'http://127.0.0.1:8080' });

/** Path and query of a proxied URL, as an ACS's HTTP client asks for it. */
function target(proxied: string | undefined): string {
  assert.ok(proxied !== undefined);
  const url = new URL(proxied);
  assert.equal(url.href, proxied, 'a WHATWG parser leaves the URL as it is');
  return url.pathname + url.search;
}

const readable = [
  'http://192.168.100.50:7547',
  'http://8.8.8.8:7547',
  'http://[2001:db8::1]:30005/78DF621FFD24',
  'http://cpe-1.example:7547/XML/001404-M91342SA1JJ0.xml',
  'http://10.0.0.1:7547/a?b=c;d=(e)*!$,@~',
];

for (const url of readable) {
  test(`writes ${url} as it is`, () => {
    assert.equal(urls.build(url), `http://127.0.0.1:8080/client?origin=${url}`);
    assert.equal(urls.resolve(target(urls.build(url))), url);
  });
}

const encoded = [
  ['a%20b', 'a%2520b'],
  ['?x=1&y=2', '?x=1%26y=2'],
  ['a+b', 'a%2Bb'],
  ['#top', '%23top'],
  ['a b', 'a%20b'],
  [`'"`, '%27%22'],
  ['<>', '%3C%3E'],
  ['a\u0001b\u007f', 'a%01b%7F'],
  ['\\{|}^`', '%5C%7B%7C%7D%5E%60'],
  ['ü€😀', '%C3%BC%E2%82%AC%F0%9F%98%80'],
] as const;

for (const [path, expected] of encoded) {
  test(`encodes ${JSON.stringify(path)} once and decodes it to itself`, () => {
    const url = `http://10.0.0.1/${path}`;
    assert.equal(urls.build(url), `http://127.0.0.1:8080/client?origin=http://10.0.0.1/${expected}`);
    assert.equal(urls.resolve(target(urls.build(url))), url);
  });
}

test('gives back any http URL exactly, and the same proxied URL each time', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (tail) => {
      const url = `http://10.0.0.1:7547/${tail}`;
      const proxied = urls.build(url);
      if (proxied === undefined) return;
      assert.equal(urls.build(url), proxied);
      assert.match(proxied, /^[!$(-;=?-Z[\]_a-z~%]+$/);
      assert.equal(urls.resolve(target(proxied)), url);
    }),
  );
});

const unchanged = [
  '',
  'ftp://10.0.0.1',
  '192.168.1.1:7547',
  'http://',
  'http:///path',
  '/path',
  'http://a b/',
  'http://x/\ud800',
];

for (const url of unchanged) {
  test(`leaves ${JSON.stringify(url)} alone`, () => {
    assert.equal(urls.build(url), undefined);
  });
}

test('leaves its own URLs alone, also when mounted at a path, and takes those of another proxy for an origin', () => {
  const mounted = createProxiedUrls({ publicUrl: 'https://acs.example/cwmp' });
  const own = mounted.build('http://10.0.0.1:7547');
  assert.equal(own, 'https://acs.example/cwmp/client?origin=http://10.0.0.1:7547');
  assert.equal(mounted.build(own), undefined);
  const nested = urls.build(own);
  assert.equal(urls.resolve(target(nested)), own);
});

test('knows its endpoint with and without the mount path in the target', () => {
  const mounted = createProxiedUrls({ publicUrl: 'https://acs.example/cwmp' });
  for (const target of ['/cwmp/client?origin=http://a', '/client?origin=http://a', '/client', '/client/x']) {
    assert.equal(mounted.isEndpoint(target), true, target);
  }
  for (const target of ['/', '/clients', '/client/', '/client/x/y', '/cwmp', '/x/client', '/acs?client']) {
    assert.equal(mounted.isEndpoint(target), false, target);
  }
});

const refused = [
  '/client',
  '/client?',
  '/client?origin=',
  '/client?origin=%zz',
  '/client?origin=ftp://10.0.0.1',
  '/client?origin=10.0.0.1',
  '/client?origin=http://10.0.0.1/a?x=1&y=2',
  '/client?origin=http://10.0.0.1&origin=http://10.0.0.2',
  '/client?origin=http://10.0.0.1&x=1',
  '/client?Origin=http://10.0.0.1',
  '/client?origin=http%253A//10.0.0.1',
  '/client?origin=http://127.0.0.1:8080/client?origin=http://10.0.0.1',
  '/client/x',
  '/client/AQ',
];

for (const target of refused) {
  test(`refuses ${target}`, () => {
    assert.throws(() => urls.resolve(target), { code: 'ERR_CWMP_BAD_ORIGIN', statusCode: 400 });
  });
}
