import type { BenchBackend } from './bench-backend.js';
import type { CataloguedPeer } from './peers/catalogue.js';
import type { Plan } from './plan.js';

/** What a workload works with. */
export interface BenchContext {
  plan: Plan;
  /** A backend that nothing else uses meanwhile. */
  backend: BenchBackend;
  /** The native peers that are installed. */
  native: readonly CataloguedPeer[];
}
