import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { InformRewriter, type CwmpMessage } from '@cwmp-proxy/core';
import { chunksOf, type EndlessBody } from './endless-bodies.js';

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
  const before = process.memoryUsage.rss();
  const run = { growth: 0, bytesIn: 0, bytesOut: 0 };
  const source = function* (): Generator<Buffer> {
    for (const chunk of chunksOf(body, bytes)) {
      run.bytesIn += chunk.length;
      run.growth = Math.max(run.growth, process.memoryUsage.rss() - before);
      yield chunk;
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
