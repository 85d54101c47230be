import { connect } from 'node:net';
import type { Random } from '../random.js';
import { type FuzzAnswer, MalformedAnswer, StrictAnswerReader } from './answer-reader.js';
import { pause, reset } from './fuzz-backend.js';
import type { RequestPlan } from './request-plan.js';

/** What one connection of a CPE does. */
export interface ConnectionPlan {
  startMs: number;
  /** Requests that are sent ahead of their answers, one batch after the answers to the one before. */
  batches: readonly { requests: readonly RequestPlan[]; pieces: readonly Buffer[]; pauseMs: number }[];
  /** How many bytes it sends before it breaks off, and how. */
  cut: { at: number; how: 'fin' | 'rst' | 'destroy' | 'stall' } | undefined;
  reading: 'fast' | 'slow';
  /** How many bytes it reads before it stops reading, and what it does a while later. */
  stop: { at: number; how: 'rst' | 'destroy' | 'goes-on'; ms: number } | undefined;
  leaves: 'fin' | 'rst' | 'destroy';
}

/** What came of a connection. */
export interface ConnectionRecord {
  plan: ConnectionPlan;
  /** All its requests, in order. */
  requests: readonly RequestPlan[];
  /** How many of them were sent whole. */
  sent: number;
  answers: FuzzAnswer[];
  /** What came was not HTTP. */
  malformed: string | undefined;
  /** Bytes of an answer that was not whole. */
  rest: number;
  /** Whether neither an answer nor the end came in all the time there was. */
  forgotten: boolean;
}

/** Maximum wait for an answer or the end of the connection, in milliseconds; far above all timeouts of a round together. */
const patienceMs = 15_000;

/** How long a CPE that stalls keeps its connection, in milliseconds. */
const stallMs = 700;

/** The connection of `batches`; faults are `rarity` times as rare as usual. */
export function planConnection(
  random: Random,
  batches: readonly (readonly RequestPlan[])[],
  rarity: number,
): ConnectionPlan {
  const total = batches.flat().reduce((sum, { bytes }) => sum + bytes.length, 0);
  const cut: NonNullable<ConnectionPlan['cut']> = {
    at: random.int(total + 1),
    how: random.once(12) ? 'stall' : random.pick(['fin', 'rst', 'rst', 'destroy']),
  };
  const stop = {
    at: random.once(2) ? random.int(400) : random.int(100_000),
    how: random.pick(['rst', 'destroy', 'goes-on']),
    ms: random.int(60),
  };
  return {
    startMs: random.int(30),
    batches: batches.map((requests) => ({
      requests,
      pieces: random.split(Buffer.concat(requests.map(({ bytes }) => bytes)), random.pick([0, 0, 2, 12])),
      pauseMs: random.pick([0, 0, 1, 4]),
    })),
    cut: random.once(3 * rarity) ? cut : undefined,
    reading: random.once(4) ? 'slow' : 'fast',
    stop: random.once(6 * rarity) ? stop : undefined,
    leaves: random.pick(['fin', 'rst', 'destroy']),
  };
}

/** Runs one connection to its end. */
export async function runConnection(port: number, plan: ConnectionPlan): Promise<ConnectionRecord> {
  const requests = plan.batches.flatMap((batch) => batch.requests);
  const record: ConnectionRecord = {
    plan,
    requests,
    sent: 0,
    answers: [],
    malformed: undefined,
    rest: 0,
    forgotten: false,
  };
  await pause(plan.startMs);
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  const reader = new StrictAnswerReader();
  let wake = (): void => {};
  const state = { received: 0, isOver: false, hasStopped: false };
  const readOn = (ended: boolean): void => {
    try {
      for (;;) {
        const answer = reader.next(requests[record.answers.length]?.method, ended);
        if (answer === undefined) break;
        record.answers.push(answer);
      }
    } catch (error) {
      if (!(error instanceof MalformedAnswer)) throw error;
      record.malformed ??= error.message;
      socket.destroy();
    }
  };
  const stop = plan.stop;
  socket
    .on('data', (chunk: Buffer) => {
      state.received += chunk.length;
      reader.push(chunk);
      readOn(false);
      wake();
      if (stop !== undefined && !state.hasStopped && state.received >= stop.at) {
        state.hasStopped = true;
        socket.pause();
        setTimeout(() => {
          if (stop.how === 'rst') reset(socket);
          else if (stop.how === 'destroy') socket.destroy();
          else socket.resume();
        }, stop.ms);
      } else if (plan.reading === 'slow' && !socket.isPaused()) {
        socket.pause();
        setTimeout(() => socket.resume(), 2);
      }
    })
    .on('end', () => {
      readOn(true);
      socket.end();
      wake();
    })
    .on('error', () => {})
    .on('close', () => {
      state.isOver = true;
      wake();
    });

  const waitFor = async (condition: () => boolean): Promise<void> => {
    const end = performance.now() + patienceMs;
    while (!condition() && !state.isOver) {
      const left = end - performance.now();
      if (left <= 0) {
        record.forgotten = true;
        return;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };

  let written = 0;
  let expected = 0;
  let isCut = false;
  const { cut } = plan;
  for (const batch of plan.batches) {
    for (const piece of batch.pieces) {
      const part = cut === undefined ? piece : piece.subarray(0, Math.max(0, cut.at - written));
      if (socket.destroyed) break;
      if (part.length > 0) socket.write(part);
      written += part.length;
      isCut = part.length < piece.length;
      if (isCut) break;
      if (batch.pieces.length > 1) await pause(batch.pauseMs);
    }
    expected += batch.requests.length;
    if (!isCut) await waitFor(() => record.answers.length >= expected);
    if (isCut || state.isOver || record.forgotten) break;
  }
  let at = 0;
  for (const { bytes } of requests) {
    at += bytes.length;
    if (at <= written) record.sent += 1;
  }
  const how = isCut ? (cut?.how ?? 'fin') : plan.leaves;
  if (how === 'stall') {
    for (let waited = 0; waited < stallMs && !state.isOver; waited += 20) await pause(20);
    socket.destroy();
  } else if (how === 'fin') {
    socket.end();
    socket.resume();
    await waitFor(() => false);
  } else if (how === 'rst') {
    reset(socket);
  } else {
    socket.destroy();
  }
  socket.destroy();
  await waitFor(() => false);
  record.rest = reader.rest.length;
  return record;
}
