import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { startGateway } from '../helpers/gateway.js';
import { answerOf, rawBackend } from '../helpers/raw-backend.js';
import { postOf } from '../helpers/recording-acs.js';
import { startTwoAcss, type TwoAcss } from '../helpers/two-acss.js';
import { until } from '../helpers/until.js';
import { atEnd } from '../helpers/at-end.js';

// ACSs whose cookie is a function of the device, so that each session of a device has the same one. Seen: from the second session
// on each was split, because the table took its own memory of the last session for a second CPE. The DeviceId of the Inform tells
// one CPE that comes again from two.

const own = 'X-Answer: 200|Set-Cookie=id=of-device-1';
const shown = 'Cookie: id=of-device-1';

interface Visit {
  localAddress?: string;
  /** What the CPE has kept from its last session. */
  kept?: string[];
}

/** A session of device 1 with a connection for each message. */
async function session({ connect }: TwoAcss, { localAddress = '127.0.0.1', kept = [] }: Visit = {}): Promise<void> {
  const posts: [string, ...string[]][] = [
    [inform('1'), ...kept, own],
    ['', shown],
    ['<r/>', shown],
    ['<r/>', shown, 'X-Answer: 204'],
  ];
  for (const [body, ...fields] of posts) {
    const cpe = await connect({ localAddress });
    await cpe.exchange(postOf(body, ...fields));
    await cpe.close();
  }
}

const visits: [string, Visit[]][] = [
  ['that forgets its cookies', [{}, {}, {}, {}]],
  ['that keeps its cookies', [{}, { kept: [shown] }, { kept: [shown] }, { kept: [shown] }]],
  [
    'that has a new address each time',
    [{}, { localAddress: '127.0.0.2' }, { localAddress: '127.0.0.3' }, { localAddress: '127.0.0.2' }],
  ],
  [
    'that has a new address each time, and keeps its cookies',
    [{}, { localAddress: '127.0.0.2', kept: [shown] }, { localAddress: '127.0.0.3', kept: [shown] }],
  ],
];

for (const [which, each] of visits) {
  test(`every session of a CPE ${which} stays whole where its cookie is a function of the device`, async (t) => {
    const acss = await startTwoAcss(t);
    for (const visit of each) await session(acss, visit);
    const sessions = new Map<string, number>();
    for (const place of acss.went()) sessions.set(place, (sessions.get(place) ?? 0) + 1);
    assert.deepEqual(
      [...sessions.values()],
      each.map(() => 4),
    );
  });
}

test('a new session of a device takes its cookie over from one whose connection still seems to stand', async (t) => {
  const { connect, went, ended } = await startTwoAcss(t);
  // The CPE lost its power; nobody was told.
  await (await connect()).exchange(postOf(inform('1'), own));
  const second = await connect();
  await second.exchange(postOf(inform('1'), own));
  await second.close();
  await (await connect()).exchange(postOf('', shown));
  assert.deepEqual(went(), ['A.1', 'B.1', 'B.1']);
  assert.deepEqual(ended, []);
});

test('an unproven claim to be a device takes no cookie away from a session of it', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1'), own));
  const claim = 'X-Answer: 401|Set-Cookie=id=of-device-1|WWW-Authenticate=Basic realm="a"';
  await (await connect({ localAddress: '127.0.0.2' })).exchange(postOf(inform('1'), claim));
  await first.close();
  await (await connect()).exchange(postOf('', shown));
  assert.deepEqual(went(), ['A.1', 'A.1', 'B.1']);
});

test('two CPEs that have kept a cookie in common, behind one address, are not taken for one', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1'), own));
  await first.exchange(postOf('', shown, 'X-Answer: 204'));
  await first.close();
  const second = await connect();
  await second.exchange(postOf(inform('2'), shown, own));
  await second.close();
  // The first one, or a third: nobody can tell.
  await (await connect()).exchange(postOf('<r/>', shown));
  assert.deepEqual(went(), ['A.1', 'A.1', 'A.2', 'B.1']);
});

test('an Inform with credentials joins no challenged session of another device', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1'), 'X-Answer: 401|Set-Cookie=SERVERID=a|WWW-Authenticate=Basic realm="a"'));
  await first.close();
  await (await connect()).exchange(postOf(inform('2'), 'Cookie: SERVERID=a', 'Authorization: Basic YTpi'));
  assert.deepEqual(went(), ['A.1', 'A.2']);
});

test('a cookie that is shown and given at another address stays with the CPE that has it', async (t) => {
  const { connect, went } = await startTwoAcss(t);
  const first = await connect();
  await first.exchange(postOf(inform('1'), own));
  await first.close();
  await (await connect({ localAddress: '127.0.0.2' })).exchange(postOf('', shown, own));
  await (await connect()).exchange(postOf('', shown));
  assert.deepEqual(went(), ['A.1', 'A.2', 'A.1']);
});

test('a late answer on the connection that a CPE has left takes its cookie to nowhere', async (t) => {
  let answerLate: (() => void) | undefined;
  const answer = answerOf('answer', 'Set-Cookie: id=of-device-1');
  const acs = await rawBackend(t, (socket, request) => {
    if (request.includes('late')) answerLate = () => socket.write(answer);
    else socket.write(answer);
  });
  const { port } = await startGateway(t, { backends: [acs.url] });
  const connect = async (): Promise<RawConnection> => {
    const cpe = await RawConnection.open(port);
    atEnd(t, () => cpe.close());
    return cpe;
  };
  const first = await connect();
  await first.exchange(postOf(inform('1')));
  first.write(postOf('late', shown));
  await until('it is under way', () => answerLate !== undefined);
  const second = await connect();
  await second.exchange(postOf('second', shown));
  answerLate?.();
  await first.answer();
  await second.close();
  await (await connect()).exchange(postOf('third', shown));
  const connections = acs.received.map((bytes) => bytes.match(/late|second|third/g) ?? []);
  assert.deepEqual(connections, [['late'], ['second', 'third']]);
});
