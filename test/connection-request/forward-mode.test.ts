import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CpeDouble, field, ok, startCpe } from '../helpers/cpe-doubles/conversation.js';
import { basic, send, startGate } from '../helpers/gate.js';
import { until } from '../helpers/until.js';

const forwarding = { allow: ['127.0.0.0/8'], access: { modes: ['forward'] as const }, timeoutMs: 20_000 };

/** A CPE that takes one password, and answers an answer when it is told to. */
function heldCpe(): CpeDouble & { users: string[]; release: () => void; isHeld: boolean } {
  let release = (): void => undefined;
  return {
    name: 'answers when it is told to',
    path: '/',
    users: [],
    isHeld: false,
    release: () => release(),
    async serve(talk, cpe) {
      for (let head = await talk.head(); head !== undefined; head = await talk.head()) {
        cpe.requests.push(head);
        const answer = field(head, 'Authorization');
        const user = /username="([^"]*)"/.exec(answer ?? '')?.[1];
        if (user !== undefined) {
          this.users.push(user);
          if (this.isHeld) {
            await new Promise<void>((resolve) => {
              release = resolve;
            });
          }
        }
        if (user === 'right') {
          cpe.woken += 1;
          talk.write(ok);
        } else {
          talk.write('HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\nContent-Length: 0\r\n\r\n');
        }
      }
    },
  };
}

/*
 * Seen: 20 wrong pairs stood in front of the right one at its CPE, 250 ms each, and the ACS had left before its turn. Promise: what
 * this CPE has taken before goes first.
 */
test('a pair that the CPE has taken before does not wait behind those that nobody knows', async (t) => {
  const double = heldCpe();
  const cpe = await startCpe(t, double);
  const gate = await startGate(t, forwarding);
  const ask = (pair: string) => send({ port: gate.port, target: `/client?origin=${cpe.url}`, headers: basic(pair) });
  assert.equal((await ask('right:x')).status, 200);
  double.isHeld = true;
  const wrong = [ask('wrong-1:x')];
  await until('the first is under way', () => double.users.length === 2);
  for (let index = 2; index < 7; index += 1) wrong.push(ask(`wrong-${index}:x`));
  // So that they come before it.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const right = ask('right:x');
  await new Promise((resolve) => setTimeout(resolve, 50));
  double.isHeld = false;
  double.release();
  assert.equal((await right).status, 200);
  assert.deepEqual(double.users.slice(0, 3), ['right', 'wrong-1', 'right']);
  await Promise.all(wrong);
});

/* Seen: each request had a pair of its own, as JavaScript compares objects, so ten equal ones were ten wakes. Promise: as many are one. */
test('requests with equal pairs at the same time share one wake', async (t) => {
  const double = heldCpe();
  const cpe = await startCpe(t, double);
  const gate = await startGate(t, forwarding);
  double.isHeld = true;
  const ids = new Set<string>();
  gate.proxy.on('wake', ({ id }) => ids.add(id));
  const ask = () => send({ port: gate.port, target: `/client?origin=${cpe.url}`, headers: basic('right:x') });
  const all = [ask(), ask(), ask()];
  await until('the CPE is asked', () => double.users.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  double.isHeld = false;
  double.release();
  for (const { status } of await Promise.all(all)) assert.equal(status, 200);
  assert.equal(ids.size, 1);
  assert.equal(cpe.state.requests.length, 2);
});

test('a wake with a pair that nobody knows does not go on without its caller while another waits for the CPE', async (t) => {
  const double = heldCpe();
  const cpe = await startCpe(t, double);
  const gate = await startGate(t, { ...forwarding, timeoutMs: 1_000 });
  const ask = (pair: string) => send({ port: gate.port, target: `/client?origin=${cpe.url}`, headers: basic(pair) });
  const events: unknown[] = [];
  gate.proxy.on('wake', ({ outcome, late }) => events.push([outcome, late]));
  double.isHeld = true;
  assert.equal((await ask('wrong:x')).status, 503);
  assert.deepEqual(double.users, ['wrong']);
  double.isHeld = false;
  assert.equal((await ask('right:x')).status, 200);
  assert.deepEqual(events, [
    ['timeout', undefined],
    ['aborted', true],
    ['accepted', undefined],
  ]);
});
