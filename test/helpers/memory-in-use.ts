import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');

/** Bytes that this process refers to: objects, and the memory of Buffers. */
export function memoryInUse(): number {
  // Memory of Buffers is let go of in the collection behind the one that finds them unused.
  for (let count = 0; count < 2; count += 1) if (typeof collectGarbage === 'function') collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
