import type { BenchBackend } from './bench-backend.js';
import type { CataloguedPeer } from './peers/catalogue.js';
import type { Plan } from './plan.js';
import type { RunningPeers } from './running-peers.js';

/** What a workload works with. */
export interface BenchContext {
  plan: Plan;
  /** A backend that nothing else uses meanwhile. */
  backend: BenchBackend;
  /** Peers in front of that backend, with what they have learned in a workload before. */
  running: RunningPeers;
  /** The native peers that are installed. */
  native: readonly CataloguedPeer[];
}
