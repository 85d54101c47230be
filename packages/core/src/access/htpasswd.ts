import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { CwmpProxyError } from '../errors.js';
import type { BasicPair } from '../digest/authorization.js';
import { type Asker, type ExpensiveChecker, rememberVerified } from './verified-pairs.js';

/** Checks pairs against an htpasswd file. */
export interface HtpasswdChecker {
  /** Rejects where nobody can tell: the thread could not be started, or too many pairs wait. */
  readonly check: ExpensiveChecker;
  /** Ends the thread; pairs that are being checked are refused. */
  readonly close: () => Promise<void>;
}

/** What the thread is asked; it answers whether the password has the hash. */
export interface HtpasswdQuestion {
  readonly hash: string;
  readonly password: string;
}

/** Maximum of pairs that wait for their check; of those of one asker. More cannot be told apart for now. */
const maxWaiting = 64;
const maxWaitingOfOne = 16;
/** Maximum length of a password that is hashed, in bytes. bcrypt looks at 72, the others at all. */
const maxPasswordBytes = 1_024;

/** Hashes that http-auth knows and that are no plain text: SHA-1, apr1, bcrypt. */
const knownHash = /^(?:\{SHA\}[\w+/]{27}=|\$apr1\$[\w./]{1,8}\$[\w./]{22}|\$2[aby]\$(?:0[4-9]|1[0-4])\$[\w./]{53})$/;

/**
 * Checks pairs against an htpasswd file, read once. bcrypt takes a tenth of a second of CPU and http-auth computes it
 * synchronously, so it runs on a thread of its own, which starts with the first check and does not keep the process alive; and
 * what has passed is remembered for a minute.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when the file cannot be read or holds anything but bcrypt (cost 4 to 14),
 * apr1 and SHA: http-auth would take what it does not know for a password in plain text.
 */
export function createHtpasswdChecker(path: string, option: string): HtpasswdChecker {
  const users = readUsers(path, option);
  const [stranger = ''] = users.values();
  const queue = new CheckQueue();
  let running: Waiting | undefined;
  let worker: Worker | undefined;
  let closed = false;

  /** Nobody can tell any more whether the pairs that wait are right; after the end none passes. */
  function stopped(which: Worker, fault: unknown): void {
    if (worker !== which) return;
    worker = undefined;
    for (let next = running ?? queue.take(); next !== undefined; next = queue.take()) {
      if (closed) next.settle(false);
      else next.fail(fault);
    }
    running = undefined;
  }

  function start(): Worker {
    const started = new Worker(new URL('./htpasswd-worker.js', import.meta.url));
    started.on('message', (pass: boolean) => {
      running?.settle(pass);
      running = undefined;
      askNext();
    });
    started.on('error', (fault) => stopped(started, fault));
    started.on('exit', (code) => stopped(started, new Error(`the thread that checks passwords ended (${code})`)));
    return started;
  }

  /** Has the thread check one pair at a time, so that whoever leaves meanwhile costs nothing. */
  function askNext(): void {
    if (running !== undefined) return;
    running = queue.take();
    if (running === undefined) {
      // While nobody waits, the thread keeps no process alive.
      worker?.unref();
      return;
    }
    worker ??= start();
    worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    worker.postMessage(running.question);
  }

  async function check({ username, password }: BasicPair, asker: Asker): Promise<boolean> {
    const hash = users.get(username);
    if (closed || Buffer.byteLength(password) > maxPasswordBytes) return false;
    // A name that is not there costs as much as one that is.
    const pass = await new Promise<boolean>((resolve, reject) => {
      queue.add({ question: { hash: hash ?? stranger, password }, settle: resolve, fail: reject }, asker);
      askNext();
    });
    return pass && hash !== undefined;
  }

  return {
    check: rememberVerified(check),
    async close() {
      closed = true;
      await worker?.terminate();
    },
  };
}

/** A pair that waits for its check. */
interface Waiting {
  readonly question: HtpasswdQuestion;
  readonly settle: (pass: boolean) => void;
  readonly fail: (why: unknown) => void;
}

/** Pairs that wait: those that have passed before go first, the others of each asker in turn. */
class CheckQueue {
  readonly #proven = new Set<Waiting>();
  /** By the group of the asker's address; the one that had its turn last stands last. */
  readonly #others = new Map<string, Set<Waiting>>();
  #size = 0;

  /** @throws {@link CwmpProxyError} `ERR_CWMP_USERS_UNAVAILABLE` when too many wait, `ERR_CWMP_CPE_GONE` when the asker has left. */
  add(waiting: Waiting, { group, signal, isProven }: Asker): void {
    if (signal?.aborted === true) throw gone();
    const own = this.#others.get(group) ?? new Set();
    if (!isProven && (this.#size >= maxWaiting || own.size >= maxWaitingOfOne)) {
      throw new CwmpProxyError('ERR_CWMP_USERS_UNAVAILABLE', 'too many checks of passwords wait');
    }
    if (isProven) this.#proven.add(waiting);
    else this.#others.set(group, own.add(waiting));
    this.#size += 1;
    signal?.addEventListener(
      'abort',
      () => {
        if (!this.#delete(waiting, group)) return;
        waiting.fail(gone());
      },
      { once: true },
    );
  }

  take(): Waiting | undefined {
    const [proven] = this.#proven;
    if (proven !== undefined) {
      this.#delete(proven, '');
      return proven;
    }
    for (const [group, own] of this.#others) {
      const [first] = own;
      if (first === undefined) continue;
      this.#delete(first, group);
      if (own.size > 0) {
        this.#others.delete(group);
        this.#others.set(group, own);
      }
      return first;
    }
    return undefined;
  }

  #delete(waiting: Waiting, group: string): boolean {
    const own = this.#others.get(group);
    if (!this.#proven.delete(waiting) && own?.delete(waiting) !== true) return false;
    if (own?.size === 0) this.#others.delete(group);
    this.#size -= 1;
    return true;
  }
}

function gone(): CwmpProxyError {
  return new CwmpProxyError('ERR_CWMP_CPE_GONE', 'who asked has left before its credentials were checked');
}

function readUsers(path: string, option: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CwmpProxyError('ERR_CWMP_OPTION', `${option}: the file cannot be read`, { cause });
  }
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const colon = line.indexOf(':');
    const hash = line.slice(colon + 1).trim();
    if (colon < 1 || !knownHash.test(hash)) {
      throw new CwmpProxyError(
        'ERR_CWMP_OPTION',
        `${option}: line ${index + 1} is no user with a bcrypt (cost 4 to 14), apr1 or SHA hash`,
      );
    }
    // The letter tells which implementation wrote the hash; http-auth knows two of the three, all mean the same.
    users.set(line.slice(0, colon), hash.replace(/^\$2b/, '$2y'));
  }
  if (users.size === 0) throw new CwmpProxyError('ERR_CWMP_OPTION', `${option}: the file holds no user`);
  return users;
}
