import type { WakeStore } from '@cwmp-proxy/core';

/** What the stores of several instances share within a process. */
export class MemoryStores {
  /** Who has the lease of a name, and until when on the clock of `performance.now()`. */
  readonly leases: Map<string, { readonly holder: string; readonly until: number }> = new Map();
  /** Each time that somebody asked for a lease: `a has it`, `b waits`. */
  readonly asked: string[] = [];
  readonly #listeners = new Set<(message: string) => void>();

  /** The store of one instance. */
  store(holder: string): WakeStore {
    return {
      publish: async (message) => {
        for (const listener of this.#listeners) listener(message);
      },
      subscribe: async (listener) => {
        this.#listeners.add(listener);
        return async () => {
          this.#listeners.delete(listener);
        };
      },
      lease: async (name, ms) => {
        const now = performance.now();
        const lease = this.leases.get(name);
        const left = lease === undefined || lease.holder === holder ? 0 : Math.max(0, lease.until - now);
        if (left === 0) this.leases.set(name, { holder, until: now + ms });
        this.asked.push(`${holder} ${left === 0 ? 'has it' : 'waits'}`);
        return left;
      },
    };
  }
}
