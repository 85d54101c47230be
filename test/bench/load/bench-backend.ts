import type { Figures } from './child-answers.js';
import { ChildProgram } from './child-program.js';

/** The raw backend in its own process, on the core of the load. */
export class BenchBackend {
  readonly #program: ChildProgram;

  private constructor(program: ChildProgram) {
    this.#program = program;
  }

  static async start(): Promise<BenchBackend> {
    return new BenchBackend(await ChildProgram.start({ file: 'raw-backend.js', core: 'load' }));
  }

  get pid(): number {
    return this.#program.pid;
  }

  get port(): number {
    return this.#program.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#program.port}`;
  }

  /** What it has counted so far. */
  counts(): Promise<Figures> {
    return this.#program.ask('counts');
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
