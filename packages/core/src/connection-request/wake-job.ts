import type { WakePolicy } from '../url/wake-policy.js';
import type { DigestAlgorithm } from '../auth/digest-algorithm.js';
import type { Failure, WakeTls } from './cpe-connection.js';
import type { Identity } from './cpe-directory.js';
import { type CredentialsSource, pairsFor } from './credentials.js';
import type { OpenConnections } from './open-connections.js';
import { isAllowed, type Origin } from './origin.js';
import { literalAddress, resolveAddresses } from './resolve-host.js';
import type { Turns } from './turns.js';
import { outcomeOfFailure, type StopReason, WakeAttempt } from './wake-attempt.js';
import { WakeRecord } from './wake-record.js';
import type { WakeOutcome } from './wake-result.js';

/** What a job goes by. */
export interface JobSettings {
  readonly id: string;
  readonly origin: Origin;
  readonly credentials: CredentialsSource | undefined;
  readonly allowBasic: boolean;
  readonly preferredAlgorithm: DigestAlgorithm | undefined;
  readonly policy: WakePolicy | undefined;
  readonly tls: WakeTls | undefined;
  /** Who the CPE is, by the Informs that were believed; `undefined` where none are heard of. */
  readonly identify: () => Identity | undefined;
  readonly turns: Turns;
  /** All connections that are open. */
  readonly connections: OpenConnections;
  /** Asks the other instances of a fleet; resolves with the outcome when one of them has woken the CPE. */
  readonly enterFleet: (() => Promise<WakeOutcome | undefined>) | undefined;
  /** Milliseconds until the CPE may be asked again. */
  readonly spacing: () => number;
}

/** The first pause before another attempt, in milliseconds; each further one is twice as long, with a quarter of chance. */
const firstPauseMs = 250;

/** All attempts of one wake, for all callers that share it. */
export class WakeJob {
  /** What has happened so far. */
  readonly record: WakeRecord = new WakeRecord();
  readonly settings: JobSettings;
  /** Further attempts that may follow a failed one. */
  retries = 0;
  /** When the last of its callers will have left, on the clock of `performance.now()`. */
  deadline = 0;

  /** When the CPE was asked first, by this instance or another one, on the clock of `performance.now()`. */
  askedAt: number | undefined;
  #stopped: StopReason | undefined;
  #attempt: WakeAttempt | undefined;
  #interrupt: (() => void) | undefined;

  constructor(settings: JobSettings) {
    this.settings = settings;
  }

  /** Runs it to its end. Rejects only for a fault of ours or of what was plugged in. */
  async run(): Promise<WakeOutcome> {
    const outcome = await this.#run();
    const { credentials, identify } = this.settings;
    // A function was not asked for the device that it would know, but for one that has not informed or was forgotten.
    const isUnknown = outcome === 'no-credentials' && typeof credentials === 'function';
    return isUnknown && identify()?.state === 'unknown' ? 'unknown' : outcome;
  }

  async #run(): Promise<WakeOutcome> {
    const { origin, policy } = this.settings;
    const address = literalAddress(origin);
    let addresses = address === undefined ? undefined : [address];
    if (address !== undefined && !isAllowed(policy, origin, address)) {
      this.record.begin('connect');
      this.record.end({ error: 'forbidden' });
      return 'forbidden';
    }
    if (this.settings.enterFleet !== undefined) {
      this.record.begin('turn');
      // Another instance may be asking it, for this one too.
      this.askedAt ??= performance.now();
      const elsewhere = await this.#unlessStopped(this.settings.enterFleet());
      if (this.#stopped !== undefined) return this.#stopped;
      this.record.end();
      if (elsewhere !== undefined) return elsewhere;
      this.askedAt = undefined;
    }
    for (let attempt = 0; ; attempt += 1) {
      const spacing = this.settings.spacing();
      if (spacing > 0) await this.#pause('turn', spacing);
      let started = false;
      let onStart = (): void => {
        started = true;
      };
      const leave = this.settings.turns.take(origin.authority, () => onStart());
      try {
        if (!started) {
          this.record.begin('turn');
          await this.#unlessStopped(
            new Promise<void>((resolve) => {
              onStart = resolve;
            }),
          );
          if (this.#stopped === undefined) this.record.end();
        }
        if (this.#stopped !== undefined) return this.#stopped;
        let outcome: WakeOutcome = 'unreachable';
        if (addresses === undefined) {
          const resolved = await this.#resolve();
          if (this.#stopped !== undefined) return this.#stopped;
          if (Array.isArray(resolved)) addresses = resolved;
          else outcome = outcomeOfFailure({ error: resolved?.error ?? 'ENOTFOUND', unreached: true });
        }
        if (addresses !== undefined) outcome = await this.#try(addresses, attempt);
        if (this.#stopped !== undefined || !isWorthAnother(outcome) || attempt >= this.retries) return outcome;
        const pause = firstPauseMs * 2 ** attempt * (1 + Math.random() / 4);
        if (performance.now() + pause >= this.deadline) return outcome;
        leave();
        await this.#pause('pause', pause);
      } finally {
        leave();
      }
    }
  }

  /** Ends it. The outcome is the reason, or what has come of an answer. */
  stop(reason: StopReason): void {
    this.#stopped ??= reason;
    this.#attempt?.stop(reason);
    this.#interrupt?.();
  }

  #try(addresses: readonly string[], attempt: number): Promise<WakeOutcome> {
    const { origin, policy, allowBasic, preferredAlgorithm, tls, connections } = this.settings;
    const since = performance.now();
    // What is left is shared evenly among the attempts that may still come. A caller that joins may bring more time.
    const timeLeft = () =>
      since + (this.deadline - since) / (1 + Math.max(0, this.retries - attempt)) - performance.now();
    const pairs = () => this.#pairs();
    this.askedAt ??= performance.now();
    this.#attempt = new WakeAttempt(
      { origin, addresses, policy, allowBasic, preferredAlgorithm, tls, connections, pairs, timeLeft },
      this.record,
    );
    return this.#attempt.run();
  }

  #pairs(): ReturnType<typeof pairsFor> {
    return pairsFor(this.settings.credentials, () => {
      const identity = this.settings.identify();
      return { origin: this.settings.origin.text, ...(identity?.state === 'known' && { device: identity.device }) };
    });
  }

  async #resolve(): Promise<string[] | Failure | undefined> {
    this.record.begin('resolve');
    const resolved = await this.#unlessStopped(resolveAddresses(this.settings.origin, this.settings.policy));
    if (resolved !== undefined) this.record.end(Array.isArray(resolved) ? undefined : resolved);
    return resolved;
  }

  async #pause(what: 'turn' | 'pause', ms: number): Promise<void> {
    this.record.begin(what);
    let timer: NodeJS.Timeout | undefined;
    // The caller waits for it, so it may keep the process alive; it ends with the caller's time or the pipeline.
    await this.#unlessStopped(
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms);
      }),
    );
    clearTimeout(timer);
    if (this.#stopped === undefined) this.record.end();
  }

  #unlessStopped<T>(work: Promise<T>): Promise<T | undefined> {
    if (this.#stopped !== undefined) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#interrupt = () => resolve(undefined);
      void work.then((value) => {
        this.#interrupt = undefined;
        resolve(value);
      }, reject);
    });
  }
}

/** Another attempt helps only where the CPE was not reached, had no time or was busy; never where it refused. */
function isWorthAnother(outcome: WakeOutcome): boolean {
  return outcome === 'unreachable' || outcome === 'timeout' || outcome === 'busy';
}
