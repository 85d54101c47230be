import { randomBytes } from 'node:crypto';
import { CwmpProxyError } from '../errors.js';
import { refuseOption } from '../option-checks.js';
import type { CredentialsSource } from './credentials.js';
import { CpeDirectory } from './cpe-directory.js';
import { InformWatch } from './inform-watch.js';
import { OpenConnections } from './open-connections.js';
import { type Origin, parseOrigin } from './origin.js';
import { Spacing } from './spacing.js';
import { Turns } from './turns.js';
import { WakeCall } from './wake-call.js';
import { WakeJob } from './wake-job.js';
import { checkPipelineOptions, checkWakeOptions, type WakeOptions, type WakePipelineOptions } from './wake-options.js';
import type { WakeOutcome, WakeResult } from './wake-result.js';
import { WakeRecord } from './wake-record.js';

/** A job and the callers that share it. */
interface Shared {
  readonly job: WakeJob;
  readonly calls: Set<WakeCall>;
  /** It can take no more callers while it is `over`. */
  state: 'waiting' | 'running' | 'over';
}

/**
 * All wakes of a proxy. Calls for one CPE at the same time share one request; a CPE gets one request at a time, with a
 * least time between two; so many are under way at once and the others take turns.
 */
export class WakePipeline {
  readonly #options: WakePipelineOptions;
  readonly #informs: InformWatch | undefined;
  readonly #turns: Turns;
  readonly #spacing: Spacing;
  /** Jobs by the key of their origin. The first of a list runs, those behind it have other credentials and wait for it. */
  readonly #jobs = new Map<string, Shared[]>();
  readonly #calls = new Set<WakeCall>();
  readonly #connections = new OpenConnections();
  readonly #idPrefix = randomBytes(4).toString('hex');
  #count = 0;
  #closed = false;

  /** @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when an option is wrong. */
  constructor(options: WakePipelineOptions = {}) {
    checkPipelineOptions(options);
    this.#options = options;
    const { onInform } = options;
    if (onInform !== undefined) {
      const directory = new CpeDirectory(options.maxDevices ?? 100_000, (origin) => options.onCollision?.(origin));
      this.#informs = new InformWatch(onInform, directory, typeof options.credentials === 'function');
    }
    this.#turns = new Turns(options.maxConcurrent ?? 256);
    this.#spacing = new Spacing(options.spacingMs ?? 250);
  }

  /**
   * Wakes the CPE at this ConnectionRequestURL. Whatever the CPE does is told by the result; it rejects with a
   * {@link CwmpProxyError} only: `ERR_CWMP_OPTION` for a wrong option, `ERR_CWMP_INTERNAL` for a fault. An origin that is not a
   * usable URL has come from a CPE too, so it is an outcome (`bad-origin`).
   */
  wake(origin: string, options: WakeOptions = {}): Promise<WakeResult> {
    return new Promise((resolve, reject) => {
      checkWakeOptions(options);
      if (typeof origin !== 'string') refuseOption('origin', 'expected a URL');
      const informMs = options.waitForInformMs ?? 0;
      if (informMs > 0 && this.#informs === undefined)
        refuseOption('onInform', 'expected a function, for waitForInformMs');
      const since = performance.now();
      const id = `${this.#idPrefix}-${(this.#count += 1)}`;
      const parsed = parseOrigin(origin);
      const refusal = this.#refusal(parsed, options.signal);
      if (parsed === undefined || refusal !== undefined) {
        this.#tell(id, origin, new WakeRecord().result(refusal ?? 'bad-origin', since), resolve);
        return;
      }
      const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs ?? 10_000;
      const shared = this.#join(id, parsed, options);
      const { job } = shared;
      job.deadline = Math.max(job.deadline, since + timeoutMs);
      job.retries = Math.max(job.retries, options.retries ?? this.#options.retries ?? 0);
      const call = new WakeCall(job, {
        timeoutMs,
        waitForInformMs: informMs,
        signal: options.signal,
        leave: (leaving, reason) => this.#leave(shared, leaving, reason),
        settled: (settled, result) => {
          this.#calls.delete(settled);
          this.#tell(job.settings.id, origin, result, resolve);
        },
        failed: (failed, error) => {
          this.#calls.delete(failed);
          reject(error);
        },
      });
      this.#calls.add(call);
      shared.calls.add(call);
      // Before the request goes out: an Inform may come before the answer to it.
      if (informMs > 0) {
        const identity = this.#informs?.identify(parsed.key);
        const device = identity?.state === 'known' ? identity.device : undefined;
        call.unlisten = this.#informs?.listen({ key: parsed.key, device }, call.onInform);
      }
      if (shared.calls.size === 1) void this.#start(shared, parsed.key);
    });
  }

  /** Whether a connection from this address and port is one of its own. */
  isOwnEnd(address: string | undefined, port: number | undefined): boolean {
    return this.#connections.isOwn(address, port);
  }

  /** Ends all wakes as `aborted`, closes their connections and takes no more. */
  close(): void {
    this.#closed = true;
    for (const call of this.#calls) call.abort();
    this.#connections.close();
    this.#informs?.close();
    this.#spacing.clear();
  }

  #refusal(origin: Origin | undefined, signal: AbortSignal | undefined): WakeOutcome | undefined {
    if (this.#closed || signal?.aborted === true) return 'aborted';
    if (origin === undefined) return 'bad-origin';
    return this.#calls.size >= (this.#options.maxPending ?? 10_000) ? 'overloaded' : undefined;
  }

  #join(id: string, origin: Origin, options: WakeOptions): Shared {
    const credentials: CredentialsSource | undefined = options.credentials ?? this.#options.credentials;
    const allowBasic = options.allowBasic ?? this.#options.allowBasic ?? false;
    const preferredAlgorithm = options.preferredAlgorithm ?? this.#options.preferredAlgorithm;
    const jobs = this.#jobs.get(origin.key) ?? [];
    // Who comes with other credentials must not gain from those that are right.
    const running = jobs.find(
      ({ state, job: { settings } }) =>
        state !== 'over' &&
        settings.credentials === credentials &&
        settings.allowBasic === allowBasic &&
        settings.preferredAlgorithm === preferredAlgorithm,
    );
    if (running !== undefined) return running;
    const { fleet } = this.#options;
    const isOwn =
      credentials === this.#options.credentials &&
      allowBasic === (this.#options.allowBasic ?? false) &&
      preferredAlgorithm === this.#options.preferredAlgorithm;
    const job = new WakeJob({
      id,
      origin,
      credentials,
      allowBasic,
      preferredAlgorithm,
      policy: this.#options.policy,
      tls: this.#options.tls,
      turns: this.#turns,
      connections: this.#connections,
      identify: () => this.#informs?.identify(origin.key),
      enterFleet: fleet && (() => fleet.enter(origin.key, isOwn)),
      spacing: () => this.#spacing.left(origin.key),
    });
    const shared: Shared = { job, calls: new Set(), state: 'waiting' };
    if (jobs.length > 0) job.record.begin('turn');
    jobs.push(shared);
    this.#jobs.set(origin.key, jobs);
    return shared;
  }

  /** Runs the job if it is the first of its CPE, and then the one behind it. */
  async #start(shared: Shared, key: string): Promise<void> {
    if (this.#jobs.get(key)?.[0] !== shared) return;
    shared.state = 'running';
    shared.job.record.end();
    // A policy may throw.
    const outcome = await shared.job
      .run()
      .catch((cause: unknown) => new CwmpProxyError('ERR_CWMP_INTERNAL', 'the wake failed by a fault', { cause }));
    const told = outcome instanceof CwmpProxyError ? undefined : outcome;
    this.#options.fleet?.leave(key, told, this.#options.spacingMs ?? 250);
    shared.state = 'over';
    for (const call of shared.calls) call.onJobEnd(outcome);
    shared.calls.clear();
    if (shared.job.record.address !== undefined && !this.#closed) this.#spacing.mark(key);
    const [, ...waiting] = this.#jobs.get(key) ?? [];
    const [following] = waiting;
    if (following === undefined) {
      this.#jobs.delete(key);
    } else {
      this.#jobs.set(key, waiting);
      void this.#start(following, key);
    }
  }

  /** Takes a call off its job; a job that nobody waits for ends. */
  #leave(shared: Shared, call: WakeCall, reason: 'timeout' | 'aborted'): 'job ends' | 'job goes on' {
    if (shared.state === 'over') return 'job ends';
    const isLast = shared.calls.size === 1 && shared.calls.has(call);
    if (isLast && shared.state === 'running') {
      shared.state = 'over';
      if (reason === 'aborted') shared.calls.delete(call);
      shared.job.stop(reason);
      return 'job ends';
    }
    shared.calls.delete(call);
    if (isLast) {
      shared.state = 'over';
      const { key } = shared.job.settings.origin;
      // Another runs before it, so the list does not become empty.
      this.#jobs.set(key, this.#jobs.get(key)?.filter((other) => other !== shared) ?? []);
    }
    return 'job goes on';
  }

  #tell(id: string, origin: string, result: WakeResult, resolve: (result: WakeResult) => void): void {
    resolve(result);
    this.#options.onWake?.({ id, origin, ...result });
  }
}
