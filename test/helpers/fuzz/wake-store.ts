import type { WakeStore } from '@cwmp-proxy/core';
import { MemoryStores } from '../memory-stores.js';
import type { Random } from '../random.js';
import { pause } from './fuzz-backend.js';

/** What instances share, by a store that is slow, forgets, says things twice, and comes and goes. */
export class FuzzStores {
  readonly #stores = new MemoryStores();
  readonly #random: Random;
  /** It does as it should from now on. */
  isCalm = false;
  #isAway = false;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Comes and goes until it is calm. */
  async comeAndGo(): Promise<void> {
    while (!this.isCalm) {
      await pause(20 + this.#random.int(200));
      this.#isAway = !this.isCalm && !this.#isAway;
    }
    this.#isAway = false;
  }

  /** The store of one instance. */
  store(holder: string): WakeStore {
    const store = this.#stores.store(holder);
    return {
      publish: async (message) => {
        await this.#delay();
        await store.publish(message);
        if (!this.isCalm && this.#random.once(4)) {
          void pause(this.#random.int(300)).then(() => store.publish(message));
        }
      },
      subscribe: async (listener, signal) => {
        await this.#delay();
        return store.subscribe(listener, signal);
      },
      lease: async (name, ms) => {
        await this.#delay();
        const left = await store.lease(name, ms);
        // Its answer may be lost.
        await this.#delay();
        return left;
      },
    };
  }

  async #delay(): Promise<void> {
    if (this.isCalm) return;
    if (this.#isAway) {
      if (this.#random.once(2)) await pause(this.#random.int(500));
      if (this.#random.once(2)) throw new Error('the store is away');
    } else if (this.#random.once(3)) {
      await pause(this.#random.int(40));
    }
  }
}
