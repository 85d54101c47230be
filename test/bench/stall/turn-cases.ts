import { Socket } from 'node:net';
import { BackendPool } from '#core/backends/backend-pool.js';
import { WaitingLine } from '#core/backends/waiting-line.js';
import { FairLimit } from '#core/connection-request/wake/fair-limit.js';
import { FairQueue } from '#core/connection-request/wake/fair-queue.js';
import { InformWatch } from '#core/connection-request/wake/inform-watch.js';
import { CpeDirectory } from '#core/connection-request/cpe-directory.js';
import { KnownAskers } from '#core/connection-request/wake/known-askers.js';
import { parseOrigin } from '#core/connection-request/cpe-url.js';
import { Wakes } from '#core/connection-request/wake/wakes.js';
import type { InformNotice } from '#core/connection-request/result.js';
import { Names } from '#core/names/names.js';
import { SessionTable } from '#core/sessions/session-table.js';
import { operationsCase, type StallCase } from './stall-case.js';

// One event that many wait for: each of them may do something in the turn in which it comes.

/** About what it takes to open a connection, or to write an answer. */
const workMs = 0.1;

function work(): void {
  const until = performance.now() + workMs;
  while (performance.now() < until) {
    // what follows from a call
  }
}

/** A run has `size` wait for something and then lets it come; `isOver` tells when all have gone on. */
function crowdCase(
  name: string,
  sizes: readonly [number, number, number],
  gather: (size: number, goOn: () => void) => () => unknown,
): StallCase {
  return {
    room: 'crowd',
    name,
    sizes,
    countsOperations: true,
    make: (size) => ({
      length: size,
      async run() {
        let gone = 0;
        const release = gather(size, () => {
          gone += 1;
          work();
        });
        // What it takes to come is not what it takes to go on.
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
        void release();
        for (;;) {
          if (gone >= size) break;
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
        }
      },
    }),
  };
}

const sizes = [500, 1_000, 2_000] as const;
const address = (at: number): string => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`;

function openSessions(count: number, onEnd: () => void): () => void {
  const pool = new BackendPool({ onState: () => {}, onShortage: () => {} }, 1, () => {});
  const backend = pool.add({
    url: new URL('http://127.0.0.1:1/acs'),
    weight: 1,
    maxSessions: count,
    tls: {},
    localAddresses: [],
    connectTimeoutMs: 1_000,
    headersTimeoutMs: 1_000,
    bodyTimeoutMs: 1_000,
    health: { maxFailures: 3, ejectMs: 1_000, maxEjectMs: 1_000, probeMs: 1_000 },
  });
  const sessions = new SessionTable(pool, {
    idleTimeoutMs: 60_000,
    graceMs: 60_000,
    maxSessions: 2 * count,
    maxSessionsPerAddress: count,
    byAddress: false,
    onStart: () => {},
    onEnd,
  });
  for (let at = 0; at < count; at += 1) {
    sessions.find({
      socket: new Socket(),
      address: address(at),
      addressGroup: address(at),
      isInform: true,
      device: `d${at}`,
      keys: [],
      answersChallenge: false,
      affinity: undefined,
    });
  }
  return () => {
    if (backend !== undefined) sessions.removeBackend(backend);
  };
}

const crowds: StallCase[] = [
  crowdCase('Informs that wait for a backend', sizes, (size, goOn) => {
    const line = new WaitingLine(size);
    for (let at = 0; at < size; at += 1) void line.wait(address(at), 60_000, new AbortController().signal).then(goOn);
    return () => line.callAll(() => true);
  }),
  crowdCase('sessions of a backend that is removed', sizes, openSessions),
  crowdCase('wakes that wait for CPEs that are silent', sizes, (size, goOn) => {
    let isImpatient = false;
    const limit = new FairLimit({ places: size, placesOfBlock: 512, patienceMs: () => (isImpatient ? -1 : 60_000) });
    const enter = (at: number, start: () => void): void =>
      limit.enter({ block: address(at), lane: 'a', silentSince: 0, start, giveWay: work });
    for (let at = 0; at < size; at += 1) enter(at, () => {});
    return () => {
      for (let at = 0; at < size; at += 1) enter(size + at, goOn);
      isImpatient = true;
    };
  }),
  crowdCase('callers of one wake', sizes, (size, goOn) => {
    const wakes = new Wakes({ policy: { allows: () => false } });
    return () => {
      for (let at = 0; at < size; at += 1) void wakes.wake('http://10.0.0.1:7547/').then(goOn);
    };
  }),
  crowdCase('callers who wait for one Inform', sizes, (size, goOn) => {
    let tell: (inform: InformNotice) => void = () => {};
    const source = (listener: typeof tell): (() => void) => {
      tell = listener;
      return () => {};
    };
    const url = 'http://10.0.0.1:7547/';
    const { key = '' } = parseOrigin(url) ?? {};
    const watch = new InformWatch(source, new CpeDirectory(10, () => {}), false);
    for (let at = 0; at < size; at += 1) watch.listen({ key, device: undefined }, goOn);
    return () => tell({ url, events: ['6 CONNECTION REQUEST'], device: undefined });
  }),
  crowdCase('searches for one name', sizes, (size, goOn) => {
    let answer = (): void => {};
    const names = new Names({
      lookup: (_host, _options, callback) => {
        answer = () => callback(null, '10.0.0.1', 4);
      },
    });
    for (let at = 0; at < size; at += 1) names.ask('cpe.example', { asker: '', onAnswer: goOn });
    return () => answer();
  }),
  crowdCase('requests of an asker that becomes known', sizes, (size, goOn) => {
    const askers = new KnownAskers();
    for (let at = 0; at < size; at += 1) askers.whenKnown('10.0.0.1', () => goOn());
    return () => askers.add('10.0.0.1');
  }),
];

const costs: StallCase[] = [
  operationsCase('crowd', 'CPEs that wait, a network each', [5_000, 10_000, 20_000], (size) => {
    const queue = new FairQueue<{ block: string; lane: string }>();
    for (let at = 0; at < size; at += 1) queue.add({ block: address(at), lane: 'a' }, false);
    return (at) => {
      queue.add({ block: address(size + at), lane: 'a' }, false);
      queue.next(() => true);
    };
  }),
  operationsCase('crowd', 'CPEs that wait, all of one network', [5_000, 10_000, 20_000], (size) => {
    const queue = new FairQueue<{ block: string; lane: string }>();
    for (let at = 0; at < size; at += 1) queue.add({ block: 'a', lane: address(at) }, false);
    return (at) => {
      queue.add({ block: 'a', lane: address(size + at) }, false);
      queue.next(() => true);
    };
  }),
];

export const turnCases: readonly StallCase[] = [...crowds, ...costs];
