import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answerDigest,
  type DigestAlgorithm,
  type DigestChallenge,
  digestHa1,
  type DigestQop,
  type DigestReading,
  digestResponse,
  verifyDigest,
} from '@cwmp-proxy/core';
import { complaintsByRfc } from '../helpers/rfc-digest.js';

interface Vector {
  readonly name: string;
  readonly user: readonly [username: string, password: string, realm: string];
  readonly request: string;
  readonly nonce: string;
  readonly cnonce?: string;
  readonly nc?: number;
  readonly qop?: DigestQop;
  readonly algorithm?: DigestAlgorithm;
  readonly reading?: DigestReading;
  readonly response: string;
}

const mufasa1 = {
  user: ['Mufasa', 'Circle Of Life', 'testrealm@host.com'],
  request: '/dir/index.html',
  nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
  cnonce: '0a4f113b',
} as const;
const mufasa2 = {
  user: ['Mufasa', 'Circle of Life', 'http-auth@example.org'],
  request: '/dir/index.html',
  nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  qop: 'auth',
} as const;
const jason = {
  user: ['Jäsøn Doe', 'Secret, or not?', 'api@example.org'],
  request: '/doe.json',
  nonce: '5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK',
  cnonce: 'NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v',
  qop: 'auth',
  algorithm: 'SHA-512-256',
} as const;

/** Vectors of RFC 2617 and RFC 7616, and variants of their inputs that were computed apart. */
const vectors: readonly Vector[] = [
  { name: 'RFC 2617 §3.5', ...mufasa1, qop: 'auth', response: '6629fae49393a05397450978507c4ef1' },
  { name: 'the same without qop', ...mufasa1, response: '670fd8c2df070c60b045671b8b24ff02' },
  {
    name: 'the same with MD5-sess',
    ...mufasa1,
    qop: 'auth',
    algorithm: 'MD5-sess',
    response: '8e3825c57e897f5a0dec6c2d4e5059d0',
  },
  {
    name: "the same with the sample code's MD5-sess",
    ...mufasa1,
    qop: 'auth',
    algorithm: 'MD5-sess',
    reading: 'as-printed',
    response: '68c13aa36c0e5ab2e1e1e684dacc873b',
  },
  { name: 'the same with auth-int', ...mufasa1, qop: 'auth-int', response: '5e6610ecf9ba3017a4870ad48e3ad30b' },
  { name: 'RFC 7616 §3.9.1, MD5', ...mufasa2, response: '8ca523f5e9506fed4657c9700eebdbec' },
  {
    name: 'RFC 7616 §3.9.1, SHA-256',
    ...mufasa2,
    algorithm: 'SHA-256',
    response: '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  },
  {
    name: 'RFC 7616 §3.9.1, MD5-sess',
    ...mufasa2,
    algorithm: 'MD5-sess',
    response: 'e783283f46242139c486a698fec7211d',
  },
  {
    name: 'RFC 7616 §3.9.1, SHA-256-sess',
    ...mufasa2,
    algorithm: 'SHA-256-sess',
    response: '2fd51b3a77ad75bad6afad6003e818d767133c46d9e2749e7f5232ae1ea3efd7',
  },
  {
    name: 'RFC 7616 §3.9.2, true SHA-512/256',
    ...jason,
    response: '3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5',
  },
  {
    name: 'RFC 7616 §3.9.2, as printed',
    ...jason,
    reading: 'as-printed',
    response: 'ae66e67d6b427bd3f120414a82e4acff38e8ecd9101d6c861229025f607a79dd',
  },
  {
    name: 'a query in the uri',
    user: ['cpe', 'secret', 'CPE'],
    request: '/0f3c?x=1',
    nonce: 'abc',
    nc: 2,
    cnonce: '0a4f113b',
    qop: 'auth',
    response: 'e9d4a09674bf30be0ddd129a74cde4df',
  },
];

for (const { name, user, request, nonce, cnonce, nc = 1, qop, algorithm = 'MD5', reading, response } of vectors) {
  const [username, password, realm] = user;

  test(`computes the response of ${name}`, () => {
    const count = nc.toString(16).padStart(8, '0');
    const given = digestResponse({
      algorithm,
      ha1: digestHa1(algorithm, username, realm, password, reading),
      method: 'GET',
      uri: request,
      nonce,
      nc: count,
      ...(reading !== undefined && { reading }),
      ...(cnonce !== undefined && { cnonce }),
      ...(qop !== undefined && { qop }),
    });
    assert.equal(given, response);
  });

  test(`answers and verifies ${name}`, () => {
    const challenge: DigestChallenge = {
      realm,
      nonce,
      algorithm,
      algorithmName: algorithm,
      stale: false,
      userhash: false,
      ...(qop !== undefined && { qop }),
    };
    const answer = answerDigest(challenge, {
      username,
      password,
      method: 'GET',
      uri: request,
      nonceCount: nc,
      ...(cnonce !== undefined && { cnonce }),
      ...(reading !== undefined && { reading }),
    });
    assert.ok(answer.endsWith(`, response="${response}"`), answer);
    const known = { username, realm, password, method: 'GET', uri: request, ...(reading !== undefined && { reading }) };
    assert.equal(verifyDigest(answer, known), true);
    assert.equal(verifyDigest(answer, { ...known, password: `${password} ` }), false);
    assert.equal(verifyDigest(answer, { ...known, method: 'POST' }), false);
    assert.equal(verifyDigest(answer, { ...known, uri: `${request}x` }), false);
    assert.equal(verifyDigest(answer, { ...known, username: 'another' }), false);
    assert.equal(verifyDigest(answer.replace(response, response.slice(1)), known), false);
    if (reading !== 'as-printed') {
      const { password: _, ...rest } = known;
      assert.equal(verifyDigest(answer, { ...rest, ha1: digestHa1(algorithm, username, realm, password) }), true);
    }
  });
}

test('hashes the user name where the challenge wants it', () => {
  const [username, password, realm] = jason.user;
  const base = { realm, nonce: jason.nonce, algorithm: 'SHA-512-256', stale: false, userhash: true } as const;
  const options = { username, password, method: 'GET', uri: '/doe.json' };
  const answer = answerDigest(base, options);
  assert.match(answer, /username="793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"/);
  const printed = answerDigest(base, { ...options, reading: 'as-printed' });
  assert.match(printed, /username="488869477bf257147b804c45308cd62ac4e25eb717b12b298c79e62dcea254ec"/);
});

test('every kind of answer is one that a verifier written from the RFC takes', () => {
  const user = { username: 'acs "7"', password: 'pass:\\word' };
  for (const algorithm of [undefined, 'MD5', 'MD5-sess', 'SHA-256', 'SHA-256-sess', 'SHA-512-256'] as const) {
    for (const qop of [undefined, 'auth', 'auth-int'] as const) {
      for (const opaque of [undefined, '', 'abc\\"']) {
        for (const userhash of [false, true]) {
          const challenge = { realm: 'a, "b" c', nonce: 'x=/+"', stale: false, userhash };
          const named = algorithm === undefined ? {} : { algorithmName: algorithm };
          const answer = answerDigest(
            {
              ...challenge,
              algorithm: algorithm ?? 'MD5',
              ...named,
              ...(qop !== undefined && { qop }),
              ...(opaque !== undefined && { opaque }),
            },
            { ...user, method: 'GET', uri: '/a?b="c"' },
          );
          const known = {
            ...user,
            ...challenge,
            ...(algorithm !== undefined && { algorithm }),
            ...(qop !== undefined && { qop }),
            ...(opaque !== undefined && { opaque }),
          };
          assert.deepEqual(complaintsByRfc(answer, known, 'GET', '/a?b="c"'), [], answer);
          assert.equal(verifyDigest(answer, { ...user, realm: challenge.realm, method: 'GET', uri: '/a?b="c"' }), true);
          assert.ok(answer.length < 500);
          if (qop !== undefined) assert.match(answer, /nc=00000001, cnonce="[0-9a-f]{16}"/);
        }
      }
    }
  }
});

const goodAnswer =
  'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", ' +
  'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1"';
const mufasa = { username: 'Mufasa', password: 'Circle Of Life', realm: 'testrealm@host.com', method: 'GET' };

for (const [name, answer, expected] of [
  ['an empty opaque that was not offered', `${goodAnswer}, opaque=""`, true],
  ['quoted qop and nc', goodAnswer.replace('qop=auth', 'qop="auth"').replace('nc=00000001', 'nc="00000001"'), true],
  ['a response in capitals', goodAnswer.replace('6629fae4', '6629FAE4'), true],
  ['an unknown qop', goodAnswer.replace('qop=auth', 'qop=token'), false],
  ['a missing nc', goodAnswer.replace('nc=00000001, ', ''), false],
  ['a changed nc', goodAnswer.replace('nc=00000001', 'nc=00000002'), false],
  ['another realm', goodAnswer.replace('testrealm@', 'test@'), false],
  ['an unknown algorithm', `${goodAnswer}, algorithm=SHA3`, false],
  ['another scheme', goodAnswer.replace('Digest', 'Basic'), false],
  ['nothing', '', false],
] as const) {
  test(`verifying ${name} says ${String(expected)}`, () => {
    assert.equal(verifyDigest(answer, mufasa), expected);
  });
}

test('a verifier takes only the algorithms that it is told to', () => {
  assert.equal(verifyDigest(goodAnswer, { ...mufasa, algorithms: ['SHA-256'] }), false);
  assert.equal(verifyDigest(goodAnswer, { ...mufasa, algorithms: ['MD5'] }), true);
});
