import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutAffinity } from '#core/sessions/affinity-cookie.js';
import { atEnd } from '../helpers/at-end.js';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { valuesOf } from '../helpers/cpe-clients/raw-answer.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { postOf, recordingAcs } from '../helpers/recording-acs.js';

const sessions = { affinityKey: 'a key of sixteen characters' };

test('a CPE that meets another instance is led to its backend by the cookie', async (t) => {
  const acss = [await recordingAcs(t), await recordingAcs(t), await recordingAcs(t)];
  const backends = acss.map(({ url }) => url);
  const gateways = [await startGateway(t, { backends, sessions }), await startGateway(t, { backends, sessions })];
  for (let count = 0; count < 6; count += 1) {
    const first = await RawConnection.open(gateways[0]?.port ?? 0);
    const [cookie = ''] = valuesOf(await first.exchange(postOf(inform('1'))), 'set-cookie');
    assert.match(cookie, /^cwmp-proxy=[\w-]{22}; Path=\/$/);
    await first.close();
    // Whole, as netcwmp echoes it, beside a cookie of the ACS.
    const second = await RawConnection.open(gateways[1]?.port ?? 0);
    atEnd(t, () => second.close());
    const next = await second.exchange(postOf('', `Cookie: a=b; ${cookie}; Path=/; c=d`));
    assert.equal(next.status, 200);
  }
  for (const { requests } of acss) {
    assert.equal(requests.length, 4);
    const shown = requests.map(({ headers }) => headers['cookie']).filter((value) => value !== undefined);
    assert.deepEqual(shown, ['a=b; c=d', 'a=b; c=d']);
  }
});

test('the cookie of the last session does not hold the next one, and a forged one leads nowhere', async (t) => {
  const acss = [await recordingAcs(t), await recordingAcs(t)];
  const { port } = await startGateway(t, { backends: acss.map(({ url }) => url), sessions });
  let cookie = `cwmp-proxy=${'A'.repeat(22)}`;
  for (let count = 0; count < 4; count += 1) {
    const cpe = await RawConnection.open(port);
    [cookie = ''] = valuesOf(await cpe.exchange(postOf(inform('1'), `Cookie: ${cookie}`)), 'set-cookie');
    const second = await cpe.exchange(postOf('', 'X-Answer: 204'));
    assert.deepEqual(valuesOf(second, 'set-cookie'), []);
    await cpe.close();
  }
  assert.deepEqual(
    acss.map(({ requests }) => requests.length),
    [4, 4],
  );
});

const cookies: [string, string | undefined][] = [
  ['a=b; c=d', 'a=b; c=d'],
  ['cwmp-proxy=abc', undefined],
  ['a=b; cwmp-proxy=abc', 'a=b'],
  ['cwmp-proxy=abc; a=b', 'a=b'],
  ['cwmp-proxy=abc; Path=/, session=x;path=/', 'session=x;path=/'],
  ['session=x;path=/; cwmp-proxy="abc"; path=/; HttpOnly', 'session=x;path=/'],
  ['$Version="1"; cwmp-proxy="abc"; $Path="/"; b="c"; $Path="/"', '$Version="1"; b="c"; $Path="/"'],
  ['xcwmp-proxy=abc', 'xcwmp-proxy=abc'],
];

for (const [sent, left] of cookies) {
  test(`of Cookie: ${sent} the backend gets ${left ?? 'nothing'}`, () => assert.equal(withoutAffinity(sent), left));
}
