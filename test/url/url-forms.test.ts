import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBase32 } from '#core/url/base32.js';
import { createProxiedUrls, type ProxiedUrlOptions, type ProxiedUrls } from '#core/url/proxied-url.js';
import fc from 'fast-check';

const publicUrl = 'http://acs.isp.example:8080';
const keys = ['a key of sixteen characters', 'the key before that one'];
const hostBase = 'cr.isp.example:8080';

function make(options: Partial<ProxiedUrlOptions>): ProxiedUrls {
  return createProxiedUrls({ publicUrl, hostBase, ...options });
}

/** Target and host of a proxied URL, as an ACS's HTTP client asks for it. */
function request(proxied: string | undefined): [target: string, host: string] {
  assert.ok(proxied !== undefined);
  const url = new URL(proxied);
  assert.equal(url.href, proxied, 'a WHATWG parser leaves the URL as it is');
  return [url.pathname + url.search, url.host];
}

const origins = [
  'http://192.168.100.50:7547',
  'http://192.168.100.50:7547/',
  'http://192.168.100.50',
  'https://192.168.100.50/a',
  'http://10.0.0.1:7547?x=1',
  'http://10.0.0.1:7547/78DF621FFD24?x=1&y=2;z#top',
  'http://10.0.0.1:80/',
  'http://10.0.0.1:07547/',
  'http://[2001:db8::1]:30005/a',
  'http://[2001:DB8:0::1]:30005/a',
  'http://[::1]/',
  'http://cpe-1.example:7547/XML/001404-M91342SA1JJ0.xml',
  'http://CPE-1.Example:7547/',
  'HTTP://10.0.0.1:7547/',
  `http://${'long-label.'.repeat(12)}example:7547/`,
  `http://${'long-label.'.repeat(20)}example:7547/`,
  'http://10.0.0.1:7547/a/../b%20"c\'d e',
  'http://10.0.0.1:7547/ü',
  `http://10.0.0.1:7547/${'/ConnectionRequest'.repeat(20)}`,
  'http://user@10.0.0.1:7547/',
];

for (const form of ['query', 'path', 'host'] as const) {
  for (const signingKeys of [[], keys]) {
    const name = `${form} form, ${signingKeys.length === 0 ? 'unsigned' : 'signed'}`;
    const urls = make({ form, signingKeys });

    for (const origin of origins) {
      test(`${name}: gives back ${JSON.stringify(origin.slice(0, 60))} exactly, whichever form is written`, () => {
        const proxied = urls.build(origin);
        assert.equal(urls.build(origin), proxied, 'the same each time');
        const [target, host] = request(proxied);
        for (const written of ['query', 'path', 'host'] as const) {
          const reader = make({ form: written, signingKeys });
          assert.equal(reader.isEndpoint(target, host), true);
          assert.equal(reader.resolve(target, host), origin);
          assert.equal(reader.build(proxied ?? ''), undefined, 'its own URL is left alone');
        }
      });
    }

    test(`${name}: gives back any http URL exactly`, () => {
      fc.assert(
        fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (tail) => {
          const origin = `http://10.0.0.1:7547/${tail}`;
          const proxied = urls.build(origin);
          if (proxied === undefined) return;
          assert.equal(urls.resolve(...request(proxied)), origin);
        }),
      );
    });
  }
}

test('path form: one segment that no parser can read in two ways', () => {
  const urls = make({ form: 'path', signingKeys: keys });
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true }), (url) => {
      const proxied = urls.build(url) ?? '';
      assert.match(proxied, /^http:\/\/acs\.isp\.example:8080\/client\/[\w-]+$/);
      assert.equal(proxied.split('/').length, 5);
    }),
  );
});

test('path form: is deflated only where it would have more than 256 characters', () => {
  const urls = make({ form: 'path', signingKeys: keys });
  const short = 'http://10.0.0.1:7547/ConnectionRequest/ConnectionRequest';
  const long = `http://10.0.0.1:7547${'/ConnectionRequest'.repeat(12)}?serial=0123456789`;
  const noise = `http://10.0.0.1:7547/${'Zq8-'.repeat(4)}${[...Array(60).keys()].map((n) => ((n * 7919) % 1296).toString(36)).join('Q')}`;
  assert.equal(urls.build(short)?.length, `${publicUrl}/client/`.length + Math.ceil(((short.length - 7 + 17) * 4) / 3));
  assert.ok((urls.build(long) ?? '').length <= 256);
  for (const url of [short, long, noise]) assert.equal(urls.resolve(...request(urls.build(url))), url);
});

test('path form: a URL that is too long to be read back from its deflated form is not deflated', () => {
  const urls = make({ form: 'path' });
  const url = `http://10.0.0.1:7547/${'a'.repeat(8_300)}`;
  assert.equal(urls.resolve(...request(urls.build(url))), url);
});

test('path form: a deflated token that expands without end is refused', async () => {
  const { deflateRawSync } = await import('node:zlib');
  const bomb = Buffer.concat([Buffer.of(4), deflateRawSync(Buffer.alloc(1 << 20, 'a'))]).toString('base64url');
  assert.throws(() => make({}).resolve(`/client/${bomb}`), { code: 'ERR_CWMP_BAD_ORIGIN' });
});

test("host form: keeps the CPE's own path and query as the request target, byte for byte", () => {
  const urls = make({ form: 'host', signingKeys: keys });
  for (const target of ['/', '/78DF621FFD24', '/a;b=c/%7e%2F?x=1&y=2&sig=a~b+c', '/%20//x/']) {
    assert.equal(request(urls.build(`http://10.0.0.1:7547${target}`))[0], target);
  }
});

test('host form: what a URL parser would change on the way is written as a path', () => {
  const urls = make({ form: 'host', signingKeys: keys });
  for (const target of ['/a/../b', '/a b', '/a"b', "/?a'b", '/#top', '/ü', '/a?']) {
    assert.match(urls.build(`http://10.0.0.1:7547${target}`) ?? '', /\/client\/[\w-]+$/);
  }
});

test('host form: an IPv4 address and its signature fit one label of a DNS name, an IPv6 one too', () => {
  const urls = make({ form: 'host', signingKeys: keys });
  for (const origin of ['http://10.0.0.1:7547/', 'http://[2001:db8::1]:7547/']) {
    const [, host] = request(urls.build(origin));
    assert.match(host, /^[a-z2-7]{1,63}\.cr\.isp\.example:8080$/);
    assert.equal(urls.resolve('/', host.toUpperCase()), origin);
  }
  const [, host] = request(urls.build(`http://${'long-label.'.repeat(8)}example:7547/`));
  assert.match(host, /^(?:[a-z2-7]{1,63}\.){3,4}cr\.isp\.example:8080$/);
});

test('host form: names outside its base, and the base itself, are no endpoint', () => {
  const urls = make({});
  for (const host of [
    'cr.isp.example',
    'xcr.isp.example',
    'acs.isp.example:8080',
    'a.cr.isp.example.evil.example',
    '',
  ]) {
    assert.equal(urls.isEndpoint('/', host), false, host);
  }
  assert.equal(urls.isEndpoint('/', 'x.cr.isp.example'), true);
  assert.throws(() => urls.resolve('/', 'x.cr.isp.example'), { code: 'ERR_CWMP_BAD_ORIGIN' });
});

// A Host field may be as long as a head. Labels of 64 KB were decoded, in a time that grew faster than they did.
test('host form: what is longer than a DNS name is not read', () => {
  const labelsOf = (length: number): string => {
    const token = encodeBase32(Buffer.concat([Buffer.of(2 | 16), Buffer.from('a'.repeat(length))]));
    return token.match(/.{1,63}/g)?.join('.') ?? '';
  };
  const urls = make({});
  assert.equal(urls.resolve('/', `${labelsOf(100)}.cr.isp.example`), `http://${'a'.repeat(100)}`);
  assert.throws(() => urls.resolve('/', `${labelsOf(200)}.cr.isp.example`), { code: 'ERR_CWMP_BAD_ORIGIN' });
});

test('takes a URL of another proxy for an origin like any other', () => {
  for (const form of ['query', 'path', 'host'] as const) {
    const outer = createProxiedUrls({
      publicUrl: 'http://outer.example',
      form,
      hostBase: 'o.example',
      signingKeys: keys,
    });
    const inner = make({ form, signingKeys: keys }).build('http://10.0.0.1:7547/a?b=c&d');
    assert.ok(inner !== undefined);
    assert.equal(outer.resolve(...request(outer.build(inner))), inner);
  }
});

test('no target and no host makes it throw anything but an error with a code', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.base64String(),
    fc.string({ unit: fc.constantFrom('a', '7', '.', '/', '?', '%', '=', '&') }),
  );
  const target = fc
    .tuple(fc.constantFrom('/client', '/client/', '/client?origin=', '/', 'http://', ''), text)
    .map((parts) => parts.join(''));
  const host = fc.oneof(
    text.map((labels) => `${labels}.${hostBase}`),
    text,
  );
  for (const signingKeys of [[], keys]) {
    const urls = make({ form: 'host', signingKeys });
    fc.assert(
      fc.property(target, host, (asked, name) => {
        urls.isEndpoint(asked, name);
        try {
          urls.resolve(asked, name);
        } catch (error) {
          assert.match(String(error), /^CwmpProxyError: /);
        }
      }),
      { numRuns: 2_000 },
    );
  }
});
