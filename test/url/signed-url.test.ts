import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProxiedUrls, type ProxiedUrls, type UrlForm } from '#core/url/proxied-url.js';

const publicUrl = 'http://acs.isp.example:8080';
const hostBase = 'cr.isp.example:8080';
const oldKey = 'the old key, sixteen or more';
const newKey = 'the new key, sixteen or more';
const origin = 'http://192.168.100.50:7547/a?b=c';
const forms: readonly UrlForm[] = ['query', 'path', 'host'];

function make(form: UrlForm, signingKeys: string[], at: string = publicUrl): ProxiedUrls {
  return createProxiedUrls({ publicUrl: at, hostBase, form, signingKeys });
}

function request(proxied: string | undefined): [target: string, host: string] {
  assert.ok(proxied !== undefined);
  const url = new URL(proxied);
  return [url.pathname + url.search, url.host];
}

const forbidden = { code: 'ERR_CWMP_BAD_SIGNATURE', statusCode: 403 };

test('the query form carries the signature as its second parameter', () => {
  const proxied = make('query', [newKey]).build('http://192.168.100.50:7547');
  assert.match(
    proxied ?? '',
    /^http:\/\/acs\.isp\.example:8080\/client\?origin=http:\/\/192\.168\.100\.50:7547&sig=[\w-]{22}$/,
  );
});

for (const form of forms) {
  test(`${form} form: a URL stays good while its key is among the keys, and no longer`, () => {
    const before = request(make(form, [oldKey]).build(origin));
    assert.equal(make(form, [newKey, oldKey]).resolve(...before), origin);
    assert.throws(() => make(form, [newKey]).resolve(...before), forbidden);
    assert.notDeepEqual(request(make(form, [newKey, oldKey]).build(origin)), before, 'the first key signs');
  });

  test(`${form} form: a URL without a signature is refused when there are keys`, () => {
    assert.throws(() => make(form, [newKey]).resolve(...request(make(form, []).build(origin))), forbidden);
  });

  test(`${form} form: a URL that another proxy signed with the same key is refused`, () => {
    const other = make(form, [newKey], 'http://acs.other.example:8080');
    const [target, host] = request(other.build(origin));
    assert.equal(other.resolve(target, host), origin);
    assert.throws(() => make(form, [newKey]).resolve(target, host), forbidden);
  });

  test(`${form} form: no character of a signed URL can be changed, added or left out`, () => {
    const urls = make(form, [newKey]);
    const proxied = urls.build(origin) ?? '';
    const base = form === 'host' ? 'http://'.length : publicUrl.length + '/client'.length;
    const end = form === 'host' ? proxied.indexOf('.') : proxied.length;
    const [honest] = request(proxied);
    let tried = 0;
    for (let at = base; at < end; at += 1) {
      for (const [removed, added] of [
        [1, ''],
        [1, proxied[at] === 'a' ? 'b' : 'a'],
        [1, proxied[at] === '2' ? '3' : '2'],
        [0, 'a'],
      ] as const) {
        const forged = proxied.slice(0, at) + added + proxied.slice(at + removed);
        if (!URL.canParse(forged)) continue;
        const [target, host] = request(forged);
        if (!urls.isEndpoint(target, host)) continue;
        tried += 1;
        assert.throws(() => urls.resolve(target, host), { name: 'CwmpProxyError' }, forged);
      }
    }
    assert.ok(tried > 100, `${honest}: ${tried}`);
  });

  test(`${form} form: a truncated URL is refused at every length`, () => {
    const urls = make(form, [newKey]);
    const [target, host] = request(urls.build(origin));
    const cut = form === 'host' ? host.indexOf('.') : target.length;
    for (let length = 1; length < cut; length += 1) {
      const [shorter, name] = form === 'host' ? [target, host.slice(length)] : [target.slice(0, length), host];
      if (!urls.isEndpoint(shorter, name)) continue;
      assert.throws(() => urls.resolve(shorter, name), { name: 'CwmpProxyError' }, shorter);
    }
  });
}

test('host form: the path and the query stand in the signature too', () => {
  const urls = make('host', [newKey]);
  const [target, host] = request(urls.build(origin));
  assert.equal(urls.resolve(target, host), origin);
  for (const other of ['/', '/a', '/a?b=d', '/a?b=c&', '/A?b=c']) {
    assert.throws(() => urls.resolve(other, host), forbidden, other);
  }
});

test('a signature is good in each form, so that the instances can change the form', () => {
  const [target] = request(make('query', [newKey]).build(origin));
  assert.equal(make('host', [newKey]).resolve(target, 'acs.isp.example:8080'), origin);
});

test('without keys a signature beside the URL changes nothing', () => {
  const [target, host] = request(make('query', [oldKey]).build(origin));
  assert.equal(make('query', []).resolve(target, host), origin);
});
