import type { BenchBackend } from './bench-backend.js';
import { type CataloguedPeer, processesOf } from './peers/catalogue.js';
import type { Plan } from './plan.js';
import { RunningPeer } from './running-peer.js';

/** The processes of peers, kept for the next workload: the engine's compilers need more messages than one has the time for. */
export class RunningPeers {
  readonly #backend: BenchBackend;
  readonly #running: RunningPeer[] = [];

  constructor(backend: BenchBackend) {
    this.#backend = backend;
  }

  /** As many processes of each peer as the plan has, those that run already among them. */
  async of(plan: Plan, peers: readonly CataloguedPeer[], tls = false): Promise<RunningPeer[]> {
    const found: RunningPeer[] = [];
    for (const peer of processesOf(peers, plan)) {
      const kept = this.#running.find((one) => one.peer === peer && one.target.tls === tls && !found.includes(one));
      found.push(kept ?? (await this.#start(peer, tls)));
    }
    return found;
  }

  async #start(peer: CataloguedPeer, tls: boolean): Promise<RunningPeer> {
    const running = await RunningPeer.start(peer, { backend: this.#backend, tls });
    this.#running.push(running);
    return running;
  }

  /** Ends them all. */
  async stop(): Promise<void> {
    await Promise.all(this.#running.map((peer) => peer.stop()));
  }
}
