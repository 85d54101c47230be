import { randomBytes } from 'node:crypto';
import { BoundedMap } from '../../bounded-map.js';
import type { InformSource } from './inform-watch.js';
import { PeerClocks } from './peer-clocks.js';
import type { InformNotice, WakeOutcome } from '../result.js';

/**
 * What the instances of a proxy share about wakes: a few short messages and leases, nothing that must last. Redis does it
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

/** Maximum time that the store may take for an answer, in milliseconds: an ACS waits for the wake meanwhile. */
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

/** Maximum number of messages that are known to have come, and of own ones that are told again to who cannot date them. */
const maxKept = 1_000;
const maxRetold = 256;

/** Maximum length of a message that is kept to be told again, in characters. */
const maxRetoldLength = 4_096;

/**
 * What one instance tells the others. All times are those of its own clock, see {@link PeerClocks}.
 *
 * - `inform`: it saw an Inform.
 * - `woken`: a wake has ended; the outcome, if it does for others of the same group.
 * - `waits`: it waits for a CPE that another one has, which gets to know its clock by that.
 * - `missed`: it could not date a message. It is told once more, now that its clock is known.
 */
type News =
  | { readonly inform: InformNotice }
  | { readonly woken: string; readonly group?: string; readonly outcome?: WakeOutcome }
  | { readonly waits: string }
  | { readonly missed: { readonly from: string; readonly id: number } };

/** How old news are, and who tells them. */
interface Envelope {
  readonly from: string;
  /** Equal for two messages only where they are the same. */
  readonly id: number;
  readonly sentAt: number;
  /** When it happened. */
  readonly at: number;
  readonly clocks: Readonly<Record<string, number>>;
}

type Message = Envelope & News;

/** A wake of this instance that waits for its lease, or has it. */
interface FleetWake {
  readonly since: number;
  readonly share: boolean;
  /** Another instance has done with the CPE since the lease was asked for, with an outcome if it does for this one. */
  freed: { readonly outcome: WakeOutcome | undefined } | undefined;
  /** Ends its wait. */
  goOn: (() => void) | undefined;
  /** Keeps the lease that it has. */
  renewal: NodeJS.Timeout | undefined;
}

/** One instance among those that share a {@link WakeStore}. */
export class Instances {
  readonly #id = randomBytes(8).toString('hex');
  readonly #group: string;
  readonly #store: WakeStore;
  /** Until when the store is taken for away, on the clock of `performance.now()`. */
  #awayUntil = 0;
  readonly #onFault: (error: unknown) => void;
  readonly #listeners = new Set<(inform: InformNotice) => void>();
  /** By the key of their origin. */
  readonly #wakes = new Map<string, FleetWake>();
  readonly #clocks = new PeerClocks(this.#id);
  #count = 0;
  /** Messages that have come. A store may deliver one twice. */
  readonly #heard = new BoundedMap<string, true>(maxKept);
  /** Own messages that may have to be told once more, by their id. */
  readonly #told = new BoundedMap<number, { readonly at: number; readonly news: News }>(maxRetold);
  readonly #closing = new AbortController();
  /** Leases that are being given up. */
  readonly #givingUp = new Set<Promise<void>>();
  /** Settles when this instance hears the others, or cannot. */
  #subscribed: Promise<void>;
  #hasFailedToSubscribe = false;
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
    if (!inform.events.includes('6 CONNECTION REQUEST')) return;
    void this.#publish({ inform }, this.#clocks.now() - (inform.ageMs ?? 0));
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
    const wake: FleetWake = { since: this.#clocks.now(), share, freed: undefined, goOn: undefined, renewal: undefined };
    this.#wakes.set(key, wake);
    // Where it has subscribed already there is nothing to wait for, and nothing to learn of the store.
    if (this.#unsubscribe === undefined) await this.#safely(() => this.#subscribeAgain(), undefined);
    while (this.#wakes.get(key) === wake) {
      wake.freed = undefined;
      const left = await this.#safely(() => this.#store.lease(key, maxLeaseMs), 0);
      if (this.#wakes.get(key) !== wake) {
        // Nobody waits for the wake any more; the lease is no use unless the next one of this instance has it now.
        if (left <= 0 && !this.#wakes.has(key)) void this.#safely(() => this.#store.lease(key, 1), 0);
      } else if (left <= 0) {
        const renew = () => void this.#safely(() => this.#store.lease(key, maxLeaseMs), 0);
        wake.renewal = setInterval(renew, renewalMs).unref();
        return undefined;
      } else {
        if (wake.share) void this.#publish({ waits: key });
        // It may have been heard of before the answer of the store.
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
    wake?.goOn?.();
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
    this.#told.clear();
    // Whether or not the store is away: what listens must end.
    this.#awayUntil = 0;
    if (this.#unsubscribe !== undefined) await this.#safely(this.#unsubscribe, undefined);
  }

  /** The lease first: who hears that the CPE is free asks for it at once. */
  async #giveUp(key: string, ms: number, shared: { group?: string; outcome?: WakeOutcome }): Promise<void> {
    const endedAt = this.#clocks.now();
    await this.#safely(() => this.#store.lease(key, ms), 0);
    await this.#publish({ woken: key, ...shared }, endedAt);
  }

  /** One subscription at a time: after one that has failed the next one. */
  #subscribeAgain(): Promise<void> {
    if (this.#hasFailedToSubscribe) {
      this.#hasFailedToSubscribe = false;
      this.#subscribed = this.#subscribe();
    }
    return this.#subscribed;
  }

  async #subscribe(): Promise<void> {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    try {
      const unsubscribe = await this.#store.subscribe((message) => this.#hear(message), signal);
      if (signal.aborted) await unsubscribe();
      else this.#unsubscribe = unsubscribe;
    } catch (error) {
      this.#hasFailedToSubscribe = true;
      this.#fault(error);
    }
  }

  #fault(error: unknown): void {
    // What was asked for and is no longer wanted may fail.
    if (!this.#closing.signal.aborted) this.#onFault(error);
  }

  #hear(text: string): void {
    const message = readMessage(text);
    if (message === undefined || message.from === this.#id || this.#closing.signal.aborted) return;
    const { from, id, sentAt } = message;
    this.#clocks.heard(from, sentAt);
    if ('missed' in message) {
      if (message.missed.from === this.#id) this.#tellAgain(message.missed.id);
      return;
    }
    const name = `${from} ${id}`;
    if ('waits' in message || this.#heard.has(name)) return;
    const at = this.#clocks.read(from, message.at, message.clocks);
    if ('inform' in message) {
      if (this.#listeners.size === 0) return;
      // It may be older than what waits for it, and what nobody can date is not believed.
      if (at === undefined) void this.#publish({ missed: { from, id } });
      else this.#believe(name, { ...message.inform, ageMs: this.#clocks.now() - at });
    } else {
      this.#heard.set(name, true);
      const wake = this.#wakes.get(message.woken);
      const isOurs = message.group === this.#group && answers.has(message.outcome);
      const isNews = wake !== undefined && at !== undefined && at >= wake.since;
      if (wake === undefined) return;
      wake.freed = { outcome: isOurs && isNews ? message.outcome : undefined };
      wake.goOn?.();
    }
  }

  #believe(name: string, inform: InformNotice): void {
    this.#heard.set(name, true);
    for (const listener of this.#listeners) listener(inform);
  }

  /** Tells others of what happened at a time of our clock; by default just now. */
  #publish(news: News, at: number = this.#clocks.now()): Promise<void> {
    const id = (this.#count += 1);
    const text = this.#write(id, at, news);
    if ('inform' in news && text.length <= maxRetoldLength) this.#told.set(id, { at, news });
    return this.#safely(() => this.#store.publish(text), undefined);
  }

  #tellAgain(id: number): void {
    const told = this.#told.get(id);
    if (told === undefined) return;
    void this.#safely(() => this.#store.publish(this.#write(id, told.at, told.news)), undefined);
  }

  #write(id: number, at: number, news: News): string {
    const sentAt = this.#clocks.now();
    const message: Message = { from: this.#id, id, sentAt, at, clocks: this.#clocks.readings(), ...news };
    return JSON.stringify(message);
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
  if (wake.freed !== undefined) return Promise.resolve(wake.freed.outcome);
  return new Promise((resolve) => {
    const goOn = (): void => {
      clearTimeout(timer);
      wake.goOn = undefined;
      resolve(wake.freed?.outcome);
    };
    const timer = setTimeout(goOn, ms);
    wake.goOn = goOn;
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
  if (!isRecord(value) || typeof value['from'] !== 'string') return false;
  const { id, sentAt, at, clocks } = value;
  if (![id, sentAt, at].every(Number.isFinite)) return false;
  if (!isRecord(clocks) || !Object.values(clocks).every(Number.isFinite)) return false;
  if ('missed' in value) {
    const { missed } = value;
    return isRecord(missed) && typeof missed['from'] === 'string' && Number.isFinite(missed['id']);
  }
  if ('inform' in value) return isInform(value['inform']);
  return typeof value['waits'] === 'string' || typeof value['woken'] === 'string';
}

function isInform(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { url, events, device } = value;
  if (typeof url !== 'string' || !Array.isArray(events)) return false;
  return (
    device === undefined || (isRecord(device) && Object.values(device).every((field) => typeof field === 'string'))
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
