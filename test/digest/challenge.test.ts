import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseDigestChallenge, parseAuthorization, parseChallenges } from '@cwmp-proxy/core';
import { readDigestAuthorization } from '#core/digest/authorization.js';

interface Built {
  readonly scheme: string;
  readonly params: readonly (readonly [name: string, value: string])[];
  readonly token68?: string;
}

const tokenChars = "!#$%&'*+-.^_`|~0123456789abcxyzABCXYZ".split('');
const token = fc.string({ unit: fc.constantFrom(...tokenChars), minLength: 1, maxLength: 12 });
const scheme = fc.constantFrom('Digest', 'Basic', 'Negotiate', 'Bearer', 'x-own');
const names = ['realm', 'nonce', 'qop', 'opaque', 'algorithm', 'stale', 'domain', 'x-new', 'charset', 'userhash'];
const text = fc.string({ unit: fc.constantFrom(...' ,;="\\/:@aB9-_\téÿ'.split('')), maxLength: 16 });

const params = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...names), fc.oneof(text, token)), { selector: ([name]) => name, maxLength: 6 })
  .map((list) => list.map(([name, value]) => [name, value] as const));

const built: fc.Arbitrary<Built> = fc.oneof(
  { arbitrary: fc.record({ scheme, params }, { noNullPrototype: true }), weight: 5 },
  fc.record(
    { scheme, params: fc.constant([]), token68: fc.base64String({ minLength: 4, maxLength: 16 }) },
    { noNullPrototype: true },
  ),
);

const quoted = (value: string): string => `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
const isToken = (value: string): boolean => value !== '' && value.split('').every((char) => tokenChars.includes(char));

/** How a list is written: what RFC 9110 §11 allows, and what CPEs write beside that. */
const dress = fc.record({
  /** Between two parameters. Spaces alone are netcwmp's. */
  separator: fc.constantFrom(', ', ',', ' , ', ',,  ,', ' ', '  ', '\t'),
  equals: fc.constantFrom('=', ' = ', '= ', ' ='),
  quotes: fc.constantFrom('always', 'if needed'),
  name: fc.constantFrom(
    (name: string) => name,
    (name: string) => name.toUpperCase(),
  ),
  between: fc.constantFrom(', ', ',', ' ,, '),
  lead: fc.constantFrom('', ' ', ', '),
});
type Dress = typeof dress extends fc.Arbitrary<infer T> ? T : never;

function write(challenge: Built, how: Dress): string {
  if (challenge.token68 !== undefined) return `${challenge.scheme} ${challenge.token68}`;
  const list = challenge.params.map(([name, value]) => {
    const dressed = how.quotes === 'if needed' && isToken(value) ? value : quoted(value);
    return `${how.name(name)}${how.equals}${dressed}`;
  });
  return list.length === 0 ? challenge.scheme : `${challenge.scheme} ${list.join(how.separator)}`;
}

function parsedBack(fields: readonly string[]): Built[] {
  return parseChallenges(fields).map(({ scheme, params, token68 }) => ({
    scheme,
    params: [...params],
    ...(token68 !== undefined && { token68 }),
  }));
}

test('any list of challenges parses back to itself from any dress, in one field or in several', () => {
  fc.assert(
    fc.property(fc.array(built, { maxLength: 4 }), dress, fc.boolean(), (list, how, oneField) => {
      const written = list.map((challenge) => write(challenge, how));
      const fields = oneField ? [how.lead + written.join(how.between)] : written;
      assert.deepEqual(parsedBack(fields), list, JSON.stringify(fields));
    }),
    { numRuns: 3000 },
  );
});

test('random characters never throw, and cost no more than their length', () => {
  const soup = fc.string({ unit: fc.constantFrom(...'Digest realm=",\\ \t;=basic\0\x7fÿ'.split('')), maxLength: 300 });
  fc.assert(
    fc.property(fc.oneof(soup, fc.string({ unit: 'binary', maxLength: 200 })), (field) => {
      parseChallenges([field, field]);
      chooseDigestChallenge(field);
      parseAuthorization(field);
      readDigestAuthorization(field);
    }),
    { numRuns: 3000 },
  );
});

for (const [name, field, expected] of [
  ['a quote that is never closed', 'Digest realm="x, nonce=y', [['Digest', { realm: 'x, nonce=y' }]]],
  ['the first of a repeated parameter', 'Digest realm="a", realm="b"', [['Digest', { realm: 'a' }]]],
  ['an unquoted list of qop', 'Digest qop=auth,auth-int, nonce=n', [['Digest', { qop: 'auth,auth-int', nonce: 'n' }]]],
  ['an unquoted nonce with equals signs', 'Digest nonce=YWJj==,realm=r', [['Digest', { nonce: 'YWJj==', realm: 'r' }]]],
  ['parameters without a scheme', 'realm="x", nonce="y"', []],
  ['a scheme alone', 'Negotiate', [['Negotiate', {}]]],
  [
    'two schemes, the first alone',
    'Negotiate, Basic realm="x"',
    [
      ['Negotiate', {}],
      ['Basic', { realm: 'x' }],
    ],
  ],
  ['nothing', '', []],
] as const) {
  test(`reads ${name}`, () => {
    const found = parseChallenges(field).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);
    assert.deepEqual(found, expected);
  });
}

for (const [name, offered, preferred, chosen] of [
  ['the strongest', ['MD5', 'SHA-256', 'SHA-512-256'], undefined, 'SHA-256'],
  ['the one that is preferred', ['SHA-256', 'MD5'], 'MD5', 'MD5'],
  ['the strongest where the preferred one is not offered', ['SHA-256', 'SHA-512-256'], 'MD5', 'SHA-256'],
  ['MD5 before its session form', ['MD5-sess', 'MD5'], undefined, 'MD5'],
  ['what it knows', ['SHA3', 'md5'], undefined, 'MD5'],
  ['none of unknown ones', ['SHA3', 'token'], undefined, undefined],
] as const) {
  test(`chooses ${name}`, () => {
    const fields = offered.map((algorithm) => `Digest realm="r", nonce="n", algorithm=${algorithm}`);
    assert.equal(chooseDigestChallenge(fields, preferred)?.algorithm, chosen);
  });
}

test('a challenge without an algorithm is MD5, and one without a nonce is none', () => {
  assert.equal(chooseDigestChallenge('Digest realm="r", nonce="n"')?.algorithm, 'MD5');
  assert.equal(chooseDigestChallenge('Digest realm="r"'), undefined);
});
