import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DigestAuthenticator } from '#core/access/digest-authenticator.js';
import { Nonces } from '#core/access/nonces.js';
import { cpeUsername, digestHa1, digestResponse, readCpeUsername } from '@cwmp-proxy/core';

const realm = 'cwmp';
const uri = '/acs';

/** What a CPE answers to a challenge of ours. */
function answer(username: string, challenge: string, nc = '00000001'): string {
  const nonce = /nonce="([^"]*)"/.exec(challenge)?.[1] ?? '';
  const cnonce = '0a4f113b';
  const ha1 = digestHa1('MD5', username, realm, `secret of ${username}`);
  const response = digestResponse({ ha1, method: 'POST', uri, nonce, qop: 'auth', nc, cnonce });
  return (
    `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", qop=auth, nc=${nc}, ` +
    `cnonce="${cnonce}", response="${response}"`
  );
}

test('100,000 CPEs log in at once, each passes once, no replay passes, and memory stays bounded', async () => {
  const digest = new DigestAuthenticator({
    realm,
    nonces: new Nonces(),
    secretOf: ({ username }) => `secret of ${username}`,
  });
  const count = 100_000;
  const challenges = Array.from({ length: count }, () => digest.challenges(false)[0] ?? '');
  const answers = challenges.map((challenge, index) => answer(`001404-Box-${index}`, challenge));
  const before = process.memoryUsage();
  let passed = 0;
  for (const field of answers) if ((await digest.verify(field, 'POST', uri)).state === 'fresh') passed += 1;
  assert.equal(passed, count, 'all first uses');
  let replayed = 0;
  for (const field of answers) if ((await digest.verify(field, 'POST', uri)).state === 'replayed') replayed += 1;
  assert.equal(replayed, count, 'all replays');
  const { arrayBuffers } = process.memoryUsage();
  // The ring is all that is kept: 13 bytes for each of 131 072 nonces.
  assert.ok(arrayBuffers - before.arrayBuffers < 4 * 1_048_576, `${arrayBuffers - before.arrayBuffers} bytes`);
});

test('user names are written and read as TR-069 has them', () => {
  const set = { oui: '012345', productClass: 'Set-Top-Box', serialNumber: '0123456789' };
  assert.equal(cpeUsername(set), '012345-Set%2DTop%2DBox-0123456789');
  assert.deepEqual(readCpeUsername(cpeUsername(set)), set);
  const plain = { oui: '012345', productClass: '', serialNumber: 'Gerät 1' };
  assert.equal(cpeUsername(plain), '012345-Ger%C3%A4t%201');
  assert.deepEqual(readCpeUsername(cpeUsername(plain)), plain);
  for (const other of ['', 'acs', '012345', 'XYZ-1-2', '012345-a-b-c', '012345-%zz-1']) {
    assert.equal(readCpeUsername(other), undefined, other);
  }
});
