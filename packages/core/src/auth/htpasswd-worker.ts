import { parentPort } from 'node:worker_threads';
import { matchesHash } from './basic.js';
import type { HtpasswdAnswer, HtpasswdQuestion } from './htpasswd.js';

parentPort?.on('message', ({ id, hash, password }: HtpasswdQuestion) => {
  let pass = false;
  try {
    pass = matchesHash(hash, password);
  } catch {
    // A hash that cannot be computed matches nothing.
  }
  const answer: HtpasswdAnswer = { id, pass };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(answer);
});
