import { randomBytes } from 'node:crypto';
import type { InformSource } from './inform-watch.js';
import type { InformNotice, WakeOutcome } from './wake-result.js';

/**
 * What the instances of a fleet share about wakes: a few short messages and leases, nothing that must last. Redis does it
 * (`redisWakeStore` from `@cwmp-proxy/core/redis`); anything else with these three can.
 */
export interface WakeStore {
  /** Sends a message to every instance, this one or not. */
  publish(message: string): Promise<void>;
  /** Calls the listener with every message from now on. Resolves with a function that ends it. */
  subscribe(listener: (message: string) => void): Promise<() => Promise<void>>;
  /**
   * Takes the lease of a name for so many milliseconds. Resolves with 0 when it was free or is the caller's own, else with
   * the milliseconds that somebody else still has it.
   */
  lease(name: string, ms: number): Promise<number>;
}

/** Longest time that a lease is held in which its holder says nothing, in milliseconds: it may have died. */
const maxLeaseMs = 2_000;

/** Longest time that the store may take for an answer, in milliseconds: an ACS waits for the wake meanwhile. */
const maxAnswerMs = 300;

/** What one instance tells the others: an Inform it saw, or how a wake ended. */
type Message = { from: string } & ({ inform: InformNotice } | { woken: string; outcome: WakeOutcome });

/** One instance among those that share a {@link WakeStore}. */
export class WakeFleet {
  readonly #id = randomBytes(8).toString('hex');
  readonly #store: WakeStore;
  readonly #onFault: (error: unknown) => void;
  readonly #listeners = new Set<(inform: InformNotice) => void>();
  /** Wakes that another instance has in hand, by the key of their origin. */
  readonly #elsewhere = new Map<string, Set<(outcome: WakeOutcome) => void>>();
  readonly #held = new Set<string>();
  readonly #subscribed: Promise<(() => Promise<void>) | undefined>;

  /** @param onFault Told when the store fails; wakes go on as if this instance were alone. */
  constructor(store: WakeStore, onFault: (error: unknown) => void) {
    this.#store = store;
    this.#onFault = onFault;
    this.#subscribed = store
      .subscribe((message) => this.#hear(message))
      .catch((error: unknown) => {
        onFault(error);
        return undefined;
      });
  }

  /** Tells the others of an Inform that answers a wake. */
  tell(inform: InformNotice): void {
    if (inform.events.includes('6 CONNECTION REQUEST')) this.#publish({ from: this.#id, inform });
  }

  /** The Informs of all instances: those of a source, which this one sees, and those that the others tell of. */
  informs(own: InformSource): InformSource {
    return (listener) => {
      const stop = own(listener);
      this.#listeners.add(listener);
      return () => {
        stop();
        this.#listeners.delete(listener);
      };
    };
  }

  /**
   * Asks for the right to wake a CPE. Resolves with `undefined` when this instance may; with the outcome when another one
   * has woken it meanwhile.
   *
   * @param share Whether an outcome of another instance will do.
   */
  async enter(key: string, share: boolean): Promise<WakeOutcome | undefined> {
    await this.#safely(this.#subscribed, undefined);
    for (;;) {
      const left = await this.#safely(this.#store.lease(key, maxLeaseMs), 0);
      if (left <= 0) {
        this.#held.add(key);
        return undefined;
      }
      const outcome = await this.#outcomeElsewhere(key, left);
      if (outcome !== undefined && share) return outcome;
    }
  }

  /** This instance has woken the CPE. @param ms Least time until anybody may again. */
  leave(key: string, outcome: WakeOutcome, ms: number): void {
    if (!this.#held.delete(key)) return;
    this.#publish({ from: this.#id, woken: key, outcome });
    void this.#safely(this.#store.lease(key, Math.max(1, ms)), 0);
  }

  /** Ends the listening. */
  async close(): Promise<void> {
    this.#listeners.clear();
    const stop = await this.#safely(this.#subscribed, undefined);
    if (stop !== undefined) await this.#safely(stop(), undefined);
  }

  #outcomeElsewhere(key: string, ms: number): Promise<WakeOutcome | undefined> {
    return new Promise((resolve) => {
      const waiting = this.#elsewhere.get(key) ?? new Set();
      this.#elsewhere.set(key, waiting);
      const settle = (outcome?: WakeOutcome): void => {
        clearTimeout(timer);
        waiting.delete(settle);
        if (waiting.size === 0) this.#elsewhere.delete(key);
        resolve(outcome);
      };
      const timer = setTimeout(settle, ms);
      waiting.add(settle);
    });
  }

  #hear(text: string): void {
    const message = readMessage(text);
    if (message === undefined || message.from === this.#id) return;
    if ('inform' in message) for (const listener of this.#listeners) listener(message.inform);
    else for (const settle of this.#elsewhere.get(message.woken) ?? []) settle(message.outcome);
  }

  #publish(message: Message): void {
    void this.#safely(this.#store.publish(JSON.stringify(message)), undefined);
  }

  async #safely<T>(work: Promise<T>, otherwise: T): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the store does not answer')), maxAnswerMs);
    });
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      this.#onFault(error);
      return otherwise;
    } finally {
      clearTimeout(timer);
    }
  }
}

function readMessage(text: string): Message | undefined {
  try {
    const message: unknown = JSON.parse(text);
    return isMessage(message) ? message : undefined;
  } catch {
    return undefined;
  }
}

function isMessage(value: unknown): value is Message {
  if (typeof value !== 'object' || value === null || !('from' in value)) return false;
  if ('woken' in value) return typeof value.woken === 'string' && 'outcome' in value;
  const inform = 'inform' in value ? value.inform : undefined;
  if (typeof inform !== 'object' || inform === null) return false;
  return 'url' in inform && typeof inform.url === 'string' && 'events' in inform && Array.isArray(inform.events);
}
