import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { DigestChallenge } from '../../digest/digest-challenge.js';
import { BoundedMap } from '../../bounded-map.js';
import { CwmpProxyError } from '../../errors.js';
import { inTurns } from '../../in-turns.js';
import { refuseOption } from '../../option-checks.js';
import { CoolDown } from './cool-down.js';
import { CpeDirectory } from '../cpe-directory.js';
import { pairsFor } from '../credentials.js';
import { InformWatch } from './inform-watch.js';
import { OpenConnections } from '../transports/cpe-connection.js';
import { NameSearch } from '../transports/name-search.js';
import { channelOf, cpeKey, isAddress, isAllowed, type Origin, parseOrigin } from '../cpe-url.js';
import { Names } from '../../names/names.js';
import { ProvenPairs } from '../proven-pairs.js';
import { type StopReason, HttpTransport } from '../transports/http-transport.js';
import { WakeCaller } from './wake-caller.js';
import type { Instances } from './instances.js';
import { type SharedWakeSettings, SharedWake } from './shared-wake.js';
import { WakeLimits } from './wake-limits.js';
import { checkWakesOptions, checkWakeOptions, type WakeOptions, type WakesOptions } from './wake-options.js';
import { WakeRecord } from '../record.js';
import type { WakeOutcome, WakeResult } from '../result.js';

/** A job and the callers that share it. */
interface Shared {
  readonly job: SharedWake;
  readonly calls: Set<WakeCaller>;
  /** When its first caller came. */
  readonly since: number;
  isStarted: boolean;
  readonly trust: Trust;
  /** Names the credentials. */
  readonly pair: string;
  /** It can take no more callers. */
  isOver: boolean;
  /** Until when it goes on though its callers' time was over; nothing as long as that has not come. */
  lateUntil: number | undefined;
  /** For whom it goes on. */
  lateFor: string;
  onUnheard: AcsCall['onUnheard'];
}

/** How a wake ended that went on without a caller, for the one that left. */
interface LateWake {
  readonly told: ToldWake;
  readonly asker: string;
  readonly until: number;
}

/** A result, and what goes with it to those who wait for it inside the proxy. */
export interface ToldWake {
  readonly id: string;
  readonly result: WakeResult;
  readonly challenge: DigestChallenge | undefined;
}

/** Who asks for a wake through the endpoint, and how. */
export interface AcsCall {
  /** The address group that it comes from. Askers take turns at a CPE, and late news is for the one that asked. */
  readonly asker: string;
  /** When its request came, on the clock of `performance.now()`: all of its time begins there. */
  readonly since: number;
  /**
   * Called with how the wake has ended where the asker had left, or its time was over, when the CPE had its credentials already.
   * `aborted` where nobody waited for what the CPE made of them.
   */
  readonly onUnheard?: ((result: WakeResult) => void) | undefined;
}

/** A CPE that can be dialled: where limits are to go by the address, its name was looked up before. */
export interface Located {
  readonly origin: Origin;
  /** The next is for where none before it could be reached. */
  readonly addresses: readonly [string, ...string[]];
  /** Whether the policy has let them through. */
  readonly isChecked: boolean;
  /** What goes there in another way must not share its connections, see {@link channelOf}. */
  readonly channel: string;
  /** The look-up, where there was one. */
  readonly record: WakeRecord | undefined;
}

/** What came of looking for a CPE. */
export type Found =
  | { readonly located: Located }
  | {
      readonly located?: undefined;
      /** How the wake has ended that it was for. */
      readonly told: ToldWake;
    };

/** For whom a CPE is looked for, and how long. */
export interface LocateCall extends AcsCall {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A request of an ACS that is handed on as it is. */
export interface RelayCall extends AcsCall {
  readonly located: Located;
  /** Equal for requests that may share one. */
  readonly name: string;
  /** Whether it answers a challenge that is held. */
  readonly isNext: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called before another address is turned to. Resolves when that may be. */
  readonly onMove: SharedWakeSettings['onMove'];
  readonly attempt: SharedWakeSettings['attempt'];
}

/**
 * Whether a wake goes before others at its CPE: the credentials are the `host`'s own; or a `pair` of the asker's, where this CPE has
 * taken it before; or there are `none`.
 */
type Trust = 'host' | 'pair' | 'none';

/** What {@link Wakes} makes of a call. */
interface Ask {
  /** Equal for calls that may share one request. */
  readonly name: string;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly waitForInformMs: number;
  readonly signal: AbortSignal | undefined;
  readonly from: AcsCall | undefined;
  /** Where the CPE is, where that was looked up before. */
  readonly located: Located | undefined;
  /** Whether the name of the CPE makes a difference: calls for others share nothing with it. */
  readonly isByName: boolean;
  readonly isNext: boolean;
  readonly onMove: SharedWakeSettings['onMove'];
  readonly trust: Trust;
  /** The other instances, where they are to know. */
  readonly instances: Instances | undefined;
  /** Whether all is as the proxy does it by itself. */
  readonly isOwn: boolean;
  readonly attemptAt: (origin: Origin) => SharedWakeSettings['attempt'];
}

/** What a CPE has answered; the rest says nothing about the next wake. */
const answers: ReadonlySet<WakeOutcome> = new Set([
  'accepted',
  'busy',
  'credentials-refused',
  'scheme-unsupported',
  'refused',
]);

/** How long a wake goes on, at most, whose CPE was about to answer when the time of its last caller ended, in milliseconds. */
const lateMs = 10_000;

/** Maximum number of late outcomes that are kept for those who asked. */
const maxLate = 1_000;

/** Equal for what gets to a CPE in the same way: over connections that may be shared, and to the same addresses where it is not at the first. */
function wayTo({ channel, addresses }: Located): string {
  return addresses.length === 1 ? channel : `${channel} ${addresses.join(' ')}`;
}

/** The lease of a CPE. Instances of several versions may run at once: the name must stay. */
function leaseOf(cpe: string): string {
  return `http ${cpe}`;
}

/**
 * All wakes of a proxy. Calls for one CPE at the same time share one request; a CPE gets one request at a time, with a
 * least time between two; so many are under way at once and the others take turns.
 */
export class Wakes {
  readonly #options: WakesOptions;
  readonly #informs: InformWatch | undefined;
  readonly #limits: WakeLimits;
  readonly #coolDown: CoolDown;
  readonly #strangers: CoolDown;
  readonly #pairs = new ProvenPairs();
  /** Jobs that can take callers, by their CPE, then by name. */
  readonly #jobs = new Map<string, Map<string, Shared>>();
  readonly #calls = new Set<WakeCaller>();
  readonly #searches = new Set<NameSearch>();
  /** The oldest first. */
  readonly #late = new BoundedMap<string, LateWake>(maxLate);
  readonly #connections = new OpenConnections();
  readonly #names: Names;
  readonly #idPrefix = randomBytes(4).toString('hex');
  #count = 0;
  #closed = false;

  /** @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when an option is wrong. */
  constructor(options: WakesOptions = {}) {
    checkWakesOptions(options);
    this.#options = options;
    const { onInform } = options;
    if (onInform !== undefined) {
      const directory = new CpeDirectory(options.maxDevices ?? 100_000, (origin) => options.onCollision?.(origin));
      this.#informs = new InformWatch(onInform, directory, typeof options.credentials === 'function');
    }
    this.#limits = new WakeLimits(options.limits);
    const { lookup, onLookupFault } = options;
    this.#names = new Names({ lookup, onFault: onLookupFault, limit: this.#limits.lookups });
    this.#coolDown = new CoolDown(options.spacingMs ?? 250);
    this.#strangers = new CoolDown(options.spacingMs ?? 250);
  }

  /**
   * Wakes the CPE at this ConnectionRequestURL. Whatever the CPE does is told by the result; it rejects with a
   * {@link CwmpProxyError} only: `ERR_CWMP_OPTION` for a wrong option, `ERR_CWMP_INTERNAL` for a fault. An origin that is not a
   * usable URL has come from a CPE too, so it is an outcome (`bad-origin`).
   */
  wake(
    origin: string,
    options: WakeOptions = {},
    from?: AcsCall & { readonly isForwarded: boolean; readonly located?: Located },
  ): Promise<WakeResult> {
    return new Promise((resolve, reject) => {
      checkWakeOptions(options);
      if (typeof origin !== 'string') refuseOption('origin', 'expected a URL');
      const waitForInformMs = options.waitForInformMs ?? 0;
      if (waitForInformMs > 0 && this.#informs === undefined)
        refuseOption('onInform', 'expected a function, for waitForInformMs');
      const defaults = this.#options;
      const credentials = options.credentials ?? defaults.credentials;
      const allowBasic = options.allowBasic ?? defaults.allowBasic ?? false;
      const preferredAlgorithm = options.preferredAlgorithm ?? defaults.preferredAlgorithm;
      const isOwn =
        credentials === defaults.credentials &&
        allowBasic === (defaults.allowBasic ?? false) &&
        preferredAlgorithm === defaults.preferredAlgorithm;
      // Who comes with other credentials must not gain from those that are right.
      const name = isOwn ? 'own' : `${this.#pairs.nameOf(credentials)} ${allowBasic} ${preferredAlgorithm}`;
      this.#ask(
        origin,
        {
          name,
          timeoutMs: options.timeoutMs ?? defaults.timeoutMs ?? 10_000,
          retries: options.retries ?? defaults.retries ?? 0,
          waitForInformMs,
          signal: options.signal,
          from,
          located: from?.located,
          isByName: typeof credentials === 'function',
          isNext: false,
          onMove: undefined,
          trust: from?.isForwarded === true ? 'pair' : 'host',
          instances: defaults.instances,
          isOwn,
          attemptAt: ({ text, key }) => {
            const identify = () => this.#informs?.identify(key);
            const pairs = () =>
              pairsFor(
                credentials,
                () => {
                  const identity = identify();
                  return { origin: text, ...(identity?.state === 'known' && { device: identity.device }) };
                },
                this.#options.onCredentialsFault,
              );
            // A function was not asked for the device that it would know, but for one that has not informed or was forgotten.
            const isUnknown = () => typeof credentials === 'function' && identify()?.state === 'unknown';
            const how = { allowBasic, preferredAlgorithm, pairs, isUnknown };
            return (settings, record) => new HttpTransport(settings, how, record);
          },
        },
        ({ result }) => resolve(result),
        reject,
      );
    });
  }

  /**
   * Hands a request of an ACS on to a CPE, as one of all wakes. Its result is `no-credentials` where the CPE asks for some by a
   * challenge that can be handed back. Rejects as {@link Wakes.wake} does.
   */
  relay(call: RelayCall): Promise<ToldWake> {
    const { located, name, timeoutMs, signal, isNext, onMove, attempt } = call;
    return new Promise((resolve, reject) => {
      this.#ask(
        located.origin.text,
        {
          name: `relay ${name}`,
          timeoutMs,
          retries: 0,
          waitForInformMs: 0,
          signal,
          from: call,
          located,
          isByName: false,
          isNext,
          onMove,
          trust: 'none',
          instances: undefined,
          isOwn: false,
          attemptAt: () => attempt,
        },
        resolve,
        reject,
      );
    });
  }

  /** Whether such a request to this CPE is under way, or has an outcome that this asker was not given. */
  isRelaying(located: Located, relayed: string, asker: string): boolean {
    const cpe = cpeKey(located.origin, located.addresses[0]);
    const name = `relay ${relayed} ${wayTo(located)}`;
    const isUnderWay = this.#jobs.get(cpe)?.has(name) ?? false;
    return isUnderWay || this.#late.get(`${cpe}\0${name}`)?.asker === asker;
  }

  /**
   * Finds where a CPE is, for who has to know that before the wake: to count guesses. Rejects with a {@link CwmpProxyError},
   * `ERR_CWMP_INTERNAL`, where the policy throws.
   */
  async locate(text: string, call: LocateCall): Promise<Found> {
    const found = await this.#find(text, call, call.since + call.timeoutMs, 0);
    const { origin, addresses, isChecked } = found.located ?? {};
    if (origin === undefined || isChecked === true || this.#isAllowed(origin, addresses?.[0] ?? '')) return found;
    const record = new WakeRecord();
    record.begin('connect');
    record.end({ error: 'forbidden' });
    return { told: this.#toldNothing(text, 'forbidden', call.since, record) };
  }

  /** Tells of a wake that came to nothing before it began. */
  refuse(origin: string, outcome: WakeOutcome, since: number): WakeResult {
    return this.#toldNothing(origin, outcome, since).result;
  }

  /** Whether a connection that has come in is the other end of one of its own. */
  isOwnEnd(socket: Socket): boolean {
    return this.#connections.isOwn(socket);
  }

  /** A keyed hash of what must not be kept. */
  hash(text: string): string {
    return this.#pairs.hash(text);
  }

  /** Ends all wakes as `aborted`, closes their connections and takes no more. */
  close(): void {
    this.#closed = true;
    for (const search of this.#searches) search.stop('aborted');
    for (const call of this.#calls) call.abort();
    for (const jobs of this.#jobs.values()) for (const { job } of jobs.values()) job.stop('aborted');
    this.#connections.close();
    this.#names.close();
    this.#informs?.close();
    this.#coolDown.clear();
    this.#strangers.clear();
    this.#late.clear();
  }

  #ask(origin: string, ask: Ask, resolve: (told: ToldWake) => void, reject: (error: CwmpProxyError) => void): void {
    const since = ask.from?.since ?? performance.now();
    if (ask.located !== undefined) {
      this.#begin(ask.located, ask, since, resolve, reject);
      return;
    }
    const { asker = '' } = ask.from ?? {};
    const { timeoutMs, retries, signal } = ask;
    const found = this.#find(origin, { asker, since, signal }, since + timeoutMs, retries);
    const go = (one: Found): void => {
      if (one.located === undefined) resolve(one.told);
      else this.#begin(one.located, ask, since, resolve, reject);
    };
    if (found instanceof Promise) found.then(go, reject);
    else go(found);
  }

  /** Where a CPE is; at once, unless its name is to be looked up. */
  #find(
    text: string,
    { asker, since, signal }: Omit<LocateCall, 'timeoutMs'>,
    deadline: number,
    retries: number,
  ): Found | Promise<Found> {
    const origin = parseOrigin(text);
    const refused = this.#refusal(origin, signal);
    if (origin === undefined || refused !== undefined) {
      return { told: this.#toldNothing(text, refused ?? 'bad-origin', since) };
    }
    const channel = channelOf(origin, this.#options.tls?.rejectUnauthorized !== false);
    if (isAddress(origin)) {
      return { located: { origin, addresses: [origin.host], isChecked: false, channel, record: undefined } };
    }
    const { policy } = this.#options;
    const search = new NameSearch({ origin, policy, names: this.#names, asker, deadline, retries, signal });
    this.#searches.add(search);
    return this.#search(search, origin, channel, since);
  }

  async #search(search: NameSearch, origin: Origin, channel: string, since: number): Promise<Found> {
    try {
      const found = await search.run();
      const { record } = search;
      if (typeof found === 'string') return { told: this.#toldNothing(origin.text, found, since, record) };
      return { located: { origin, addresses: found, isChecked: true, channel, record } };
    } catch (cause) {
      throw new CwmpProxyError('ERR_CWMP_INTERNAL', 'the wake failed by a fault', { cause });
    } finally {
      this.#searches.delete(search);
    }
  }

  #isAllowed(origin: Origin, address: string): boolean {
    try {
      return isAllowed(this.#options.policy, origin, address);
    } catch (cause) {
      throw new CwmpProxyError('ERR_CWMP_INTERNAL', 'the wake failed by a fault', { cause });
    }
  }

  #toldNothing(origin: string, outcome: WakeOutcome, since: number, record: WakeRecord = new WakeRecord()): ToldWake {
    const id = `${this.#idPrefix}-${(this.#count += 1)}`;
    if (outcome === 'overloaded' && record.isEmpty) record.begin('turn');
    const result = record.result(outcome, since, { unfinished: outcome });
    return this.#tell(origin, { id, result, challenge: undefined });
  }

  #begin(
    located: Located,
    ask: Ask,
    since: number,
    resolve: (told: ToldWake) => void,
    reject: (error: CwmpProxyError) => void,
  ): void {
    const { origin } = located;
    const refused = this.#refusal(origin, ask.signal);
    if (refused !== undefined) {
      resolve(this.#toldNothing(origin.text, refused, since, located.record));
      return;
    }
    const cpe = cpeKey(origin, located.addresses[0]);
    // What differs in how it gets there, or in what the host is asked for, is no other's.
    const byName = ask.isByName && !isAddress(origin) ? ` ${origin.host}` : '';
    const name = `${ask.name} ${wayTo(located)}${byName}`;
    const late = this.#takeLate(cpe, name, ask.from);
    if (late !== undefined) {
      resolve(this.#tell(origin.text, late, true));
      return;
    }
    const shared = this.#join(located, cpe, name, ask, since);
    const { job } = shared;
    job.extend(since + ask.timeoutMs, ask.retries);
    const call = new WakeCaller(job, {
      timeoutMs: ask.timeoutMs,
      waitForInformMs: ask.waitForInformMs,
      signal: ask.signal,
      since,
      leave: (leaving, reason) => this.#leave(shared, leaving, reason, ask.from),
      settled: (settled, result) => {
        this.#calls.delete(settled);
        const isLate = shared.isOver && shared.lateUntil !== undefined;
        resolve(this.#tell(origin.text, { id: job.settings.id, result, challenge: job.record.challenge }, isLate));
      },
      failed: (failed, error) => {
        this.#calls.delete(failed);
        reject(error);
      },
    });
    this.#calls.add(call);
    shared.calls.add(call);
    // Before the request goes out: an Inform may come before the answer to it.
    if (ask.waitForInformMs > 0) {
      const identity = this.#informs?.identify(origin.key);
      const device = identity?.state === 'known' ? identity.device : undefined;
      call.unlisten = this.#informs?.listen({ key: origin.key, device }, call.onInform);
    }
    if (!shared.isStarted) void this.#start(shared);
  }

  #refusal(origin: Origin | undefined, signal: AbortSignal | undefined): WakeOutcome | undefined {
    if (this.#closed || signal?.aborted === true) return 'aborted';
    if (origin === undefined) return 'bad-origin';
    const { maxPending = 10_000 } = this.#options;
    return Math.max(this.#calls.size, this.#searches.size) >= maxPending ? 'overloaded' : undefined;
  }

  #join(located: Located, cpe: string, name: string, ask: Ask, since: number): Shared {
    const { origin, addresses, isChecked, record } = located;
    const jobs = this.#jobs.get(cpe) ?? new Map<string, Shared>();
    const running = jobs.get(name);
    if (running !== undefined) return running;
    const { instances, isOwn, trust, isNext, onMove } = ask;
    // What other instances made of it by another name may not be true of this one.
    const isOfName = !isAddress(origin) && (ask.isByName || located.channel.startsWith('https '));
    const settings: SharedWakeSettings = {
      id: `${this.#idPrefix}-${(this.#count += 1)}`,
      origin,
      addresses,
      isChecked,
      cpe,
      name,
      policy: this.#options.policy,
      tls: this.#options.tls,
      limits: this.#limits,
      coolDown: this.#coolDown,
      strangers: trust === 'pair' && !this.#pairs.has(cpe, ask.name) ? this.#strangers : undefined,
      connections: this.#connections,
      onAsk: (asked) => this.#options.onAsk?.(asked),
      onMove,
      asker: ask.from?.asker ?? '',
      isProven: () => trust === 'host' || (trust === 'pair' && this.#pairs.has(cpe, ask.name)),
      isNext,
      attempt: ask.attemptAt(origin),
      enterInstances: instances && ((entered) => instances.enter(leaseOf(entered), isOwn && !isOfName)),
      leaveInstances:
        instances && ((left, outcome) => instances.leave(leaseOf(left), outcome, this.#options.spacingMs ?? 250)),
    };
    const job = record === undefined ? new SharedWake(settings) : new SharedWake(settings, record);
    const shared: Shared = {
      job,
      calls: new Set(),
      since,
      isStarted: false,
      trust,
      pair: ask.name,
      isOver: false,
      lateUntil: undefined,
      lateFor: '',
      onUnheard: undefined,
    };
    jobs.set(name, shared);
    this.#jobs.set(cpe, jobs);
    return shared;
  }

  async #start(shared: Shared): Promise<void> {
    shared.isStarted = true;
    const { job } = shared;
    // A policy may throw.
    const outcome = await job
      .run()
      .catch((cause: unknown) => new CwmpProxyError('ERR_CWMP_INTERNAL', 'the wake failed by a fault', { cause }));
    this.#end(shared);
    if (shared.trust === 'pair') {
      const cpe = cpeKey(job.settings.origin, job.record.address ?? '');
      if (outcome === 'accepted') this.#pairs.add(cpe, shared.pair);
      if (outcome === 'credentials-refused') this.#pairs.delete(cpe, shared.pair);
    }
    if (shared.calls.size === 0 && shared.lateUntil !== undefined) this.#endLate(shared, outcome);
    inTurns(shared.calls, (call) => {
      shared.calls.delete(call);
      call.onJobEnd(outcome);
    });
  }

  /** It takes no more callers. */
  #end(shared: Shared): void {
    if (shared.isOver) return;
    shared.isOver = true;
    const { cpe, name } = shared.job.settings;
    const jobs = this.#jobs.get(cpe);
    if (jobs?.get(name) !== shared) return;
    jobs.delete(name);
    if (jobs.size === 0) this.#jobs.delete(cpe);
  }

  /** Takes a call off its job. A job that nobody waits for ends, unless its CPE is about to answer an ACS. */
  #leave(shared: Shared, call: WakeCaller, reason: StopReason, from: AcsCall | undefined): 'job ends' | 'job goes on' {
    if (shared.isOver) return 'job ends';
    const isLast = shared.calls.size === 1 && shared.calls.has(call);
    if (!isLast || (from !== undefined && reason !== 'overloaded' && this.#goOnLate(shared, from))) {
      shared.calls.delete(call);
      return 'job goes on';
    }
    this.#end(shared);
    if (reason !== 'timeout') shared.calls.delete(call);
    const { job } = shared;
    if (reason === 'aborted' && job.isAnswering) {
      from?.onUnheard?.(job.record.result(reason, shared.since, { unfinished: reason }));
    }
    job.stop(reason);
    return 'job ends';
  }

  #goOnLate(shared: Shared, { asker, onUnheard }: AcsCall): boolean {
    const { job } = shared;
    if (this.#closed || !job.isAnswering) return false;
    const now = performance.now();
    const until = shared.lateUntil ?? now + lateMs;
    if (until <= now || !job.goOnAlone(until)) return false;
    shared.lateUntil = until;
    shared.lateFor = asker;
    shared.onUnheard = onUnheard;
    return true;
  }

  /** Tells of a wake that went on without a caller, and keeps what the CPE has answered for the one that left. */
  #endLate(shared: Shared, outcome: WakeOutcome | CwmpProxyError): void {
    if (outcome instanceof CwmpProxyError) return;
    const { job, lateUntil: until = 0, lateFor: asker } = shared;
    const { id, origin, cpe, name } = job.settings;
    const told = { id, result: job.record.result(outcome, shared.since), challenge: job.record.challenge };
    this.#tell(origin.text, told, true);
    shared.onUnheard?.(told.result);
    if (!answers.has(outcome) || this.#closed) return;
    this.#late.set(`${cpe}\0${name}`, { told, asker, until });
  }

  /** The outcome of the wake that this one asked for before and has not been told. */
  #takeLate(cpe: string, name: string, from: AcsCall | undefined): ToldWake | undefined {
    if (from === undefined || this.#late.size === 0) return undefined;
    const key = `${cpe}\0${name}`;
    const late = this.#late.get(key);
    if (late === undefined || late.asker !== from.asker) return undefined;
    this.#late.delete(key);
    return late.until > performance.now() ? late.told : undefined;
  }

  #tell(origin: string, told: ToldWake, isLate = false): ToldWake {
    const { id, result, challenge } = told;
    // That a CPE asks an ACS for credentials is half of a wake.
    if (challenge === undefined || result.outcome !== 'no-credentials') {
      this.#options.onWake?.({ id, origin, ...result, ...(isLate && { late: true }) });
    }
    return told;
  }
}
