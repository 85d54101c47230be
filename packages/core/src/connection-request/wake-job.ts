import type { Answer } from '../names/answer.js';
import type { Names, NameWaiter } from '../names/names.js';
import type { WakePolicy } from '../url/wake-policy.js';
import type { CoolDown, Visitor } from './cool-down.js';
import type { Failure, WakeTls } from './cpe-connection.js';
import type { OpenConnections } from './open-connections.js';
import { isAllowed, type Origin } from './origin.js';
import { addressesToDial, isWorthLookingUp, literalAddress } from './resolve-host.js';
import { type Attempt, type AttemptSettings, outcomeOfFailure, type StopReason } from './wake-attempt.js';
import { type WakeLimits, WakePlace } from './wake-limits.js';
import { WakeRecord } from './wake-record.js';
import type { WakeOutcome } from './wake-result.js';

/** What a job goes by. */
export interface JobSettings {
  readonly id: string;
  readonly origin: Origin;
  /** Equal for jobs that may share one. */
  readonly name: string;
  readonly policy: WakePolicy | undefined;
  readonly names: Names;
  readonly tls: WakeTls | undefined;
  readonly limits: WakeLimits;
  readonly coolDown: CoolDown;
  /** All connections that are open. */
  readonly connections: OpenConnections;
  /** Called before the CPE is connected to. */
  readonly onAsk: () => void;
  /** Whose wakes of a CPE take turns with those of others. */
  readonly asker: string;
  /** Whether it goes before others at its CPE, which is known to take the credentials, or they are the host's own. */
  readonly isProven: () => boolean;
  /** Whether it goes on with what another wake of the CPE has begun. */
  readonly isNext: boolean;
  /** Address of the CPE, where it is known without looking its name up. */
  readonly address: string | undefined;
  /** Makes an attempt. */
  readonly attempt: (settings: AttemptSettings, record: WakeRecord) => Attempt;
  /** Asks the other instances of a fleet; resolves with the outcome when one of them has woken the CPE. */
  readonly enterFleet: (() => Promise<WakeOutcome | undefined>) | undefined;
  /** Tells them that it is over, with this outcome or by a fault. */
  readonly leaveFleet: ((outcome: WakeOutcome | undefined) => void) | undefined;
}

/** The first pause before another attempt, in milliseconds; each further one is twice as long, with a quarter of chance. */
const firstPauseMs = 250;

/** All attempts of one wake, for all callers that share it. */
export class WakeJob implements Visitor {
  /** What has happened so far. */
  readonly record: WakeRecord = new WakeRecord();
  readonly settings: JobSettings;
  /** All that wait for one CPE are of one block. */
  readonly block = '';
  /** Askers take turns at a CPE. */
  readonly lane: string;
  /** Further attempts that may follow a failed one. */
  #retries = 0;
  /** When the last of its callers will have left, on the clock of `performance.now()`. */
  #deadline = 0;
  /** Ends the attempt, where no caller's time does. */
  #timer: NodeJS.Timeout | undefined;
  #timeLeft: () => number = () => this.#deadline - performance.now();

  /** When the CPE was asked first, by this instance or another one, on the clock of `performance.now()`. */
  askedAt: number | undefined;
  /** Whether it ends when somebody else waits for its CPE. */
  #givesWay = false;
  #stopped: StopReason | undefined;
  #attempt: Attempt | undefined;
  #place: WakePlace | undefined;
  #interrupt: (() => void) | undefined;
  #isFree = false;
  #onFree: (() => void) | undefined;

  constructor(settings: JobSettings) {
    this.settings = settings;
    this.lane = settings.asker;
  }

  /** Runs it to its end. Rejects only for a fault of ours or of what was plugged in. */
  async run(): Promise<WakeOutcome> {
    const { origin, policy, coolDown, isProven, isNext, leaveFleet } = this.settings;
    const address = literalAddress(origin) ?? this.settings.address;
    let outcome: WakeOutcome | undefined;
    let hasEntered = false;
    try {
      coolDown.enter(origin.key, this, isProven(), isNext);
      if (!this.#isFree) await this.#waitUntilFree();
      if (this.#stopped !== undefined) return this.#stopped;
      if (address !== undefined && !isAllowed(policy, origin, address)) {
        this.record.begin('connect');
        this.record.end({ error: 'forbidden' });
        return 'forbidden';
      }
      if (this.settings.enterFleet !== undefined) {
        this.record.begin('turn');
        hasEntered = true;
        // Another instance may be asking it, for this one too.
        this.askedAt ??= performance.now();
        outcome = await this.#unlessStopped(this.settings.enterFleet());
        if (this.#stopped !== undefined) return this.#stopped;
        this.record.end();
        if (outcome !== undefined) return outcome;
        this.askedAt = undefined;
      }
      outcome = await this.#attempts(address === undefined ? undefined : [address]);
      // The end of a CPE that has been silent, for the good of others.
      if (outcome === 'overloaded' && this.#stopped === outcome && this.record.what !== 'turn') {
        this.record.begin('turn');
        this.record.end({ error: outcome });
      }
      return outcome;
    } finally {
      clearTimeout(this.#timer);
      this.#place?.leave();
      if (hasEntered) leaveFleet?.(outcome);
      coolDown.leave(origin.key, this, this.record.address !== undefined);
    }
  }

  /** The CPE is free for it. */
  start(): void {
    this.#isFree = true;
    this.#onFree?.();
  }

  /** Somebody else waits for the CPE. */
  wanted(): void {
    if (this.#givesWay) this.stop('aborted');
  }

  /** Ends it. The outcome is the reason, or what has come of an answer. */
  stop(reason: StopReason): void {
    // A CPE whose turn does not come is not too slow.
    this.#stopped ??= reason === 'timeout' && this.#isQueued() ? 'overloaded' : reason;
    this.#attempt?.stop(this.#stopped);
    this.#place?.leave();
    this.#interrupt?.();
  }

  /** Whether it waits for others than its CPE. */
  #isQueued(): boolean {
    const { names, origin } = this.settings;
    return this.#place?.isWaiting === true || (this.record.what === 'turn' && names.isQueued(origin.host));
  }

  /** Whether the CPE has been sent an answer to its challenge, and its own is waited for. */
  get isAnswering(): boolean {
    return this.#stopped === undefined && this.record.what === 'answer';
  }

  /**
   * Goes on without a caller until then. Where its credentials are not proven it does so only as long as nobody else wants the CPE.
   *
   * @returns Whether it does.
   */
  goOnAlone(until: number): boolean {
    const { coolDown, origin, isProven } = this.settings;
    this.#givesWay = !isProven();
    if (this.#givesWay && coolDown.isWanted(origin.key)) return false;
    this.#deadline = until;
    this.#retries = 0;
    this.#watchTime();
    return true;
  }

  /** A caller has come. @param deadline When it will have left, on the clock of `performance.now()`. */
  extend(deadline: number, retries: number): void {
    this.#deadline = Math.max(this.#deadline, deadline);
    this.#retries = Math.max(this.#retries, retries);
    this.#givesWay = false;
    if (this.#attempt !== undefined && this.#retries > 0) this.#watchTime();
  }

  async #waitUntilFree(): Promise<void> {
    this.record.begin('turn');
    await this.#unlessStopped(
      new Promise<void>((resolve) => {
        this.#onFree = resolve;
      }),
    );
    if (this.#stopped === undefined) this.record.end();
  }

  async #attempts(given: readonly string[] | undefined): Promise<WakeOutcome> {
    let addresses = given;
    for (let attempt = 0; ; attempt += 1) {
      let outcome: WakeOutcome = 'unreachable';
      if (addresses === undefined) {
        const resolved = await this.#resolve();
        if (this.#stopped !== undefined) return this.#stopped;
        if (Array.isArray(resolved)) addresses = resolved;
        else outcome = outcomeOfFailure({ error: resolved?.error ?? 'ENOTFOUND', unreached: true });
      }
      if (addresses !== undefined) outcome = await this.#try(addresses, attempt);
      if (this.#stopped !== undefined || !isWorthAnother(outcome) || attempt >= this.#retries) return outcome;
      const pause = firstPauseMs * 2 ** attempt * (1 + Math.random() / 4);
      if (performance.now() + pause >= this.#deadline) return outcome;
      clearTimeout(this.#timer);
      this.#place?.leave();
      await this.#pause(pause);
      if (this.#stopped !== undefined) return this.#stopped;
    }
  }

  #try(addresses: readonly string[], attempt: number): Promise<WakeOutcome> {
    const { origin, policy, tls, limits, connections, isNext } = this.settings;
    const since = performance.now();
    // What is left is shared evenly among the attempts that may still come. A caller that joins may bring more time.
    const timeLeft = () =>
      since + (this.#deadline - since) / (1 + Math.max(0, this.#retries - attempt)) - performance.now();
    this.#timeLeft = timeLeft;
    const place = new WakePlace(limits, addresses[0] ?? '', origin.authority, isNext, () => this.stop('overloaded'));
    this.#place = place;
    const onAsk = () => {
      this.askedAt ??= performance.now();
      this.settings.onAsk();
    };
    this.#attempt = this.settings.attempt(
      { origin, addresses, policy, tls, connections, timeLeft, place, onAsk },
      this.record,
    );
    if (this.#retries > attempt) this.#watchTime();
    return this.#attempt.run();
  }

  #watchTime(): void {
    clearTimeout(this.#timer);
    const left = this.#timeLeft();
    if (left > 0) {
      this.#timer = setTimeout(() => this.#watchTime(), Math.ceil(left)).unref();
      return;
    }
    this.#attempt?.stop('timeout');
    this.#place?.leave();
  }

  async #resolve(): Promise<string[] | Failure | undefined> {
    const { origin, policy } = this.settings;
    this.record.begin('resolve');
    const answer = isWorthLookingUp(origin, policy) ? await this.#lookUp(origin.host) : { code: 'forbidden' };
    if (answer === undefined) return undefined;
    const resolved = addressesToDial(origin, policy, answer);
    this.record.end(Array.isArray(resolved) ? undefined : resolved);
    // It had to make room for others.
    if ('code' in answer && answer.code === 'overloaded') this.stop('overloaded');
    return resolved;
  }

  async #lookUp(name: string): Promise<Answer | undefined> {
    const { names, asker } = this.settings;
    let answered = (_answer: Answer): void => undefined;
    const waiter: NameWaiter = {
      asker,
      onAnswer: (answer) => answered(answer),
      onStart: () => {
        if (this.record.what !== 'turn') return;
        this.record.end();
        this.record.begin('resolve');
      },
    };
    const known = names.ask(name, waiter);
    if (known !== undefined) return known;
    if (names.isQueued(name)) this.record.begin('turn');
    const answer = await this.#unlessStopped(
      new Promise<Answer>((resolve) => {
        answered = resolve;
      }),
    );
    if (answer === undefined) names.leave(name, waiter);
    return answer;
  }

  async #pause(ms: number): Promise<void> {
    this.record.begin('pause');
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
