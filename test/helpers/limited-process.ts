import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { DescriptorAnswer, DescriptorOrder } from './descriptor-process.js';

/** Starts a proxy in a process that may have so many descriptors. */
export function startLimited(t: TestContext, descriptors: number): ChildProcess {
  const program = fileURLToPath(new URL('../helpers/descriptor-process.js', import.meta.url));
  const child = spawn('sh', ['-c', `ulimit -n ${descriptors}; exec "$0" "$1"`, process.execPath, program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

/** Has the process do something, see {@link DescriptorOrder}. */
export async function order(child: ChildProcess, what: DescriptorOrder): Promise<DescriptorAnswer> {
  const answered: Promise<DescriptorAnswer[]> = once(child, 'message');
  child.send(what);
  const [answer = assert.fail('no answer')] = await answered;
  return answer;
}
