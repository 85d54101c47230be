import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { SessionEndEvent } from '@cwmp-proxy/core';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { postOf } from '../helpers/recording-acs.js';
import { startTwoAcss } from '../helpers/two-acss.js';
import { until } from '../helpers/until.js';

// Which backend, and which of its connections, a message goes to when its CPE comes on a new connection.

const why = (ended: SessionEndEvent[]): string[] => ended.map((event) => event.why);
const cookie = 'X-Answer: 200|Set-Cookie=session=one';

test('a CPE that reconnects with its cookie is put back on its backend connection', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1'), cookie));
  await first.close();
  await (await connect()).exchange(postOf('', 'Cookie: other=1; session="one"; Path=/'));
  assert.deepEqual(went(), ['A.1', 'A.1']);
});

test('a CPE that reconnects after a 401 is put back by the nonce that it quotes', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1'), 'X-Answer: 401|WWW-Authenticate=Digest realm="a",nonce="n1"'));
  await first.close();
  await (await connect()).exchange(postOf(inform('1'), 'Authorization: Digest username="u", nonce="n1", response="r"'));
  assert.deepEqual(went(), ['A.1', 'A.1']);
});

test('after the grace a returning CPE meets the same backend on a new connection', async (t) => {
  const { connect, went, acss, ended } = await startTwoAcss(t, { sessions: { graceMs: 20 } });
  const first = await connect();
  await first.exchange(postOf(inform('1'), cookie));
  await first.close();
  await until('the grace is over', () => acss[0].open.size === 0);
  assert.deepEqual(why(ended), ['cpe-gone']);
  await (await connect()).exchange(postOf('', 'Cookie: session=one'));
  assert.deepEqual(went(), ['A.1', 'A.2']);
});

test('a CPE without cookie and nonce cannot be known again: its session ends with its connection', async (t) => {
  const { connect, acss, ended } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1')));
  await first.close();
  await until('its backend connection is closed', () => acss[0].open.size === 0);
  assert.deepEqual(why(ended), ['cpe-gone']);
});

test('the next session of a CPE that shows the cookie of the last one goes to the next backend', async (t) => {
  const { connect, went, ended } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1'), cookie));
  await first.exchange(postOf('', 'X-Answer: 204'));
  await first.exchange(postOf(inform('1'), 'Cookie: session=one'));
  await first.close();
  await (await connect()).exchange(postOf(inform('1'), 'Cookie: session=one'));
  assert.deepEqual(went(), ['A.1', 'A.1', 'A.2', 'B.1']);
  assert.deepEqual(why(ended), ['complete', 'cpe-gone']);
});

test('an Inform of a CPE that gave its session up meets the same backend on a new connection', async (t) => {
  const { connect, went, ended } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1'), cookie));
  await first.close();
  await (await connect()).exchange(postOf(inform('1'), 'Cookie: session=one'));
  assert.deepEqual(went(), ['A.1', 'A.2']);
  assert.deepEqual(why(ended), ['superseded']);
});

test('a cookie that every CPE gets leads nobody into the session of another', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  const [one, two] = [await connect(), await connect()];
  await one.exchange(postOf(inform('1'), 'X-Answer: 200|Set-Cookie=lang=en'));
  await two.exchange(postOf(inform('2'), 'Cookie: lang=en', 'X-Answer: 200|Set-Cookie=lang=en'));
  await (await connect()).exchange(postOf(inform('3'), 'Cookie: lang=en'));
  await one.exchange(postOf('', 'Cookie: lang=en'));
  await two.exchange(postOf('', 'Cookie: lang=en'));
  const connections = went();
  assert.equal(connections.length, 5);
  assert.equal(new Set(connections).size, 3);
});

test('an ACS that refuses ends the session: the next Inform goes elsewhere', async (t) => {
  const { connect, went, ended } = await startTwoAcss(t);
  const cpe = await connect();
  await cpe.exchange(postOf(inform('1'), 'X-Answer: 503'));
  await cpe.exchange(postOf(inform('1')));
  assert.deepEqual(went(), ['A.1', 'B.1']);
  assert.deepEqual(why(ended), ['refused']);
});

test('an empty 200 ends a session as well as a 204, after a response too, but not before the empty POST', async (t) => {
  const { connect, ended } = await startTwoAcss(t);
  const cpe = await connect();
  await cpe.exchange(postOf(inform('1'), 'X-Answer: 200|empty'));
  assert.deepEqual(why(ended), []);
  await cpe.exchange(postOf(''));
  await cpe.exchange(postOf('<r/>', 'X-Answer: 200|empty'));
  assert.deepEqual(why(ended), ['complete']);
  await cpe.exchange(postOf(inform('1')));
  await cpe.exchange(postOf('', 'X-Answer: 204'));
  assert.deepEqual(why(ended), ['complete', 'complete']);
});

test('a file that is not found ends no session', async (t) => {
  const { connect, ended, went } = await startTwoAcss(t);
  const cpe = await connect();
  await cpe.exchange(postOf(inform('1')));
  await cpe.exchange('GET /file HTTP/1.1\r\nHost: a\r\nX-Answer: 404\r\n\r\n');
  await cpe.exchange(postOf(''));
  assert.deepEqual(ended, []);
  assert.deepEqual(went(), ['A.1', 'A.1', 'A.1']);
});

test("the ACS's close is passed on; the CPE's own leaves the backend connection to wait", async (t) => {
  const { connect, acss, went } = await startTwoAcss(t);
  const first = await connect();
  assert.ok((await first.exchange(postOf(inform('1'), `${cookie}|Connection=close`))).closes);
  await first.closed();
  await until('the backend connection is closed', () => acss[0].open.size === 0);
  const second = await connect();
  assert.ok((await second.exchange(postOf('', 'Cookie: session=one', 'Connection: close'))).closes);
  await second.closed();
  await (await connect()).exchange(postOf('', 'Cookie: session=one'));
  assert.deepEqual(went(), ['A.1', 'A.2', 'A.2']);
});

test('a session that is quiet for too long ends; what its CPE still says goes to the same backend', async (t) => {
  const { connect, acss, ended, went } = await startTwoAcss(t, { sessions: { idleTimeoutMs: 30 } });
  const cpe = await connect();
  await cpe.exchange(postOf(inform('1')));
  await until('the backend connection is closed', () => acss[0].open.size === 0);
  assert.deepEqual(why(ended), ['idle']);
  await cpe.exchange(postOf(''));
  assert.deepEqual(went(), ['A.1', 'A.2']);
});

const patient = inform('1').replace('<soap:Header>', '<soap:Header><cwmp:SessionTimeout>45</cwmp:SessionTimeout>');

for (const [name, body, ...fields] of [
  ['Inform', Buffer.from(patient)],
  ['compressed Inform', gzipSync(patient), 'Content-Encoding: gzip'],
  ['Inform that streams', Buffer.from(patient.replace('<ParameterList>', `<ParameterList>${' '.repeat(100_000)}`))],
] satisfies [string, Buffer, ...string[]][])
  test(`the SessionTimeout of an ${name} raises the quiet time of its session`, async (t) => {
    const { connect, acss } = await startTwoAcss(t, { sessions: { idleTimeoutMs: 30 } });
    const [cpe, other] = [await connect(), await connect()];
    const head = ['POST /acs HTTP/1.1', 'Host: a', ...fields, `Content-Length: ${body.length}`, '', ''];
    await cpe.exchange(Buffer.concat([Buffer.from(head.join('\r\n')), body]));
    await other.exchange(postOf(inform('2')));
    await until('the other session is over', () => acss[1].open.size === 0);
    assert.equal(acss[0].open.size, 1);
  });

test('of many cookies, a new one with every reply, the latest still leads back and the first no longer does', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  const first = await connect();
  for (let reply = 1; reply <= 40; reply += 1) {
    await first.exchange(postOf(reply === 1 ? inform('1') : '<x/>', `X-Answer: 200|Set-Cookie=id=${reply}`));
  }
  await first.close();
  const before = went().length;
  // Round robin would have the next session on B.
  await (await connect()).exchange(postOf('', 'Cookie: id=40'));
  assert.equal(went().length, before + 1);
  assert.ok(went().every((place) => place === 'A.1'));
  await (await connect()).exchange(postOf('', 'Cookie: id=1'));
  assert.equal(went().at(-1), 'B.1');
});
