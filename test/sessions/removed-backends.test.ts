import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEnd } from '../helpers/at-end.js';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { postOf, recordingAcs } from '../helpers/recording-acs.js';
import { startTwoAcss } from '../helpers/two-acss.js';
import { until } from '../helpers/until.js';

// What is known of a CPE names its backend. Seen: it held the backend itself, so that one that was removed lived on in it and one
// that was added again in its place was not met.

const cookie = 'X-Answer: 200|Set-Cookie=id=1';
const shown = 'Cookie: id=1';

test('a CPE that was away for too long meets its backend when that was removed and added again meanwhile', async (t) => {
  const { connect, went, acss, ended, proxy } = await startTwoAcss(t, { sessions: { graceMs: 20 } });
  const first = await connect();
  await first.exchange(postOf(inform('1'), cookie));
  await first.close();
  await until('its session is over', () => ended.length === 1);
  proxy.backends.remove(acss[0].url);
  proxy.backends.add(acss[0].url);
  await (await connect()).exchange(postOf('', shown));
  assert.deepEqual(went(), ['A.1', 'A.2']);
});

test('a CPE that was quiet for too long meets its backend when that was removed and added again meanwhile', async (t) => {
  const { connect, went, acss, ended, proxy } = await startTwoAcss(t, { sessions: { idleTimeoutMs: 30 } });
  const cpe = await connect();
  await cpe.exchange(postOf(inform('1')));
  await until('its session is over', () => ended.length === 1);
  proxy.backends.remove(acss[0].url);
  proxy.backends.add(acss[0].url);
  await cpe.exchange(postOf(''));
  assert.deepEqual(went(), ['A.1', 'A.2']);
});

test('a CPE whose backend is gone for good keeps to one other', async (t) => {
  const acss = [await recordingAcs(t), await recordingAcs(t), await recordingAcs(t)];
  const backends = acss.map(({ url }) => url);
  const { port, proxy } = await startGateway(t, { backends, sessions: { graceMs: 20 } });
  let over = 0;
  proxy.on('sessionEnd', () => (over += 1));
  const post = async (body: string, ...fields: string[]): Promise<void> => {
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    await cpe.exchange(postOf(body, ...fields));
    await cpe.close();
    const sessions = over;
    await until('its session is over', () => over > sessions);
  };
  await post(inform('1'), cookie);
  proxy.backends.remove(backends[0] ?? '');
  for (let count = 0; count < 4; count += 1) await post('', shown);
  assert.deepEqual(
    acss.map(({ requests }) => requests.length),
    [1, 4, 0],
  );
});
