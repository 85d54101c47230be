import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rewriteMessage } from '@cwmp-proxy/core';
import { SaxesParser } from 'saxes';
import type { CpeModel } from '../examples/demo/cpe-model.js';
import { DigestGuard, digestResponse } from '../examples/demo/digest.js';
import { eventsOf, methodOf, serialNumberOf, urlIn } from '../examples/demo/message.js';
import { broadcom } from '../examples/demo/vendors/broadcom.js';
import { mikrotik } from '../examples/demo/vendors/mikrotik.js';
import { openwrt } from '../examples/demo/vendors/openwrt.js';
import { thomson } from '../examples/demo/vendors/thomson.js';
import { zte } from '../examples/demo/vendors/zte.js';
import { zyxel } from '../examples/demo/vendors/zyxel.js';

const models: CpeModel[] = [mikrotik, thomson, zte, openwrt, zyxel, broadcom];
const url = 'http://192.168.100.50:7547/a1b2';

function isWellFormed(text: string): boolean {
  const parser = new SaxesParser({ xmlns: true });
  let isGood = true;
  parser.on('error', () => {
    isGood = false;
  });
  parser.write(text).close();
  return isGood;
}

for (const model of models) {
  test(`the demo's ${model.name} writes well-formed messages that the proxy rewrites`, () => {
    const inform = model.writeInform({ events: ['6 CONNECTION REQUEST'], url, id: '7', time: new Date(0) });
    const values = model.writeValues({
      id: '8',
      values: [{ name: `${model.root}ManagementServer.ConnectionRequestURL`, value: url }],
    });
    for (const [method, text] of [
      ['Inform', inform],
      ['GetParameterValuesResponse', values],
    ] as const) {
      assert.ok(isWellFormed(text), text);
      const body = Buffer.from(text);
      assert.equal(methodOf(body), method);
      assert.equal(urlIn(body)?.url, url);
      const rewritten = rewriteMessage(body, { rewriteUrl: () => 'http://p/client' });
      const before = urlIn(body);
      const after = urlIn(Buffer.from(rewritten.body));
      assert.deepEqual({ ...after }, { ...before, url: 'http://p/client' });
    }
    assert.deepEqual(eventsOf(Buffer.from(inform)), ['6 CONNECTION REQUEST']);
    assert.equal(serialNumberOf(Buffer.from(inform)), model.serialNumber);
  });
}

test("the demo's Digest computes the answers of RFC 2617 §3.5, with and without qop", () => {
  const input = {
    username: 'Mufasa',
    password: 'Circle Of Life',
    realm: 'testrealm@host.com',
    nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
    method: 'GET',
    uri: '/dir/index.html',
  };
  assert.equal(digestResponse({ ...input, nc: '00000001', cnonce: '0a4f113b' }), '6629fae49393a05397450978507c4ef1');
  assert.equal(digestResponse(input), '670fd8c2df070c60b045671b8b24ff02');
});

test("the demo's CPE takes each Digest answer once, and only for the request that it was made for", () => {
  const credentials = { username: 'cpe', password: 'secret' };
  const guard = new DigestGuard(credentials, 'CPE');
  const nonce = /nonce="(\w+)"/.exec(guard.challenge())?.[1] ?? '';
  const response = digestResponse({
    ...credentials,
    realm: 'CPE',
    nonce,
    method: 'GET',
    uri: '/a',
    nc: '00000001',
    cnonce: 'c',
  });
  const authorization = `Digest username="cpe", realm="CPE", nonce="${nonce}", uri="/a", qop=auth, nc=00000001, cnonce="c", response="${response}"`;
  const cases: [name: string, value: string, target: string, expect: boolean][] = [
    ['another target', authorization, '/b', false],
    ['another nonce', authorization.replace(nonce, 'f'.repeat(32)), '/a', false],
    ['another user', authorization.replace('"cpe"', '"me"'), '/a', false],
    ['the right answer', authorization, '/a', true],
    ['the same answer again', authorization, '/a', false],
  ];
  for (const [name, value, target, expect] of cases) assert.equal(guard.accepts(value, 'GET', target), expect, name);
  assert.equal(guard.accepts(undefined, 'GET', '/a'), false);
});
