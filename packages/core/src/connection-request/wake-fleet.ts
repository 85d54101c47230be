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
  /**
   * Calls the listener with every message from now on. Resolves with a function that ends it.
   *
   * @param signal Aborted when the proxy closes: a subscription that does not stand yet is not wanted any more.
   */
  subscribe(listener: (message: string) => void, signal: AbortSignal): Promise<() => Promise<void>>;
  /**
   * Takes the lease of a name for so many milliseconds from now, be it free or the caller's own: then resolves with 0, else
   * with the milliseconds that somebody else still has it.
   */
  lease(name: string, ms: number): Promise<number>;
}

/** How long a lease lasts that its holder does not renew, in milliseconds: it may have died, and an ACS waits for 2 s (GenieACS). */
const maxLeaseMs = 600;

/** Time between two renewals of a lease, in milliseconds. */
const renewalMs = 200;

/** How long a store that has failed is taken for away, in milliseconds: until then no wake waits for it. */
const awayMs = 5_000;

/** Longest time that the store may take for an answer, in milliseconds: an ACS waits for the wake meanwhile. */
const maxAnswerMs = 300;

/**
 * What a CPE has answered, and would answer others: with these one wake does for the callers of all instances. The rest
 * are of one caller (it left, its time ran out) or of one instance (its way to the CPE, what it knows of the CPE).
 */
const answers: ReadonlySet<unknown> = new Set<WakeOutcome>([
  'accepted',
  'busy',
  'credentials-refused',
  'scheme-unsupported',
  'refused',
]);

/**
 * What one instance tells the others: an Inform it saw, or that a wake has ended, with the outcome if it does for others of the same
 * group.
 */
type Message = { from: string } & ({ inform: InformNotice } | { woken: string; group?: string; outcome?: WakeOutcome });

/** A wake of this instance that waits for its lease, or has it. */
interface FleetWake {
  readonly share: boolean;
  /** Ends its wait: another instance has done with the CPE. */
  freed: ((outcome?: WakeOutcome) => void) | undefined;
  /** Keeps the lease that it has. */
  renewal: NodeJS.Timeout | undefined;
}

/** One instance among those that share a {@link WakeStore}. */
export class WakeFleet {
  readonly #id = randomBytes(8).toString('hex');
  readonly #group: string;
  readonly #store: WakeStore;
  /** Until when the store is taken for away, on the clock of `performance.now()`. */
  #awayUntil = 0;
  readonly #onFault: (error: unknown) => void;
  readonly #listeners = new Set<(inform: InformNotice) => void>();
  /** By the key of their origin. */
  readonly #wakes = new Map<string, FleetWake>();
  readonly #closing = new AbortController();
  /** Leases that are being given up. */
  readonly #givingUp = new Set<Promise<void>>();
  /** Settles when this instance hears the others, or cannot. */
  readonly #subscribed: Promise<void>;
  /** Ends the subscription once it stands. */
  #unsubscribe: (() => Promise<void>) | undefined;

  /**
   * @param group Equal for instances that would ask a CPE the same thing; only these share outcomes.
   * @param onFault Called when the store fails; wakes go on as if this instance were alone.
   */
  constructor(store: WakeStore, group: string, onFault: (error: unknown) => void) {
    this.#store = store;
    this.#group = group;
    this.#onFault = onFault;
    // Not at once: whoever makes this cannot be told of a fault yet.
    this.#subscribed = Promise.resolve().then(() => this.#subscribe());
  }

  /** Tells the others of an Inform that answers a wake. */
  tell(inform: InformNotice): void {
    if (inform.events.includes('6 CONNECTION REQUEST')) void this.#publish({ from: this.#id, inform });
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
   * Asks for the right to wake a CPE, to be given back with `leave`. Resolves with `undefined` when this instance may; with
   * the outcome when another one has woken it meanwhile.
   *
   * @param share Whether an outcome of another instance will do, and this one's for others: the credentials are the proxy's.
   */
  async enter(key: string, share: boolean): Promise<WakeOutcome | undefined> {
    const wake: FleetWake = { share, freed: undefined, renewal: undefined };
    this.#wakes.set(key, wake);
    // Where it has subscribed already there is nothing to wait for, and nothing to learn of the store.
    if (this.#unsubscribe === undefined) await this.#safely(() => this.#subscribed, undefined);
    while (this.#wakes.get(key) === wake) {
      const left = await this.#safely(() => this.#store.lease(key, maxLeaseMs), 0);
      if (this.#wakes.get(key) !== wake) {
        // Nobody waits for the wake any more; the lease is no use unless the next one of this instance has it now.
        if (left <= 0 && !this.#wakes.has(key)) void this.#safely(() => this.#store.lease(key, 1), 0);
      } else if (left <= 0) {
        const renew = () => void this.#safely(() => this.#store.lease(key, maxLeaseMs), 0);
        wake.renewal = setInterval(renew, renewalMs).unref();
        return undefined;
      } else {
        const outcome = await outcomeElsewhere(wake, left);
        if (outcome !== undefined && share) return outcome;
      }
    }
    return undefined;
  }

  /** The wake that entered has ended, with this outcome or by a fault. @param ms Least time until anybody may wake it again. */
  leave(key: string, outcome: WakeOutcome | undefined, ms: number): void {
    const wake = this.#wakes.get(key);
    this.#wakes.delete(key);
    wake?.freed?.();
    if (wake?.renewal === undefined) return;
    clearInterval(wake.renewal);
    const isShared = outcome !== undefined && wake.share && answers.has(outcome);
    const given = this.#giveUp(key, Math.max(1, ms), isShared ? { group: this.#group, outcome } : {});
    this.#givingUp.add(given);
    void given.finally(() => this.#givingUp.delete(given));
  }

  /**
   * Gives up the leases that it has, and ends the listening. A subscription that does not stand yet is not waited for, and ended if it
   * comes after all.
   */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const key of this.#wakes.keys()) this.leave(key, undefined, 1);
    await Promise.all(this.#givingUp);
    this.#listeners.clear();
    // Whether or not the store is away: what listens must end.
    this.#awayUntil = 0;
    if (this.#unsubscribe !== undefined) await this.#safely(this.#unsubscribe, undefined);
  }

  /** The lease first: who hears that the CPE is free asks for it at once. */
  async #giveUp(key: string, ms: number, shared: { group?: string; outcome?: WakeOutcome }): Promise<void> {
    await this.#safely(() => this.#store.lease(key, ms), 0);
    await this.#publish({ from: this.#id, woken: key, ...shared });
  }

  async #subscribe(): Promise<void> {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    try {
      const unsubscribe = await this.#store.subscribe((message) => this.#hear(message), signal);
      if (signal.aborted) await unsubscribe();
      else this.#unsubscribe = unsubscribe;
    } catch (error) {
      this.#fault(error);
    }
  }

  #fault(error: unknown): void {
    // What was asked for and is no longer wanted may fail.
    if (!this.#closing.signal.aborted) this.#onFault(error);
  }

  #hear(text: string): void {
    const message = readMessage(text);
    if (message === undefined || message.from === this.#id) return;
    if ('inform' in message) for (const listener of this.#listeners) listener(message.inform);
    else {
      const isOurs = message.group === this.#group && answers.has(message.outcome);
      this.#wakes.get(message.woken)?.freed?.(isOurs ? message.outcome : undefined);
    }
  }

  #publish(message: Message): Promise<void> {
    return this.#safely(() => this.#store.publish(JSON.stringify(message)), undefined);
  }

  /** Asks the store, or does without it: while it is taken for away nobody waits for it, but one tries it again now and then. */
  async #safely<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
    const now = performance.now();
    if (now < this.#awayUntil) return otherwise;
    // Those that ask while one tries it do not wait for that.
    if (this.#awayUntil > 0) this.#awayUntil = now + awayMs;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the store does not answer')), maxAnswerMs);
    });
    try {
      const done = await Promise.race([work(), late]);
      this.#awayUntil = 0;
      return done;
    } catch (error) {
      this.#awayUntil = performance.now() + awayMs;
      this.#fault(error);
      return otherwise;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Waits until another instance has done with the CPE, at most so many milliseconds. */
function outcomeElsewhere(wake: FleetWake, ms: number): Promise<WakeOutcome | undefined> {
  return new Promise((resolve) => {
    const freed = (outcome?: WakeOutcome): void => {
      clearTimeout(timer);
      wake.freed = undefined;
      resolve(outcome);
    };
    const timer = setTimeout(freed, ms);
    wake.freed = freed;
  });
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
  if ('woken' in value) return typeof value.woken === 'string';
  const inform = 'inform' in value ? value.inform : undefined;
  if (typeof inform !== 'object' || inform === null) return false;
  return 'url' in inform && typeof inform.url === 'string' && 'events' in inform && Array.isArray(inform.events);
}
