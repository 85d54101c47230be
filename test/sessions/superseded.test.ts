import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionEndEvent } from '@cwmp-proxy/core';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { postOf } from '../helpers/recording-acs.js';
import { startTwoAcss } from '../helpers/two-acss.js';
import { until } from '../helpers/until.js';

// An Inform begins a session (TR-069 A6 §3.7.1.4), also on a connection whose session is open. Seen: it went into the old one, with
// all that the old one had learnt. It stays only where the ACS wants it once more: after a 401, a redirect, or fault 8005.

const why = (ended: SessionEndEvent[]): string[] => ended.map((event) => event.why);
const withCookie = '|Set-Cookie=id=1';
const get = (answer: string): string => `GET /file HTTP/1.1\r\nHost: a\r\nX-Answer: ${answer}\r\n\r\n`;

test('an Inform on a connection whose session is open ends that session and begins one on the next backend', async (t) => {
  const { connect, went, ended, acss } = await startTwoAcss(t);
  const cpe = await connect();
  await cpe.exchange(postOf(inform('1')));
  await cpe.exchange(postOf(''));
  await cpe.exchange(postOf(inform('1')));
  assert.deepEqual(why(ended), ['superseded']);
  await until('its backend connection is closed', () => acss[0].open.size === 0);
  await cpe.exchange(postOf(''));
  assert.deepEqual(went(), ['A.1', 'A.1', 'B.1', 'B.1']);
});

test('the empty POST of a session that was superseded ends no other', async (t) => {
  const { connect, ended } = await startTwoAcss(t);
  const cpe = await connect();
  await cpe.exchange(postOf(inform('1')));
  await cpe.exchange(postOf(''));
  await cpe.exchange(postOf(inform('1')));
  await cpe.exchange(postOf('<r/>', 'X-Answer: 204'));
  assert.deepEqual(why(ended), ['superseded']);
  await cpe.exchange(postOf('', 'X-Answer: 204'));
  assert.deepEqual(why(ended), ['superseded', 'complete']);
});

for (const [what, answer] of [
  ['a 401', '401|WWW-Authenticate=Basic realm="a"'],
  ['a 302', '302|Location=/acs'],
  ['a 307', '307|Location=/acs'],
  ['fault 8005', '200|retry'],
] satisfies [string, string][]) {
  const credentials = what === 'a 401' ? ['Authorization: Basic YTpi'] : [];

  test(`an Inform that comes again after ${what} stays in its session`, async (t) => {
    const { connect, went, ended } = await startTwoAcss(t);
    const cpe = await connect();
    await cpe.exchange(postOf(inform('1'), `X-Answer: ${answer}`));
    await cpe.exchange(postOf(inform('1'), ...credentials, `X-Answer: ${answer}`));
    await cpe.exchange(postOf(inform('1'), ...credentials));
    await cpe.exchange(postOf(''));
    assert.deepEqual(went(), ['A.1', 'A.1', 'A.1', 'A.1']);
    assert.deepEqual(ended, []);
  });

  test(`an Inform that comes again after ${what} on a new connection is put back`, async (t) => {
    const { connect, went, ended } = await startTwoAcss(t);
    const first = await connect();
    await first.exchange(postOf(inform('1'), `X-Answer: ${answer}${withCookie}`));
    await first.close();
    await (await connect()).exchange(postOf(inform('1'), 'Cookie: id=1', ...credentials));
    assert.deepEqual(went(), ['A.1', 'A.1']);
    assert.deepEqual(ended, []);
  });

  if (what === 'fault 8005') continue;

  test(`${what} to another message makes no Inform one that comes again`, async (t) => {
    const { connect, went, ended } = await startTwoAcss(t);
    const cpe = await connect();
    await cpe.exchange(postOf(inform('1')));
    await cpe.exchange(postOf('<r/>', `X-Answer: ${answer}`));
    await cpe.exchange(postOf(inform('1'), ...credentials));
    assert.deepEqual(went(), ['A.1', 'A.1', 'B.1']);
    assert.deepEqual(why(ended), ['superseded']);
  });

  test(`an empty POST that was answered by ${what} is still to come`, async (t) => {
    const { connect, ended } = await startTwoAcss(t);
    const cpe = await connect();
    await cpe.exchange(postOf(inform('1')));
    await cpe.exchange(postOf('', `X-Answer: ${answer}`));
    await cpe.exchange(postOf('<r/>', 'X-Answer: 204'));
    assert.deepEqual(ended, []);
    await cpe.exchange(postOf('', 'X-Answer: 204'));
    assert.deepEqual(why(ended), ['complete']);
  });
}

test('a challenge in mid-session lets no later Inform join the session on a new connection', async (t) => {
  const { connect, went, ended } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1'), `X-Answer: 200${withCookie}`));
  await first.exchange(postOf('', 'X-Answer: 401|WWW-Authenticate=Basic realm="a"'));
  await first.close();
  await (await connect()).exchange(postOf(inform('1'), 'Cookie: id=1', 'Authorization: Basic YTpi'));
  assert.deepEqual(went(), ['A.1', 'A.1', 'A.2']);
  assert.deepEqual(why(ended), ['superseded']);
});

test('an empty POST that is challenged opens the session of the Inform behind it', async (t) => {
  const { connect, went, ended } = await startTwoAcss(t);
  const cpe = await connect();
  await cpe.exchange(postOf('', 'X-Answer: 401|WWW-Authenticate=Basic realm="a"'));
  await cpe.exchange(postOf(inform('1'), 'Authorization: Basic YTpi'));
  assert.deepEqual(went(), ['A.1', 'A.1']);
  assert.deepEqual(ended, []);
});

test('a file that is fetched meanwhile changes nothing of where a session stands', async (t) => {
  const { connect, went, ended } = await startTwoAcss(t);
  const cpe = await connect();
  await cpe.exchange(get('200'), 'GET');
  await cpe.exchange(postOf(inform('1'), 'X-Answer: 401|WWW-Authenticate=Basic realm="a"'));
  await cpe.exchange(get('200'), 'GET');
  await cpe.exchange(postOf(inform('1'), 'Authorization: Basic YTpi'));
  assert.deepEqual(ended, []);
  await cpe.exchange(get('401|WWW-Authenticate=Basic realm="files"'), 'GET');
  await cpe.exchange(postOf(inform('1'), 'Authorization: Basic YTpi'));
  assert.deepEqual(went(), ['A.1', 'A.1', 'A.1', 'A.1', 'A.1', 'B.1']);
  assert.deepEqual(why(ended), ['superseded']);
});

test('after a challenge the Inform of another device is none that comes again', async (t) => {
  const { connect, went, ended } = await startTwoAcss(t);
  const cpe = await connect();
  await cpe.exchange(postOf(inform('1'), 'X-Answer: 401|WWW-Authenticate=Basic realm="a"'));
  await cpe.exchange(postOf(inform('2'), 'Authorization: Basic YTpi'));
  assert.deepEqual(went(), ['A.1', 'B.1']);
  assert.deepEqual(why(ended), ['superseded']);
});

test('an Inform that is pipelined behind another one begins a session of its own', async (t) => {
  const { connect, went, ended } = await startTwoAcss(t);
  const cpe = await connect();
  cpe.write(postOf(inform('1')) + postOf(inform('1')));
  await cpe.answer();
  await cpe.answer();
  assert.deepEqual(went(), ['A.1', 'B.1']);
  assert.deepEqual(why(ended), ['superseded']);
});

test('an Inform on a new connection ends the session that its device has left with a request under way', async (t) => {
  const { connect, went, ended, acss } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1'), `X-Answer: 200${withCookie}`));
  first.write(postOf('', 'Cookie: id=1', 'X-Answer: none'));
  await until('it is under way', () => acss[0].requests.length === 2);
  await (await connect()).exchange(postOf(inform('1'), 'Cookie: id=1'));
  assert.deepEqual(why(ended), ['superseded']);
  assert.deepEqual(went(), ['A.1', 'A.1', 'A.2']);
  assert.equal((await first.answer()).status, 503);
});

test('the SessionTimeout of a session does not hold its backend connection once the session has ended', async (t) => {
  const { connect, ended, acss } = await startTwoAcss(t, { sessions: { idleTimeoutMs: 30 } });
  const patient = inform('1').replace('<soap:Header>', '<soap:Header><cwmp:SessionTimeout>3600</cwmp:SessionTimeout>');
  const cpe = await connect();
  await cpe.exchange(postOf(patient));
  await cpe.exchange(postOf('', 'X-Answer: 204'));
  assert.deepEqual(why(ended), ['complete']);
  await until('its backend connection is closed', () => acss[0].open.size === 0);
});
