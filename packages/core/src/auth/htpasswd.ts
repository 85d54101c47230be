import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { CwmpProxyError } from '../errors.js';
import type { BasicPair } from './authorization.js';
import type { CredentialChecker } from './basic.js';
import { rememberVerified } from './verified-pairs.js';

/** Checks pairs against an htpasswd file. */
export interface HtpasswdChecker {
  /** Rejects where nobody can tell: the thread could not be started, or too many pairs wait. */
  readonly check: CredentialChecker;
  /** Ends the thread; pairs that are being checked are refused. */
  readonly close: () => Promise<void>;
}

/** What the thread is asked. */
export interface HtpasswdQuestion {
  readonly id: number;
  readonly hash: string;
  readonly password: string;
}

/** What the thread answers. */
export interface HtpasswdAnswer {
  readonly id: number;
  readonly pass: boolean;
}

/** Most pairs that wait for their check. */
const maxWaiting = 64;
/** Longest password that is hashed, in bytes. bcrypt looks at 72, the others at all. */
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
  const waiting = new Map<number, { resolve: (pass: boolean) => void; reject: (fault: unknown) => void }>();
  let worker: Worker | undefined;
  let count = 0;
  let closed = false;

  /** Nobody can tell any more whether the pairs that wait are right; after the end none passes. */
  function stopped(which: Worker, fault: unknown): void {
    if (worker !== which) return;
    worker = undefined;
    for (const { resolve, reject } of waiting.values()) {
      if (closed) resolve(false);
      else reject(fault);
    }
    waiting.clear();
  }

  function start(): Worker {
    const started = new Worker(new URL('./htpasswd-worker.js', import.meta.url));
    started.unref();
    started.on('message', ({ id, pass }: HtpasswdAnswer) => {
      waiting.get(id)?.resolve(pass);
      waiting.delete(id);
      // While nobody waits, the thread keeps no process alive.
      if (waiting.size === 0) started.unref();
    });
    started.on('error', (fault) => stopped(started, fault));
    started.on('exit', (code) => stopped(started, new Error(`the thread that checks passwords ended (${code})`)));
    return started;
  }

  function check({ username, password }: BasicPair): Promise<boolean> {
    const hash = users.get(username);
    if (closed || Buffer.byteLength(password) > maxPasswordBytes) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      if (waiting.size >= maxWaiting) {
        throw new CwmpProxyError('ERR_CWMP_LOCAL_RESOURCES', 'too many passwords wait for their check');
      }
      worker ??= start();
      worker.ref();
      count += 1;
      waiting.set(count, { resolve: (pass) => resolve(pass && hash !== undefined), reject });
      // A name that is not there costs as much as one that is.
      const question: HtpasswdQuestion = { id: count, hash: hash ?? stranger, password };
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage(question);
    });
  }

  return {
    check: rememberVerified(check),
    async close() {
      closed = true;
      await worker?.terminate();
    },
  };
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
