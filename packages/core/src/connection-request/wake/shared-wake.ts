import type { WakePolicy } from '../../policy/target-policy.js';
import type { CoolDown, Visitor } from './cool-down.js';
import type { WakeTls, OpenConnections } from '../transports/cpe-connection.js';
import { cpeKey, isAllowed, type Origin, placeOf } from '../cpe-url.js';
import {
  type Attempt,
  type AttemptSettings,
  firstPauseMs,
  type StopReason,
  waitForTurn,
} from '../transports/http-transport.js';
import { type WakeLimits, WakePlace } from './wake-limits.js';
import { WakeRecord } from '../record.js';
import type { WakeOutcome } from '../result.js';

/** What a job goes by. */
export interface SharedWakeSettings {
  readonly id: string;
  readonly origin: Origin;
  /** Addresses of the CPE; the next is for where none before it could be reached. */
  readonly addresses: readonly [string, ...string[]];
  /** Whether the policy has let them through. Each is asked for again as it is dialled. */
  readonly isChecked: boolean;
  /** The CPE at the first of them, see {@link cpeKey}. */
  readonly cpe: string;
  /** Equal for jobs that may share one. */
  readonly name: string;
  readonly policy: WakePolicy | undefined;
  readonly tls: WakeTls | undefined;
  readonly limits: WakeLimits;
  readonly coolDown: CoolDown;
  /** Of those whose credentials nobody knows, by place: the path of a URL is theirs to choose. Nothing for others. */
  readonly strangers: CoolDown | undefined;
  /** All connections that are open. */
  readonly connections: OpenConnections;
  /** Called with a CPE before it is connected to. */
  readonly onAsk: (cpe: string) => void;
  /** Called before the next of several addresses is turned to. Resolves when that may be. */
  readonly onMove: ((address: string) => Promise<void>) | undefined;
  /** Whose wakes of a CPE take turns with those of others. */
  readonly asker: string;
  /** Whether it goes before others at its CPE, which is known to take the credentials, or they are the host's own. */
  readonly isProven: () => boolean;
  /** Whether it goes on with what another wake of the CPE has begun. */
  readonly isNext: boolean;
  /** Makes an attempt. */
  readonly attempt: (settings: AttemptSettings, record: WakeRecord) => Attempt;
  /** Asks the other instances for a CPE; resolves with the outcome when one of them has woken it. */
  readonly enterInstances: ((cpe: string) => Promise<WakeOutcome | undefined>) | undefined;
  /** Tells them that it is over, with this outcome or by a fault. */
  readonly leaveInstances: ((cpe: string, outcome: WakeOutcome | undefined) => void) | undefined;
}

/** All attempts of one wake, for all callers that share it. */
export class SharedWake implements Visitor {
  /** What has happened so far. */
  readonly record: WakeRecord;
  readonly settings: SharedWakeSettings;
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
  /** The CPE that it has to itself, or waits for. */
  #cpe: string;
  #address: string;
  #isEntered = false;
  /** Where it is one of the strangers. */
  #visit: { readonly place: string; readonly visitor: Visitor } | undefined;

  /** @param record What has happened so far. */
  constructor(settings: SharedWakeSettings, record: WakeRecord = new WakeRecord()) {
    this.settings = settings;
    this.record = record;
    this.lane = settings.asker;
    this.#cpe = settings.cpe;
    [this.#address] = settings.addresses;
  }

  /** Runs it to its end. Rejects only for a fault of ours or of what was plugged in. */
  async run(): Promise<WakeOutcome> {
    const { origin, policy, isChecked } = this.settings;
    let outcome: WakeOutcome | undefined;
    try {
      const turn = this.#enter();
      if (turn !== undefined) await turn;
      if (this.#stopped !== undefined) return this.#stopped;
      if (!isChecked && !isAllowed(policy, origin, this.#address)) {
        this.record.begin('connect');
        this.record.end({ error: 'forbidden' });
        return 'forbidden';
      }
      if (this.settings.enterInstances !== undefined) {
        outcome = await this.#enterInstances(this.settings.enterInstances);
        if (this.#stopped !== undefined) return this.#stopped;
        if (outcome !== undefined) return outcome;
      }
      outcome = await this.#attempts();
      // The end of a CPE that has been silent, for the good of others.
      if (outcome === 'overloaded' && this.#stopped === outcome && this.record.what !== 'turn') {
        this.record.begin('turn');
        this.record.end({ error: outcome });
      }
      return outcome;
    } finally {
      clearTimeout(this.#timer);
      this.#place?.leave();
      this.#leave(outcome);
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
    this.#stopped ??= reason === 'timeout' && this.#place?.isWaiting === true ? 'overloaded' : reason;
    this.#attempt?.stop(this.#stopped);
    this.#place?.leave();
    this.#interrupt?.();
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
    const { coolDown, strangers, isProven } = this.settings;
    this.#givesWay = !isProven();
    const isWanted =
      coolDown.isWanted(this.#cpe) || (this.#visit !== undefined && strangers?.isWanted(this.#visit.place) === true);
    if (this.#givesWay && isWanted) return false;
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

  /** Asks for the CPE. Resolves when it is free for it; nothing when it is now. */
  #enter(): Promise<void> | undefined {
    const { strangers } = this.settings;
    return strangers === undefined ? this.#enterCpe() : this.#enterAsStranger(strangers);
  }

  async #enterAsStranger(strangers: CoolDown): Promise<void> {
    const place = placeOf(this.settings.origin, this.#address);
    const { block, lane } = this;
    let isFree = false;
    let onFree = (): void => {
      isFree = true;
    };
    this.#visit = { place, visitor: { block, lane, start: () => onFree(), wanted: () => this.wanted() } };
    strangers.enter(place, this.#visit.visitor, false);
    if (!isFree) {
      await this.#itsTurn(
        new Promise<void>((resolve) => {
          onFree = resolve;
        }),
      );
    }
    if (this.#stopped === undefined) await this.#enterCpe();
  }

  #enterCpe(): Promise<void> | undefined {
    const { coolDown, isProven, isNext } = this.settings;
    this.#isFree = false;
    coolDown.enter(this.#cpe, this, isProven(), isNext);
    return this.#isFree ? undefined : this.#waitUntilFree();
  }

  /** Asks the other instances for the CPE. */
  async #enterInstances(enter: (cpe: string) => Promise<WakeOutcome | undefined>): Promise<WakeOutcome | undefined> {
    const { askedAt } = this;
    this.record.begin('turn');
    this.#isEntered = true;
    // Another instance may be asking it, for this one too.
    this.askedAt ??= performance.now();
    const outcome = await this.#unlessStopped(enter(this.#cpe));
    if (this.#stopped !== undefined) return undefined;
    this.record.end();
    if (outcome === undefined) this.askedAt = askedAt;
    return outcome;
  }

  /** Leaves the CPE to others. */
  #leave(outcome: WakeOutcome | undefined): void {
    const { coolDown, strangers, leaveInstances } = this.settings;
    if (this.#isEntered) leaveInstances?.(this.#cpe, outcome);
    this.#isEntered = false;
    const hasAsked = this.record.address === this.#address;
    coolDown.leave(this.#cpe, this, hasAsked);
    if (this.#visit !== undefined) strangers?.leave(this.#visit.place, this.#visit.visitor, hasAsked);
    this.#visit = undefined;
  }

  /** Turns to another address, where another CPE may be: it has to be free. */
  async #moveTo(address: string): Promise<void> {
    const { origin, enterInstances, onMove } = this.settings;
    if (address === this.#address) return;
    this.#place?.leave();
    this.#leave(undefined);
    this.#address = address;
    this.#cpe = cpeKey(origin, address);
    if (onMove !== undefined) await this.#itsTurn(onMove(address));
    if (this.#stopped === undefined) await this.#enter();
    // What others have made of it is not asked for: it may be another CPE.
    let isTaken = enterInstances !== undefined;
    while (this.#stopped === undefined && isTaken) {
      isTaken = enterInstances !== undefined && (await this.#enterInstances(enterInstances)) !== undefined;
    }
    if (this.#stopped !== undefined) return;
    const room = this.#place?.moveTo(address);
    if (room !== undefined) await waitForTurn(this.record, room, () => this.#stopped !== undefined);
  }

  #waitUntilFree(): Promise<void> {
    return this.#itsTurn(
      new Promise<void>((resolve) => {
        this.#onFree = resolve;
      }),
    );
  }

  async #itsTurn(turn: Promise<void>): Promise<void> {
    this.record.begin('turn');
    await this.#unlessStopped(turn);
    if (this.#stopped === undefined) this.record.end();
  }

  async #attempts(): Promise<WakeOutcome> {
    const { addresses } = this.settings;
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await this.#try(attempt);
      if (this.#stopped !== undefined || !isWorthAnother(outcome) || attempt >= this.#retries) return outcome;
      const pause = firstPauseMs * 2 ** attempt * (1 + Math.random() / 4);
      if (performance.now() + pause >= this.#deadline) return outcome;
      clearTimeout(this.#timer);
      this.#place?.leave();
      await this.#pause(pause);
      if (this.#stopped === undefined && addresses.length > 1) await this.#moveTo(addresses[0]);
      if (this.#stopped !== undefined) return this.#stopped;
    }
  }

  #try(attempt: number): Promise<WakeOutcome> {
    const { origin, addresses, policy, tls, limits, connections, isNext } = this.settings;
    const since = performance.now();
    // What is left is shared evenly among the attempts that may still come. A caller that joins may bring more time.
    const timeLeft = () =>
      since + (this.#deadline - since) / (1 + Math.max(0, this.#retries - attempt)) - performance.now();
    this.#timeLeft = timeLeft;
    const lane = placeOf(origin, this.#address);
    const place = new WakePlace(limits, this.#address, lane, isNext, () => this.stop('overloaded'));
    this.#place = place;
    const onAsk = () => {
      this.askedAt ??= performance.now();
      this.settings.onAsk(this.#cpe);
    };
    const onNext = addresses.length > 1 ? (address: string) => this.#moveTo(address) : nowhere;
    this.#attempt = this.settings.attempt(
      { origin, addresses, policy, tls, connections, timeLeft, place, onAsk, onNext },
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

  async #pause(ms: number): Promise<void> {
    this.record.begin('pause');
    let timer: NodeJS.Timeout | undefined;
    // The caller waits for it, so it may keep the process alive; it ends with the caller's time, or with all wakes.
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

/** A CPE with one address has no next one. */
const nowhere = (): Promise<void> => Promise.resolve();

/** Another attempt helps only where the CPE was not reached, had no time or was busy; never where it refused. */
function isWorthAnother(outcome: WakeOutcome): boolean {
  return outcome === 'unreachable' || outcome === 'timeout' || outcome === 'busy';
}
