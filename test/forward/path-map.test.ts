import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mapBack, type PathMap, toBackend } from '#core/forward/path-map.js';
import { originForm } from '#core/forward/request-checks.js';

// A request for exactly the mount path reached a backend with a path as `/tr069/`, which its ACS did not know: a slash was put
// where nothing had stood. The mount path is replaced by the path of the backend's URL, as nginx's proxy_pass does it.

/** The paths that a gateway with this mount path and this backend works with, as its options are resolved. */
function mapOf(mountPath: string, backendPath: string): PathMap {
  return {
    mountPath: mountPath.replace(/\/$/, ''),
    basePath: backendPath.replace(/\/$/, ''),
    backendPath,
    backendOrigin: 'http://acs.example:7547',
    cpeOrigin: 'http://gw.example',
  };
}

interface Column {
  mountPath: string;
  backendPath: string;
  /** Targets, and what the backend gets. */
  reach: Record<string, string>;
}

const columns: Column[] = [
  ...['/web/index', '/web/index/'].flatMap((mountPath): Column[] => [
    {
      mountPath,
      backendPath: '/tr069',
      reach: {
        '/web/index': '/tr069',
        '/web/index/': '/tr069/',
        '/web/index?a=%2F&b': '/tr069?a=%2F&b',
        '/web/index/?a': '/tr069/?a',
        '/web/index/x/%7e?a': '/tr069/x/%7e?a',
        '/web/index//x': '/tr069//x',
        'http://gw.example/web/index': '/tr069',
        'HTTP://gw.example/web/index?a': '/tr069?a',
        '/web/indexes': '/tr069/web/indexes',
        '/web/index;a': '/tr069/web/index;a',
        '/web/index%2Fx': '/tr069/web/index%2Fx',
        '/web%2Findex': '/tr069/web%2Findex',
        '/Web/index': '/tr069/Web/index',
        '/': '/tr069/',
      },
    },
    {
      mountPath,
      backendPath: '/tr069/',
      reach: {
        '/web/index': '/tr069/',
        '/web/index/': '/tr069/',
        '/web/index?a': '/tr069/?a',
        '/web/index/x?a': '/tr069/x?a',
        'http://gw.example/web/index': '/tr069/',
        '/web/indexes': '/tr069/web/indexes',
        '/': '/tr069/',
      },
    },
    {
      mountPath,
      backendPath: '/',
      reach: {
        '/web/index': '/',
        '/web/index/': '/',
        '/web/index?a': '/?a',
        '/web/index/x?a': '/x?a',
        'http://gw.example/web/index?a': '/?a',
        '/web/indexes': '/web/indexes',
        '/': '/',
      },
    },
  ]),
  {
    mountPath: '',
    backendPath: '/tr069',
    reach: { '/': '/tr069/', '/x?a': '/tr069/x?a', '/?a': '/tr069/?a', 'http://gw.example': '/tr069/' },
  },
  { mountPath: '', backendPath: '/tr069/', reach: { '/': '/tr069/', '/x': '/tr069/x' } },
  { mountPath: '', backendPath: '/', reach: { '/': '/', '/x//y?a=%2f': '/x//y?a=%2f', '//x': '//x' } },
  { mountPath: '/acs', backendPath: '/acs', reach: { '/acs': '/acs', '/acs/': '/acs/', '/acs/x': '/acs/x' } },
  { mountPath: '/a%20b', backendPath: '/c', reach: { '/a%20b': '/c', '/a%20b?x': '/c?x' } },
];

for (const { mountPath, backendPath, reach } of columns) {
  test(`the mount path ${mountPath || '(none)'} becomes ${backendPath} of the backend`, () => {
    const map = mapOf(mountPath, backendPath);
    for (const [target, reaches] of Object.entries(reach)) {
      assert.equal(toBackend(originForm(target), map), reaches, target);
    }
  });
}

interface Back {
  mountPath: string;
  backendPath: string;
  /** Locations of the backend, and where the CPE is sent. */
  locations: Record<string, string>;
  /** Paths of cookies. */
  cookies: Record<string, string>;
}

const backs: Back[] = [
  {
    mountPath: '/web/index',
    backendPath: '/tr069',
    locations: {
      '/tr069': '/web/index',
      // A CPE that was redirected to the exact path again would be so for ever.
      '/tr069/': '/web/index/',
      '/tr069?a': '/web/index?a',
      '/tr069/x?a#b': '/web/index/x?a#b',
      'http://acs.example:7547/tr069': 'http://gw.example/web/index',
      'http://acs.example:7547/tr069/{x}/../y': 'http://gw.example/web/index/{x}/../y',
      '/tr0699': '/tr0699',
      '/other': '/other',
      'http://acs.example:7547/other': 'http://acs.example:7547/other',
      'http://acs.example:7547': 'http://acs.example:7547',
      '//acs.example:7547/tr069': '//acs.example:7547/tr069',
      x: 'x',
    },
    cookies: {
      '/': '/web/index',
      '/tr069': '/web/index',
      '/tr069/': '/web/index',
      '/tr069/x': '/web/index/x',
      '/x': '/x',
    },
  },
  {
    mountPath: '/web/index',
    backendPath: '/',
    locations: {
      '/': '/web/index/',
      '/x': '/web/index/x',
      '/?a': '/web/index/?a',
      'http://acs.example:7547': 'http://gw.example/web/index/',
      'http://acs.example:7547?a': 'http://gw.example/web/index/?a',
    },
    cookies: { '/': '/web/index', '/x': '/web/index/x' },
  },
  {
    mountPath: '',
    backendPath: '/api/tr069',
    locations: { '/api/tr069': '/', '/api/tr069?a': '/?a', '/api/tr069/x': '/x', '/api': '/api' },
    // A cookie for a part of the backend's path holds for all of it; the CPE knows no such path.
    cookies: { '/': '/', '/api': '/', '/api/': '/', '/api/tr069': '/', '/api/tr069/x': '/x', '/ap': '/ap' },
  },
  {
    mountPath: '/cwmp',
    backendPath: '/api/tr069/',
    locations: { '/api/tr069': '/cwmp', '/api/tr069/': '/cwmp/' },
    cookies: { '/api': '/cwmp', '/api/tr069/': '/cwmp' },
  },
  { mountPath: '/acs', backendPath: '/acs', locations: { '/acs/x': '/acs/x' }, cookies: { '/': '/', '/acs': '/acs' } },
];

for (const { mountPath, backendPath, locations, cookies } of backs) {
  test(`places below ${backendPath} of the backend are told to the CPE below ${mountPath || '/'}`, () => {
    const map = mapOf(mountPath, backendPath);
    for (const [location, gets] of Object.entries(locations)) {
      const headers = ['Location', location];
      mapBack(headers, map);
      assert.deepEqual(headers, ['Location', gets]);
    }
    for (const [path, gets] of Object.entries(cookies)) {
      const headers = ['Set-Cookie', `a=b; Path=${path}; HttpOnly`];
      mapBack(headers, map);
      assert.deepEqual(headers, ['Set-Cookie', `a=b; Path=${gets}; HttpOnly`]);
    }
  });
}

test('whatever the CPE reaches and is redirected to leads back to where it was redirected', () => {
  for (const mountPath of ['/web/index', '/a', '/cwmp/b']) {
    for (const backendPath of ['/tr069', '/tr069/', '/', '/a/b']) {
      const map = mapOf(mountPath, backendPath);
      for (const rest of ['/', '/x', '/x/', '/?a', '/x?a']) {
        const headers = ['Location', map.basePath + rest];
        mapBack(headers, map);
        assert.equal(toBackend(headers[1] ?? '', map), map.basePath + rest);
      }
    }
  }
});
