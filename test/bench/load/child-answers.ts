import type { Server } from 'node:net';

/** Figures by name; the only thing that programs of the benchmark tell each other. */
export type Figures = Record<string, number>;

/**
 * In a program that a {@link ChildProgram} started: says on which port it listens and answers what it is asked. It ends with
 * the program that started it.
 */
export function answerQuestions(server: Server, answers: Record<string, () => Figures> = {}): void {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the server is not listening on a port');
  const questions: Record<string, () => Figures> = { ready: () => ({ port: address.port }), memory, ...answers };
  process.on('message', (question) => {
    if (typeof question === 'string') process.send?.(questions[question]?.() ?? {});
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ port: address.port });
}

/** What the process holds, after a collection of garbage where the engine offers one. */
function memory(): Figures {
  for (let times = 0; times < 2; times += 1) globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external };
}
