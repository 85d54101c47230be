import { parentPort } from 'node:worker_threads';
import { matchesHash } from './basic.js';
import type { HtpasswdQuestion } from './htpasswd.js';

parentPort?.on('message', ({ hash, password }: HtpasswdQuestion) => {
  let pass = false;
  try {
    pass = matchesHash(hash, password);
  } catch {
    // A hash that cannot be computed matches nothing.
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(pass);
});
