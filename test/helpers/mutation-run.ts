import assert from 'node:assert/strict';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { CwmpProxyError, rewriteMessage } from '@cwmp-proxy/core';
import { rewriteEncodedMessage } from '#core/soap/coding/rewrite-body.js';
import { rewriteStages } from '#core/soap/rewrite/rewrite-stages.js';
import { generateMessage } from './message-generator.js';
import { mutate } from './mutate.js';
import { Random } from './random.js';
import { factsOf, faultOfOutput, plainFacts, rewritePieces, rewriteUrl } from './rewriting.js';

/** What a run of mutated messages came to. */
export interface MutationTally {
  messages: number;
  outcomes: Record<string, number>;
  /** Most CPU time that one message took on all paths together. */
  slowestMs: number;
}

function check(bytes: Buffer, seed: number, contentType: string | undefined): string {
  const { body, message } = rewriteMessage(bytes, { rewriteUrl, contentType });
  const output = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  const where = `seed ${seed}`;
  assert.equal(faultOfOutput(bytes.toString('latin1'), output, message), undefined, where);
  const plain = rewritePieces([bytes], contentType, { shortcuts: false });
  const split = rewritePieces(new Random(seed).split(bytes, 5), contentType);
  for (const other of [plain, split]) {
    assert.equal(other.body, output, where);
    assert.deepEqual(other.message.urls, message.urls, where);
    assert.deepEqual([other.message.outcome, other.message.reason], [message.outcome, message.reason], where);
  }
  if (message.reason !== 'utf-16' && bytes.length > 0)
    assert.deepEqual(factsOf(message), plainFacts(bytes, contentType), where);
  return message.outcome;
}

/** Through the codings: a valid body, or one whose compressed bytes are damaged, both held and streamed, with one outcome. */
async function checkCoded(random: Random, bytes: Buffer, seed: number): Promise<void> {
  const coded = random.once(2) ? gzipSync(bytes) : mutate(random, gzipSync(bytes), bytes);
  const options = { rewriteUrl, contentEncoding: random.pick(['gzip', 'deflate', 'br']) };
  const { stages } = rewriteStages(options);
  const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
  const outcomes = await Promise.all(
    [
      async () => rewriteEncodedMessage(coded, options),
      () => pipeline([Readable.from(random.split(coded, 3)), ...stages, sink]),
    ].map((run) => run().then(() => 'passes', codeOf)),
  );
  assert.equal(outcomes[0], outcomes[1], `seed ${seed}`);
}

function codeOf(error: unknown): string {
  assert.ok(error instanceof CwmpProxyError, String(error));
  return error.code;
}

/**
 * Runs `count` mutated messages, from `seed` on, through every path: none throws, the paths agree on bytes and facts, and
 * nothing but reported values has changed. `bases` are mutated besides generated messages.
 */
export async function runMutations(seed: number, count: number, bases: readonly Buffer[]): Promise<MutationTally> {
  const tally: MutationTally = { messages: 0, outcomes: {}, slowestMs: 0 };
  for (let at = seed; at < seed + count; at += 1) {
    const random = new Random(at);
    const generated = generateMessage(random.int(1 << 30));
    const base = bases[random.int(bases.length * 2)] ?? generated.bytes;
    const bytes = mutate(random, base.subarray(0, 20_000), generated.bytes);
    const started = process.cpuUsage();
    const outcome = check(bytes, at, generated.contentType);
    const { user, system } = process.cpuUsage(started);
    tally.slowestMs = Math.max(tally.slowestMs, (user + system) / 1000);
    tally.outcomes[outcome] = (tally.outcomes[outcome] ?? 0) + 1;
    tally.messages += 1;
    if (at % 100 === 0) await checkCoded(random, bytes, at);
  }
  return tally;
}
