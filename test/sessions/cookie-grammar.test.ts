import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Backend } from '#core/backends/backend.js';
import { AffinityCookie, withoutAffinity } from '#core/sessions/affinity-cookie.js';
import { keysOfAnswer, keysOfRequest } from '#core/sessions/session-keys.js';

// A Cookie field of 16 KB of "; ; ; " took 0.5 s a request, one of 62 KB 10 s, in expressions that look back. What is read is the
// same as before; the expressions are the reference here, on short texts.

const ownPair = /^\s*cwmp-proxy\s*=\s*"?([\w-]*)"?\s*$/;
const attribute = /^\s*(?:\$?path|\$?domain|\$version|expires|max-age|samesite)\s*=|^\s*(?:httponly|secure)\s*$/i;

function reference(cookies: string): string | undefined {
  if (!cookies.includes('cwmp-proxy')) return cookies;
  const kept: string[] = [];
  let ofOwn = false;
  for (const pair of cookies.split(/(?<=[;,])/)) {
    const bare = pair.replace(/[;,]$/, '');
    ofOwn = ownPair.test(bare) || (ofOwn && attribute.test(bare));
    if (!ofOwn) kept.push(pair);
  }
  const left = kept.join('').replace(/^\s+|[;,\s]+$/g, '');
  return left === '' ? undefined : left;
}

const parts = [
  'cwmp-proxy',
  '=',
  '"',
  ';',
  ',',
  ' ',
  '\t',
  'a',
  'b-_',
  '$Path',
  'Domain',
  'secure',
  'HttpOnly',
  '/',
  '!',
];
const cookieField = fc
  .array(fc.constantFrom(...parts, 'cwmp-proxy=x', '; cwmp-proxy="y-_"; Path=/'), { maxLength: 30 })
  .map((list) => list.join(''));

test("takes the proxy's own cookie out of a field as the grammar says", () => {
  fc.assert(
    fc.property(cookieField, (field) => {
      assert.equal(withoutAffinity(field), reference(field));
    }),
    { numRuns: 2_000 },
  );
});

test('the keys of a request are bounded by their number, those that were shown first count', () => {
  const many = Array.from({ length: 5_000 }, (_, at) => `c${at}=${at}`).join('; ');
  const keys = keysOfRequest(['Cookie', many]);
  assert.equal(keys.length, 64);
  assert.deepEqual(keys.slice(0, 2), keysOfRequest(['Cookie', 'c0=0; c1=1']));
  const nonces = Array.from({ length: 500 }, (_, at) => `nonce="${at}"`).join(', ');
  assert.equal(keysOfRequest(['Authorization', `Digest ${nonces}`]).length, 64);
  const answer = Array.from({ length: 500 }, (_, at) => ['Set-Cookie', `c${at}=${at}`]).flat();
  assert.equal(keysOfAnswer(answer).length, 64);
});

test('of many own cookies the first few are compared with the backends', () => {
  let asked = 0;
  const backends: Iterable<Backend> = {
    [Symbol.iterator]() {
      asked += 1;
      return [][Symbol.iterator]();
    },
  };
  const cookie = new AffinityCookie('0123456789abcdef', backends);
  assert.equal(cookie.find(['Cookie', 'cwmp-proxy=a; '.repeat(1_000)]), undefined);
  assert.equal(asked, 4);
});
