import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { postOf } from '../helpers/recording-acs.js';
import { startTwoAcss } from '../helpers/two-acss.js';
import { until } from '../helpers/until.js';

// Cookies that an ACS, or what balances before it, gives to all CPEs alike. No message of a CPE may reach the session of
// another by them.

const common = 'X-Answer: 200|Set-Cookie=SERVERID=a';
const shown = 'Cookie: SERVERID=a';

test('a cookie that one CPE had before another is given it leads nobody into the session of that one', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  const earlier = await connect();
  await earlier.exchange(postOf(inform('1'), common));
  await earlier.exchange(postOf('', 'X-Answer: 204'));
  await earlier.close();
  const other = await connect();
  await other.exchange(postOf(inform('2'), common));
  await other.close();
  await (await connect()).exchange(postOf('', shown));
  assert.deepEqual(went(), ['A.1', 'A.1', 'A.2', 'B.1']);
});

test('nor one that a CPE had which was away for too long', async (t) => {
  const { connect, went, ended } = await startTwoAcss(t, { sessions: { graceMs: 20 } });
  const earlier = await connect();
  await earlier.exchange(postOf(inform('1'), common));
  await earlier.close();
  await until('its session is over', () => ended.length === 1);
  await (await connect()).exchange(postOf(inform('2'), common));
  const other = await connect();
  await other.exchange(postOf(inform('3'), common));
  await other.close();
  await (await connect()).exchange(postOf('', shown));
  assert.equal(new Set(went()).size, 4);
});

test('while the connection of a CPE stands, its cookie leads another one to its ACS and no further', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  await (await connect()).exchange(postOf(inform('1'), common));
  await (await connect()).exchange(postOf('', shown));
  assert.deepEqual(went(), ['A.1', 'A.2']);
});

test('an Inform that answers no challenge joins no session that was challenged', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1'), 'X-Answer: 401|Set-Cookie=SERVERID=a|WWW-Authenticate=Basic realm="a"'));
  await first.close();
  await (await connect()).exchange(postOf(inform('2'), shown));
  assert.deepEqual(went(), ['A.1', 'A.2']);
});

test('a CPE that answers a challenge with a cookie alone to be known by is put back', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1'), 'X-Answer: 401|Set-Cookie=id=1|WWW-Authenticate=Basic realm="a"'));
  await first.close();
  await (await connect()).exchange(postOf(inform('1'), 'Cookie: id=1', 'Authorization: Basic YTpi'));
  assert.deepEqual(went(), ['A.1', 'A.1']);
});

test('a cookie shown from another address leads to the same ACS and no further', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1'), 'X-Answer: 200|Set-Cookie=id=1'));
  await first.close();
  await (await connect({ localAddress: '127.0.0.2' })).exchange(postOf('', 'Cookie: id=1'));
  assert.deepEqual(went(), ['A.1', 'A.2']);
});

test('a CPE keeps its cookie when it leaves a connection with a request under way', async (t) => {
  const { connect, went, acss } = await startTwoAcss(t);
  const own = 'X-Answer: 200|Set-Cookie=id=1';
  const first = await connect();
  await first.exchange(postOf(inform('1'), own));
  first.write(postOf('', 'Cookie: id=1', 'X-Answer: none'));
  await until('it is under way', () => acss[0].requests.length === 2);
  const second = await connect();
  await second.exchange(postOf('<r/>', 'Cookie: id=1', own));
  await second.close();
  await (await connect()).exchange(postOf('<r/>', 'Cookie: id=1'));
  assert.deepEqual(went(), ['A.1', 'A.1', 'A.2', 'A.2']);
});

test('a CPE that shows its cookie again in its next session is known by it there too', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  const own = 'X-Answer: 200|Set-Cookie=id=1';
  const first = await connect();
  await first.exchange(postOf(inform('1'), own));
  await first.exchange(postOf('', 'X-Answer: 204'));
  await first.exchange(postOf(inform('1'), 'Cookie: id=1', own));
  await first.close();
  await (await connect()).exchange(postOf('', 'Cookie: id=1'));
  assert.deepEqual(went(), ['A.1', 'A.1', 'B.1', 'B.1']);
});
