import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { atEnd } from '../helpers/at-end.js';
import { inform } from '../helpers/cpe-clients/cwmp-bodies.js';
import { RawConnection } from '../helpers/cpe-clients/raw-connection.js';
import { type Gateway, startGateway } from '../helpers/gateway.js';
import { answerOf, rawBackend } from '../helpers/raw-backend.js';
import { postOf } from '../helpers/recording-acs.js';
import { until } from '../helpers/until.js';

// A CPE may send a file on the connection of a session that has ended. Such a session was the first to make room for others, so that
// its file was cut, and its backend was told to be drained. What has a request under way is not over.

const file = 'PUT /file HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc';

interface Scene extends Gateway {
  url: string;
  /** A CPE whose file is on its way to the backend, on a session that has ended. */
  cpe: RawConnection;
  /** Has the backend answer. */
  finish: () => void;
}

async function fileAfterTheEnd(
  t: TestContext,
  limits: { maxSessionsPerAddress?: number; maxSessions?: number },
): Promise<Scene> {
  let waiting: Socket | undefined;
  const backend = await rawBackend(t, (socket, request) => {
    if (request.startsWith('PUT')) waiting = socket;
    else if (request.includes('refused')) socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    else socket.write(answerOf('<r/>'));
  });
  const gateway = await startGateway(t, { backends: [backend.url], limits });
  const cpe = await RawConnection.open(gateway.port);
  atEnd(t, () => cpe.close());
  assert.equal((await cpe.exchange(postOf(inform('1'), 'X-Note: refused'))).status, 403);
  cpe.write(file);
  await until('the file has arrived', () => waiting !== undefined);
  return { ...gateway, url: backend.url, cpe, finish: () => waiting?.write(answerOf('kept')) };
}

for (const [name, limits] of Object.entries({
  'its address': { maxSessionsPerAddress: 2, maxSessions: 100 },
  'the table': { maxSessions: 2, maxSessionsPerAddress: 2 },
})) {
  test(`a session that has ended makes no room in ${name} while its file is under way`, async (t) => {
    const { port, cpe, finish } = await fileAfterTheEnd(t, limits);
    const others: number[] = [];
    for (const serial of ['2', '3']) {
      const other = await RawConnection.open(port);
      atEnd(t, () => other.close());
      others.push((await other.exchange(postOf(inform(serial)))).status);
    }
    assert.deepEqual(others, [200, 503]);
    finish();
    const answer = await cpe.answer('PUT');
    assert.equal(answer.body.toString(), 'kept');
    const next = await RawConnection.open(port);
    atEnd(t, () => next.close());
    assert.equal((await next.exchange(postOf(inform('4')))).status, 200);
  });
}

test('a backend is drained when the last request is over, not when the last session has ended', async (t) => {
  const { proxy, cpe, url, finish } = await fileAfterTheEnd(t, {});
  const states: string[] = [];
  proxy.on('backend', ({ state }) => states.push(state));
  const drained = proxy.backends.drain(url);
  assert.deepEqual(
    proxy.backends.list().map(({ state, inFlight }) => [state, inFlight]),
    [['draining', 1]],
  );
  finish();
  assert.equal((await cpe.answer('PUT')).status, 200);
  await drained;
  assert.deepEqual(states, ['draining', 'drained']);
});
