import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCwmpProxy } from '@cwmp-proxy/core';
import { GuessLimiter } from '#core/access/guess-limiter.js';
import { createHtpasswdChecker } from '#core/access/htpasswd.js';
import { Nonces } from '#core/access/nonces.js';
import { rememberVerified } from '#core/access/verified-pairs.js';
import { Spacing } from '#core/connection-request/wake/spacing.js';
import { Wakes } from '#core/connection-request/wake/wakes.js';
import { KeyTable } from '#core/sessions/key-table.js';
import type { Session } from '#core/sessions/session.js';
import { operationsCase, type StallCase } from './stall-case.js';

/** What the table of keys reads of a session. */
function sessionOf(number: number): Session {
  const session = {
    number,
    address: '10.0.0.1',
    device: `d${number}`,
    keys: new Set<string>(),
    backend: { url: 'http://a' },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a whole one opens a connection
  return session as unknown as Session;
}

const sizes = [20_000, 40_000, 80_000] as const;

function writeUsers(count: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'cwmp-proxy-stall-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'htpasswd');
  writeFileSync(path, Array.from({ length: count }, (_, at) => `user${at}:{SHA}${'a'.repeat(27)}=\n`).join(''));
  return path;
}

/** A map alone, each of whose entries is replaced: it grows out of the caches of the processor. */
const bareMap = operationsCase('table', 'a bare Map', sizes, (size) => {
  const map = new Map<string, Session>();
  for (let at = 0; at < size; at += 1) map.set(`k${at}`, sessionOf(at));
  return (at) => {
    const key = `k${at % size}`;
    map.delete(key);
    map.set(key, sessionOf(-at));
  };
});

/** Promises that wait in line, each of which lets the next one go on. */
const bareLine: StallCase = {
  room: 'table',
  name: 'a bare line of promises',
  sizes: [500, 1_000, 2_000],
  countsOperations: true,
  make: (size) => ({
    length: size,
    async run() {
      const turns: (() => void)[] = [];
      let next = 0;
      const wait = async (): Promise<void> => {
        try {
          await new Promise<void>((resolve) => turns.push(resolve));
        } finally {
          turns[(next += 1)]?.();
        }
      };
      const all = Array.from({ length: size }, wait);
      turns[0]?.();
      await Promise.all(all);
    },
  }),
};

const tables: StallCase[] = [
  {
    ...operationsCase('table', 'new keys of sessions, all full', sizes, (size) => {
      const table = new KeyTable({ maxKeys: size, maxKeysPerAddress: size });
      for (let at = 0; at < size; at += 1) table.learn(`k${at}`, sessionOf(at), true, () => []);
      return (at) => table.learn(`n${at}`, sessionOf(at), true, () => []);
    }),
    yardstick: bareMap,
  },
  {
    ...operationsCase('table', 'keys of sessions that begin and end', sizes, (size) => {
      const table = new KeyTable({ maxKeys: size, maxKeysPerAddress: size });
      return (at) => {
        const session = sessionOf(at);
        table.learn(`k${at}`, session, true, () => []);
        if (at % 3 !== 0) table.forget(`k${at}`, session);
      };
    }),
    yardstick: bareMap,
  },
  {
    ...operationsCase('table', 'keys that two CPEs have', sizes, (size) => {
      const table = new KeyTable({ maxKeys: size, maxKeysPerAddress: size });
      for (let at = 0; at < size; at += 1) table.learn(`k${at}`, sessionOf(at), true, () => []);
      return (at) => table.learn(`k${at % size}`, sessionOf(-at), true, () => []);
    }),
    yardstick: bareMap,
  },
  operationsCase('table', 'addresses that guess', [2_500, 5_000, 10_000], (size) => {
    const limiter = new GuessLimiter({ maxAddresses: size });
    for (let at = 0; at < size; at += 1) limiter.failed(`10.0.0.${at}`);
    return (at) => limiter.failed(`10.1.0.${at}`);
  }),
  {
    room: 'table',
    name: 'guesses that wait for each other',
    sizes: [500, 1_000, 2_000],
    countsOperations: true,
    yardstick: bareLine,
    make: (size) => ({
      length: size,
      async run() {
        const limiter = new GuessLimiter();
        const check = async (): Promise<boolean> => false;
        await Promise.all(Array.from({ length: size }, () => limiter.check('10.0.0.1', check, { signal: undefined })));
      },
    }),
  },
  operationsCase('table', 'nonces that are used', [5_000, 10_000, 20_000], (size) => {
    const nonces = new Nonces({ window: 2 ** Math.ceil(Math.log2(size)) });
    return () => nonces.use(nonces.issue(), 1);
  }),
  operationsCase('table', 'pairs that are verified', [1_000, 2_000, 4_000], () => {
    const check = rememberVerified(() => Promise.resolve(true));
    const asker = { group: '10.0.0.1', signal: undefined, isProven: false };
    return (at) => check({ username: `u${at}`, password: 'p' }, asker);
  }),
  operationsCase('table', 'CPEs that were woken', sizes, () => {
    const spacing = new Spacing(3_600_000);
    for (let at = 0; at < 65_536; at += 1) spacing.mark(`k${at}`);
    return (at) => spacing.mark(`n${at}`);
  }),
  operationsCase('table', 'wakes of one CPE with credentials of their own', [1_000, 2_000, 4_000], () => {
    const wakes = new Wakes({ policy: { allows: () => false } });
    const waiting: Promise<unknown>[] = [];
    return (at) => {
      waiting.push(
        wakes.wake('http://cpe.invalid:7547/', { credentials: { username: `u${at}`, password: 'p' }, timeoutMs: 1 }),
      );
      return waiting.length >= 1_000 ? Promise.all(waiting.splice(0)) : undefined;
    };
  }),
];

/** What a host hands in once, when a proxy is made. */
const options: StallCase[] = [
  {
    room: 'options',
    name: 'users of an htpasswd file',
    sizes: [2_500, 5_000, 10_000],
    countsOperations: true,
    make(size) {
      const path = writeUsers(size);
      return { length: size, run: () => createHtpasswdChecker(path, 'htpasswd') };
    },
  },
  {
    room: 'options',
    name: 'certificates that do not end',
    sizes: [16_384, 32_768, 65_536],
    make(size) {
      const ca = '-----BEGIN CERTIFICATE-----'.repeat(size / 27);
      return {
        length: ca.length,
        run() {
          try {
            return createCwmpProxy({
              publicUrl: 'http://a',
              backends: [{ url: 'https://b', tls: { ca } }],
              connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' } },
            });
          } catch (error) {
            return error;
          }
        },
      };
    },
  },
];

export const tableCases: readonly StallCase[] = [...tables, ...options];
