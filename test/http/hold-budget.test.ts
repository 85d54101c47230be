import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { CwmpProxyError } from '@cwmp-proxy/core';
import type { HeldRoom, Hold } from '#core/http/held-room.js';
import { HoldBudget } from '#core/http/hold-budget.js';
import { until } from '../helpers/until.js';

/** A request of a client at this address, with a body that comes later. */
function requestFrom(address: string): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: address });
  const request = new IncomingMessage(socket);
  request.headers['transfer-encoding'] = 'chunked';
  return request;
}

/**
 * Bodies that ask one budget of 400 bytes for room, and the order in which they got it: 300 are for bodies, 100 of these for
 * answers, 100 for coders.
 */
class Asking {
  readonly budget: HoldBudget;
  readonly got: string[] = [];
  readonly faults: string[] = [];
  readonly holds = new Map<string, Hold>();
  readonly #requests: IncomingMessage[] = [];

  constructor(t: TestContext, waitMs = 30_000) {
    this.budget = new HoldBudget(400, waitMs);
    t.after(() => this.budget.close());
  }

  /** One more body of this address; `name` is what it is known by. */
  async ask(
    name: string,
    address: string,
    bytes: number,
    room: HeldRoom = this.budget.bodies,
  ): Promise<IncomingMessage> {
    const request = requestFrom(address);
    this.#requests.push(request);
    room.take(request, bytes).then(
      (hold) => {
        this.got.push(name);
        this.holds.set(name, hold);
      },
      (error: unknown) => this.faults.push(error instanceof CwmpProxyError ? `${name} ${error.code}` : String(error)),
    );
    await settled();
    return request;
  }

  async release(...names: string[]): Promise<void> {
    for (const name of names) this.holds.get(name)?.release();
    await settled();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('an address holds no more than it leaves free, so that there is room for the next one', async (t) => {
  const asking = new Asking(t);
  for (let count = 1; count <= 40; count += 1) await asking.ask(`a${count}`, '192.0.2.1', 10);
  assert.equal(asking.got.length, 15);
  await asking.ask('b1', '192.0.2.2', 100);
  await asking.ask('c1', '192.0.2.3', 40);
  assert.deepEqual(asking.got.slice(15), ['b1', 'c1']);
});

test('all addresses of an IPv6 /64 have one share', async (t) => {
  const asking = new Asking(t);
  for (let count = 1; count <= 40; count += 1) await asking.ask(`a${count}`, `2001:db8:1:2::${count}`, 10);
  assert.equal(asking.got.length, 15);
  await asking.ask('b1', '2001:db8:1:3::1', 100);
  assert.deepEqual(asking.got.slice(15), ['b1']);
});

test('while others wait, an address gets no more than a quarter', async (t) => {
  const asking = new Asking(t);
  for (let count = 1; count <= 40; count += 1) await asking.ask(`a${count}`, '192.0.2.1', 10);
  for (let count = 1; count <= 4; count += 1) await asking.ask(`b${count}`, '192.0.2.2', 30);
  assert.deepEqual(asking.got.slice(15), ['b1', 'b2']);
  await asking.release('a1', 'a2', 'a3', 'a4', 'a5');
  assert.deepEqual(asking.got.slice(17), ['b3']);
  // The first address holds a quarter, and gets no more as long as the second one waits.
  assert.equal(asking.budget.bytes, 190);
  await asking.release('b1');
  assert.deepEqual(asking.got.slice(18), ['b4']);
  await asking.release('b2', 'b3');
  assert.deepEqual(asking.got.slice(19), ['a16', 'a17', 'a18']);
});

test('addresses take turns, however many bodies of one wait', async (t) => {
  const asking = new Asking(t);
  await asking.ask('full', '192.0.2.9', 300);
  for (let count = 1; count <= 50; count += 1) await asking.ask(`a${count}`, '192.0.2.1', 10);
  for (let count = 1; count <= 3; count += 1) await asking.ask(`b${count}`, '192.0.2.2', 5);
  for (let count = 1; count <= 3; count += 1) await asking.ask(`c${count}`, '2001:db8::1', 5);
  await asking.release('full');
  assert.deepEqual(asking.got.slice(1, 9), ['a1', 'b1', 'c1', 'a2', 'b2', 'c2', 'a3', 'b3']);
});

test('however many bodies get room at once, all that fit get it', async (t) => {
  const asking = new Asking(t);
  await asking.ask('full', '192.0.2.9', 300);
  for (let count = 1; count <= 250; count += 1) await asking.ask(`a${count}`, `192.0.3.${count}`, 1);
  await asking.release('full');
  await until('all have room', () => asking.got.length === 251);
  assert.equal(asking.budget.bytes, 250);
});

test('a body that is larger than a share goes when its address holds nothing, one that is larger than all goes alone', async (t) => {
  const asking = new Asking(t);
  await asking.ask('small', '192.0.2.1', 10);
  await asking.ask('large', '192.0.2.2', 290);
  assert.deepEqual(asking.got, ['small', 'large']);
  await asking.ask('huge', '192.0.2.3', 1_000);
  await asking.release('large');
  assert.deepEqual(asking.got, ['small', 'large']);
  await asking.release('small');
  assert.deepEqual(asking.got, ['small', 'large', 'huge']);
});

test('a large body is not passed over for small ones', async (t) => {
  const asking = new Asking(t);
  await asking.ask('first', '192.0.2.1', 200);
  await asking.ask('large', '192.0.2.2', 200);
  await asking.ask('small', '192.0.2.3', 10);
  assert.deepEqual(asking.got, ['first']);
  await asking.release('first');
  assert.deepEqual(asking.got, ['first', 'large', 'small']);
});

test('who waits for too long gets ERR_CWMP_BUSY, and who leaves gives up the place', async (t) => {
  const asking = new Asking(t, 20);
  await asking.ask('full', '192.0.2.9', 300);
  const left = await asking.ask('left', '192.0.2.1', 10);
  left.socket.destroy();
  await until('it has left', () => asking.faults.length === 1);
  for (let count = 1; count <= 150; count += 1) await asking.ask(`late`, '192.0.2.2', 10);
  await until('the time is over', () => asking.faults.length === 151);
  assert.deepEqual(new Set(asking.faults), new Set(['left ERR_CWMP_CPE_GONE', 'late ERR_CWMP_BUSY']));
  await asking.release('full');
  assert.equal(asking.budget.bytes, 0);
});

test('addresses that have their share and wait for more keep nobody busy, and nobody out', async (t) => {
  const asking = new Asking(t);
  for (let count = 1; count <= 100; count += 1) await asking.ask(`a${count}`, `192.0.2.${count}`, 2);
  await asking.ask('full', '192.0.3.1', 97);
  // There are three bytes, and each of them holds two already.
  for (let count = 1; count <= 100; count += 1) await asking.ask(`b${count}`, `192.0.2.${count}`, 2);
  await settled();
  assert.equal(process.getActiveResourcesInfo().includes('Immediate'), false);
  await asking.ask('other', '192.0.3.2', 2);
  await until('it has room', () => asking.got.includes('other'));
  assert.equal(asking.got.length, 102);
});

test('close lets nobody wait', async (t) => {
  const asking = new Asking(t);
  await asking.ask('full', '192.0.2.9', 300);
  for (const name of ['a', 'b', 'c']) await asking.ask(name, `192.0.2.${name.charCodeAt(0)}`, 10);
  await asking.ask('coders', '192.0.2.9', 100, asking.budget.coders);
  await asking.ask('d', '192.0.2.1', 10, asking.budget.coders);
  for (let count = 0; count < 100; count += 1) await asking.ask('e', '192.0.2.2', 10);
  asking.budget.close();
  await until('nobody waits', () => asking.faults.length === 104);
  await asking.ask('late', '192.0.2.1', 10);
  assert.deepEqual(
    [...new Set(asking.faults)].toSorted(),
    ['a', 'b', 'c', 'd', 'e', 'late'].map((name) => `${name} ERR_CWMP_CLOSED`),
  );
});

test('answers hold at most a quarter, and no room that bodies have', async (t) => {
  const asking = new Asking(t);
  const { answers } = asking.budget;
  const first = answers.tryTake(requestFrom('192.0.2.1'), 60);
  assert.equal(first?.tryGrow(101, 1_000), false);
  const second = answers.tryTake(requestFrom('192.0.2.2'), 40);
  assert.notEqual(second, undefined);
  assert.equal(answers.tryTake(requestFrom('192.0.2.3'), 1), undefined);
  second?.release();
  await asking.ask('body', '192.0.2.1', 230);
  assert.equal(answers.tryTake(requestFrom('192.0.2.3'), 11), undefined);
  assert.notEqual(answers.tryTake(requestFrom('192.0.2.3'), 10), undefined);
  await asking.ask('waits', '192.0.2.4', 10);
  assert.deepEqual(asking.got, ['body']);
  first?.release();
  await settled();
  assert.deepEqual(asking.got, ['body', 'waits']);
});

test('coders have room of their own, whatever bodies hold', async (t) => {
  const asking = new Asking(t);
  const { coders } = asking.budget;
  await asking.ask('body', '192.0.2.1', 300);
  await asking.ask('one', '192.0.2.1', 60, coders);
  await asking.ask('two', '192.0.2.2', 60, coders);
  assert.deepEqual(asking.got, ['body', 'one']);
  await asking.release('one');
  assert.deepEqual(asking.got, ['body', 'one', 'two']);
});

test('streams have half of what is for coders, so that bodies that are whole do not wait for them', async (t) => {
  const asking = new Asking(t);
  const { coders, streamCoders } = asking.budget;
  for (let count = 1; count <= 20; count += 1) await asking.ask(`s${count}`, `192.0.2.${count}`, 5, streamCoders);
  assert.equal(asking.got.length, 10);
  for (let count = 1; count <= 20; count += 1) await asking.ask(`w${count}`, `192.0.2.${count}`, 5, coders);
  assert.deepEqual(
    asking.got.slice(10),
    Array.from({ length: 10 }, (_, index) => `w${index + 1}`),
  );
});

test('where bodies have become longer than there is room for, coders work one at a time', async (t) => {
  const asking = new Asking(t);
  const { coders } = asking.budget;
  await asking.ask('body', '192.0.2.1', 300);
  asking.holds.get('body')?.resize(301);
  for (const name of ['one', 'two', 'three']) await asking.ask(name, `192.0.2.${name.length}`, 10, coders);
  assert.deepEqual(asking.got, ['body', 'one']);
  await asking.release('one');
  assert.deepEqual(asking.got, ['body', 'one', 'two']);
  asking.holds.get('body')?.resize(300);
  await settled();
  assert.deepEqual(asking.got, ['body', 'one', 'two', 'three']);
});

test('a body grows by doubling as long as there is room, and leaves as much free', async (t) => {
  const asking = new Asking(t);
  await asking.ask('a', '192.0.2.1', 10);
  const hold = asking.holds.get('a');
  assert.equal(hold?.tryGrow(10, 1_000), true);
  assert.equal(hold.tryGrow(11, 1_000), true);
  assert.equal(asking.budget.bytes, 20);
  assert.equal(hold.tryGrow(100, 100), true);
  assert.equal(hold.tryGrow(101, 100), false);
  assert.equal(hold.tryGrow(151, 1_000), false);
  assert.equal(asking.budget.bytes, 100);
  hold.release();
  assert.equal(asking.budget.bytes, 0);
});

test('what was released takes nothing any more, and is released once', async (t) => {
  const asking = new Asking(t);
  await asking.ask('a', '192.0.2.1', 10);
  await asking.ask('b', '192.0.2.1', 10);
  await asking.release('a', 'a');
  asking.holds.get('a')?.resize(100);
  assert.equal(asking.budget.bytes, 10);
});

test('above half, bodies that come slowly give way until half is free; those that come well stay', async (t) => {
  const asking = new Asking(t);
  const over: string[] = [];
  const speeds: [string, number][] = [
    ['fast', 1e9],
    ['slow', 100],
    ['slower', 10],
    ['slowest', 1],
  ];
  for (const [index, [name, bytes]] of speeds.entries()) {
    await asking.ask(name, `192.0.2.${index}`, 70);
    const hold = asking.holds.get(name);
    assert.ok(hold !== undefined);
    const arrival = asking.budget.arrival([hold], (fault) => over.push(`${name} ${fault.code}`));
    arrival.start();
    arrival.came(bytes);
  }
  await until('some have given way', () => asking.budget.bytes <= 200);
  assert.equal(asking.budget.bytes, 140);
  assert.equal(over.length, 2);
  assert.ok(over.every((fault) => /^slow.* ERR_CWMP_REQUEST_TIMEOUT$/.test(fault)));
});

test('where the coders of streams are few, streams that come slowly give way, however little all hold', async (t) => {
  const asking = new Asking(t);
  const { streamCoders } = asking.budget;
  const over: string[] = [];
  for (let count = 1; count <= 4; count += 1) {
    await asking.ask(`s${count}`, `192.0.2.${count}`, 10, streamCoders);
    const hold = asking.holds.get(`s${count}`);
    assert.ok(hold !== undefined);
    asking.budget.arrival([hold], () => over.push(`s${count}`)).start();
  }
  await until('some have given way', () => asking.budget.bytes <= 25);
  assert.deepEqual([over.length, asking.budget.bytes], [2, 20]);
});

test('a body is not slow because the event loop was busy', async (t) => {
  const asking = new Asking(t);
  const over: string[] = [];
  const come = async (name: string, bytes: number): Promise<void> => {
    await asking.ask(name, `192.0.2.${name.length}`, 140);
    const hold = asking.holds.get(name);
    assert.ok(hold !== undefined);
    const arrival = asking.budget.arrival([hold], () => over.push(name));
    arrival.start();
    // As if it came in the turn after the busy one.
    setTimeout(() => arrival.came(bytes), 1);
  };
  await come('slow', 0);
  await come('comes', 1e9);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(over, []);
  await until('one has given way', () => over.length > 0);
  assert.deepEqual(over, ['slow']);
});

test('a body that nobody takes is not slow', async (t) => {
  const asking = new Asking(t);
  const over: string[] = [];
  for (const [index, name] of ['waits', 'comes'].entries()) {
    await asking.ask(name, `192.0.2.${index}`, 140);
    const hold = asking.holds.get(name);
    assert.ok(hold !== undefined);
    const arrival = asking.budget.arrival([hold], () => over.push(name));
    arrival.start();
    if (name === 'waits') arrival.stop();
  }
  await until('one has given way', () => over.length > 0);
  assert.deepEqual(over, ['comes']);
});

test('while others wait, bodies of an address with more than a quarter give way, however fast they come', async (t) => {
  const asking = new Asking(t);
  const over: string[] = [];
  const come = async (name: string, address: string, bytes: number): Promise<void> => {
    await asking.ask(name, address, bytes);
    const hold = asking.holds.get(name);
    if (hold === undefined) return;
    const arrival = asking.budget.arrival([hold], () => over.push(name));
    arrival.start();
    arrival.came(1e9);
  };
  for (const name of ['a1', 'a2', 'a3']) await come(name, '192.0.2.1', 50);
  await come('b', '192.0.2.2', 50);
  for (const name of ['c1', 'c2']) await come(name, '192.0.2.3', 30);
  assert.deepEqual([asking.got.length, over], [5, []]);
  await until('one has given way', () => over.length > 0);
  await settled();
  assert.deepEqual(over, ['a1']);
  assert.deepEqual(asking.got.slice(5), ['c2']);
});

test('a body that is larger than the share of its address goes on, while others wait too', async (t) => {
  const asking = new Asking(t);
  const over: string[] = [];
  for (const [index, name] of ['large', 'slow'].entries()) {
    await asking.ask(name, `192.0.2.${index}`, 140);
    const hold = asking.holds.get(name);
    assert.ok(hold !== undefined);
    const arrival = asking.budget.arrival([hold], () => over.push(name));
    arrival.start();
    arrival.came(name === 'large' ? 1e9 : 0);
  }
  await asking.ask('waits', '192.0.2.3', 150);
  await until('the slow one has given way', () => asking.got.includes('waits'));
  await asking.ask('waits too', '192.0.2.4', 150);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(over, ['slow']);
});
