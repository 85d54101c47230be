import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Figures } from './child-answers.js';
import { type Core, pin } from './pinning.js';

/** How a program of the benchmark is started. */
export interface ProgramSettings {
  /** File name below `build/test/bench/load`. */
  file: string;
  args?: readonly string[];
  /** Which core it is kept on. */
  core: Core;
  /** More options for node. */
  execArgv?: readonly string[];
}

/** A Node program of the benchmark in a process of its own, which answers questions over its IPC channel. */
export class ChildProgram {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Starts a program; resolves once it listens. */
  static async start({ file, args = [], core, execArgv = [] }: ProgramSettings): Promise<ChildProgram> {
    const path = new URL(file, import.meta.url).pathname;
    const child = fork(path, [...args], {
      execArgv: ['--expose-gc', ...execArgv],
      // Deprecation notes of the peers would drown the tables.
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    pin(child.pid ?? 0, core);
    const { port } = await nextFigures(child, file);
    if (port === undefined) throw new Error(`${file} did not say where it listens`);
    return new ChildProgram(child, port);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Asks one question at a time: `memory`, or one that the program offers itself. */
  ask(question: string): Promise<Figures> {
    const answer = nextFigures(this.#child, question);
    this.#child.send(question);
    return answer;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    // It ends with the channel; a profiler writes its file then.
    this.#child.disconnect();
    const impatience = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(impatience);
  }
}

function nextFigures(child: ChildProcess, what: string): Promise<Figures> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      child.off('exit', onExit);
      resolve(figuresOf(message));
    };
    const onExit = (): void => {
      child.off('message', onMessage);
      reject(new Error(`a program of the benchmark ended too early (${what})`));
    };
    child.once('message', onMessage).once('exit', onExit);
  });
}

function figuresOf(message: unknown): Figures {
  const figures: Figures = {};
  if (typeof message !== 'object' || message === null) return figures;
  for (const [name, value] of Object.entries(message)) if (typeof value === 'number') figures[name] = value;
  return figures;
}
