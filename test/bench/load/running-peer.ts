import type { BenchBackend } from './bench-backend.js';
import type { Figures } from './child-answers.js';
import { ChildProgram } from './child-program.js';
import type { Target } from './cpes/cpe-connection.js';
import type { CataloguedPeer } from './peers/catalogue.js';
import { NativePeer } from './peers/native-peer.js';

/** How a peer is started. */
export interface PeerStart {
  backend: BenchBackend;
  tls?: boolean;
  /** Several backends, where that is what is measured; default the one. */
  backends?: readonly string[];
  execArgv?: readonly string[];
}

/** A peer that runs, in a process of its own, on the core of the proxy. */
export class RunningPeer {
  readonly peer: CataloguedPeer;
  readonly target: Target;
  readonly #process: ChildProgram | NativePeer;

  private constructor(peer: CataloguedPeer, target: Target, process: ChildProgram | NativePeer) {
    this.peer = peer;
    this.target = target;
    this.#process = process;
  }

  static async start(
    peer: CataloguedPeer,
    { backend, tls = false, backends, execArgv = [] }: PeerStart,
  ): Promise<RunningPeer> {
    if (peer.native !== undefined) {
      const native = await NativePeer.start(peer.native, backend.port, tls);
      return new RunningPeer(peer, { port: native.port, tls }, native);
    }
    const program = await ChildProgram.start({
      file: 'peers/peer-program.js',
      args: [peer.name, JSON.stringify({ backends: backends ?? [backend.url], tls })],
      core: 'proxy',
      execArgv,
    });
    return new RunningPeer(peer, { port: program.port, tls }, program);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What it holds after a collection of garbage; nothing where the peer is no Node program. */
  memory(): Promise<Figures> {
    return this.#process instanceof ChildProgram ? this.#process.ask('memory') : Promise.resolve({});
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }
}
