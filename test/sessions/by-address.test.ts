import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionEndEvent } from '@cwmp-proxy/core';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { postOf } from '../helpers/recording-acs.js';
import { startTwoAcss, type TwoAcss } from '../helpers/two-acss.js';
import { until } from '../helpers/until.js';

// CPEs that keep no cookies and open a connection for each message met another backend each time. `recogniseBy: ['address']`
// recognises them where there is no NAT; where there is one after all, no CPE may get into the session of another.

const sessions = { recogniseBy: ['address'] as const };
const why = (ended: SessionEndEvent[]): string[] => ended.map((event) => event.why);

/** One message on a connection of its own. */
async function post(
  { connect }: TwoAcss,
  body: string,
  fields: string[] = [],
  localAddress = '127.0.0.2',
): Promise<void> {
  const cpe = await connect({ localAddress });
  await cpe.exchange(postOf(body, ...fields));
  await cpe.close();
}

test('a CPE without cookies that opens a connection for each message keeps its backend connection', async (t) => {
  const acss = await startTwoAcss(t, { sessions });
  for (let count = 0; count < 3; count += 1) {
    await post(acss, inform('1'));
    await post(acss, '');
    await post(acss, '<r/>');
    await post(acss, '<r/>', ['X-Answer: 204']);
  }
  assert.deepEqual(acss.went(), [
    ...Array<string>(4).fill('A.1'),
    ...Array<string>(4).fill('A.2'),
    ...Array<string>(4).fill('B.1'),
  ]);
  assert.deepEqual(why(acss.ended), ['complete', 'complete', 'complete']);
});

test('it is not recognised by default', async (t) => {
  const acss = await startTwoAcss(t);
  await post(acss, inform('1'));
  await post(acss, '');
  assert.deepEqual(acss.went(), ['A.1', 'B.1']);
});

test('CPEs at different addresses are told from each other', async (t) => {
  const acss = await startTwoAcss(t, { sessions });
  const addresses = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
  for (const [index, address] of addresses.entries()) await post(acss, inform(String(index)), [], address);
  for (const address of addresses) await post(acss, '', [`X-From: ${address}`], address);
  assert.deepEqual(acss.went(), ['A.1', 'A.2', 'A.1', 'A.2', 'B.1', 'B.1']);
});

test('an Inform that comes again after a 401 is put back, one that starts over meets the same backend', async (t) => {
  const acss = await startTwoAcss(t, { sessions });
  await post(acss, inform('1'), ['X-Answer: 401|WWW-Authenticate=Basic realm="a"']);
  await post(acss, inform('1'), ['Authorization: Basic YTpi']);
  await post(acss, inform('1'), ['Authorization: Basic YTpi']);
  assert.deepEqual(acss.went(), ['A.1', 'A.1', 'A.2']);
  assert.deepEqual(why(acss.ended), ['superseded']);
});

test('after the grace it meets the same backend on a new connection', async (t) => {
  const acss = await startTwoAcss(t, { sessions: { ...sessions, graceMs: 20 } });
  await post(acss, inform('1'));
  await until('the grace is over', () => acss.ended.length === 1);
  await post(acss, '');
  assert.deepEqual(acss.went(), ['A.1', 'A.2']);
});

test('a cookie or a nonce is proof before the address is', async (t) => {
  const acss = await startTwoAcss(t, { sessions });
  await post(acss, inform('1'), ['X-Answer: 200|Set-Cookie=id=1']);
  await post(acss, '', ['Cookie: id=1']);
  // Another CPE, which shows what the first one was not given.
  await post(acss, '', ['Cookie: id=2']);
  // The first one, which keeps no cookies.
  await post(acss, '');
  assert.deepEqual(acss.went(), ['A.1', 'A.1', 'A.1', 'B.1']);
});

test('an address is out of use once an Inform from it names another device', async (t) => {
  const acss = await startTwoAcss(t, { sessions });
  await post(acss, inform('1'));
  await post(acss, inform('2'));
  await post(acss, '', ['X-Answer: 200|empty']);
  await post(acss, '', ['X-Answer: 200|empty']);
  // Of the sessions of both Informs none went on.
  const places = acss.went();
  assert.equal(places.length, 4);
  assert.equal(new Set(places).size, 4);
  // And so are later sessions, of either device.
  await post(acss, inform('1'));
  await post(acss, '');
  assert.equal(new Set(acss.went()).size, 6);
});

test('an address is out of use once an Inform from it names no device that can be read', async (t) => {
  const acss = await startTwoAcss(t, { sessions });
  await post(acss, inform('1'));
  await post(acss, inform('1').replace('<SerialNumber>1</SerialNumber>', ''));
  await post(acss, '');
  assert.equal(new Set(acss.went()).size, 3);
});

test('an address is out of use once two of its connections are open', async (t) => {
  const acss = await startTwoAcss(t, { sessions });
  const localAddress = '127.0.0.2';
  await post(acss, inform('1'));
  const second = await acss.connect({ localAddress });
  const third = await acss.connect({ localAddress });
  await second.exchange(postOf(''));
  await third.exchange(postOf(''));
  await second.close();
  await third.close();
  await post(acss, '');
  assert.deepEqual(acss.went(), ['A.1', 'A.1', 'A.2', 'B.1']);
});

test('the connection of a session that has ended counts as one of two', async (t) => {
  const acss = await startTwoAcss(t, { sessions });
  const localAddress = '127.0.0.2';
  const first = await acss.connect({ localAddress });
  await first.exchange(postOf(inform('1')));
  await first.exchange(postOf('', 'X-Answer: 204'));
  await post(acss, inform('1'));
  await post(acss, '');
  assert.equal(new Set(acss.went()).size, 3);
});
