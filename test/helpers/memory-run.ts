import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { InformRewriter, type CwmpMessage } from '@cwmp-proxy/core';
import { chunksOf, type EndlessBody } from './endless-bodies.js';

setFlagsFromString('--expose-gc');
const gc: unknown = runInNewContext('gc');

/** Collects all garbage now. */
export function collectGarbage(): void {
  if (typeof gc === 'function') gc();
}

/**
 * Resident memory without the chunks that have been sent, as when the collector fetches those is not the rewriter's doing, and
 * without the room that V8 takes for short-lived objects, which from Node 24 on grows to 96 MB whatever is done.
 */
function residentMemory(): number {
  collectGarbage();
  const young = getHeapSpaceStatistics().filter(({ space_name: name }) => name === 'new_space');
  return process.memoryUsage.rss() - young.reduce((sum, space) => sum + space.physical_space_size, 0);
}

const measureEvery = 64;

/** What a long body came to. */
export interface MemoryRun {
  /** Most that resident memory stood above where it was before, in bytes. */
  growth: number;
  bytesIn: number;
  bytesOut: number;
  message: CwmpMessage;
}

/** Streams about `bytes` of a body through the rewriter and watches resident memory. */
export async function runLongBody(body: EndlessBody, bytes: number): Promise<MemoryRun> {
  const rewriter = new InformRewriter({ rewriteUrl: (url) => `${url}rewritten` });
  const before = residentMemory();
  const run = { growth: 0, bytesIn: 0, bytesOut: 0 };
  const source = function* (): Generator<Buffer> {
    let count = 0;
    for (const chunk of chunksOf(body, bytes)) {
      run.bytesIn += chunk.length;
      yield chunk;
      count += 1;
      if (count % measureEvery === 0) run.growth = Math.max(run.growth, residentMemory() - before);
    }
  };
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      run.bytesOut += chunk.length;
      done();
    },
  });
  await pipeline(Readable.from(source(), { objectMode: false }), rewriter, sink);
  return { ...run, message: rewriter.message };
}
