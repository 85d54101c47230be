import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wakeCpe } from '@cwmp-proxy/core';
import {
  type Conversation,
  cpeCredentials as credentials,
  field,
  listenRaw,
  ok,
} from '../../helpers/cpe-doubles/conversation.js';
import { openWakes } from '../../helpers/open-wakes.js';

const challenge = (nonce: string): string =>
  `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="CPE", qop="auth", nonce="${nonce}"\r\n` +
  'Content-Length: 0\r\n\r\n';

/** Something that happens once, and waiting for it. */
function event(): { readonly happened: Promise<void>; happen(): void } {
  let happen = (): void => undefined;
  const happened = new Promise<void>((resolve) => {
    happen = resolve;
  });
  return { happened, happen: () => happen() };
}

/*
 * Seen: with 1800 ms a lost SYN failed the wake as unreachable, since a connection was given up at half the time, 100 ms
 * before Linux sends the SYN again. Promise: connecting may take all the time there is.
 */
test('a connection that does not come to stand has all the time, and ends as timeout', async (t) => {
  let connections = 0;
  // A TLS handshake that nobody answers.
  const port = await listenRaw(t, async (talk) => {
    connections += 1;
    await talk.gone();
  });
  const result = await wakeCpe(`https://127.0.0.1:${port}/`, { timeoutMs: 400 });
  assert.equal(result.outcome, 'timeout');
  assert.deepEqual(
    result.legs.map(({ what, error }) => [what, error]),
    [['connect', 'timeout']],
  );
  assert.equal(connections, 1);
});

/*
 * Seen: a CPE that answers in the second half of the time was cut off at its half and asked anew, which took as long.
 * Promise: the second request, for those that lose their first one, takes nothing from the first.
 */
test('a CPE that is slow with its first answer is accepted by it though it was asked a second time', async (t) => {
  const askedTwice = event();
  let requests = 0;
  const port = await listenRaw(t, async (talk) => {
    await talk.head();
    requests += 1;
    if (requests > 1) return askedTwice.happen();
    await askedTwice.happened;
    return talk.write(ok);
  });
  const result = await wakeCpe(`http://127.0.0.1:${port}/`, { timeoutMs: 600 });
  assert.equal(result.outcome, 'accepted', JSON.stringify(result));
  assert.deepEqual(
    result.legs.map(({ what, status, error }) => `${what} ${status ?? error ?? ''}`),
    ['connect ', 'request silent', 'request 200'],
  );
  assert.equal(requests, 2);
});

test('a slow CPE whose only nonce is the one for the second request gets its answer', async (t) => {
  const askedTwice = event();
  const nonces: string[] = [];
  const serve = async (talk: Conversation): Promise<void> => {
    for (let head = await talk.head(); head !== undefined; head = await talk.head()) {
      if (field(head, 'Authorization')?.includes(`nonce="${nonces.at(-1)}"`) === true) {
        talk.write(ok);
        continue;
      }
      const nonce = `n${nonces.length}`;
      nonces.push(nonce);
      if (nonces.length === 2) askedTwice.happen();
      await askedTwice.happened;
      // It never comes to answering the second connection.
      if (nonce !== 'n1') talk.write(challenge(nonce));
    }
  };
  const port = await listenRaw(t, serve);
  const result = await wakeCpe(`http://127.0.0.1:${port}/`, { credentials, timeoutMs: 600 });
  assert.equal(result.outcome, 'accepted', JSON.stringify(result));
});

test('the second request goes on where the CPE drops the silent first one, and a third is not made', async (t) => {
  const askedTwice = event();
  let requests = 0;
  const port = await listenRaw(t, async (talk) => {
    await talk.head();
    requests += 1;
    if (requests > 1) askedTwice.happen();
    await askedTwice.happened;
    talk.close();
  });
  const result = await wakeCpe(`http://127.0.0.1:${port}/`, { timeoutMs: 600 });
  assert.equal(result.outcome, 'protocol-error', JSON.stringify(result));
  assert.equal(requests, 2);
});

/*
 * Seen: a caller with 10 s that joined a wake of one with 1.8 s got the timeout of that one. Promise: a wake goes on while
 * one of its callers has time.
 */
test('a caller that joins a wake brings its own time, and each has a timeout at its own', async (t) => {
  const answer = event();
  const port = await listenRaw(t, async (talk) => {
    await talk.head();
    await answer.happened;
    talk.write(ok);
  });
  const wakes = openWakes(t);
  const url = `http://127.0.0.1:${port}/`;
  const short = wakes.wake(url, { timeoutMs: 40 });
  const long = wakes.wake(url, { timeoutMs: 20_000 });
  assert.equal((await short).outcome, 'timeout');
  // The time of the one that began it is well over.
  await new Promise((resolve) => setTimeout(resolve, 30));
  answer.happen();
  assert.equal((await long).outcome, 'accepted');
});
