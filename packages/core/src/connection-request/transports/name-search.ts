import { setMaxListeners } from 'node:events';
import type { Answer } from '../../names/answer.js';
import type { Names, NameWaiter } from '../../names/names.js';
import type { WakePolicy } from '../../policy/target-policy.js';
import { isAllowed, type Origin } from '../cpe-url.js';
import { firstPauseMs, outcomeOfFailure, type StopReason } from './http-transport.js';
import { WakeRecord } from '../record.js';
import type { WakeOutcome } from '../result.js';

/** What a {@link NameSearch} goes by. */
export interface SearchSettings {
  readonly origin: Origin;
  readonly policy: WakePolicy | undefined;
  readonly names: Names;
  /** Whose look-ups take turns with those of others. */
  readonly asker: string;
  /** When its time is over, on the clock of `performance.now()`. */
  readonly deadline: number;
  /** How often the name may be looked up again. */
  readonly retries: number;
  /** Ends it. */
  readonly signal: AbortSignal | undefined;
}

/** Most addresses of one name that are dialled: each may cost its own time. */
const maxAddresses = 4;

/**
 * Looks up the name of a CPE before anything is decided about its wake: limits go by the address. The name is looked up once, so that what
 * was checked is what is dialled.
 */
export class NameSearch {
  readonly record: WakeRecord = new WakeRecord();
  readonly #settings: SearchSettings;
  #stopped: StopReason | undefined;
  #interrupt: (() => void) | undefined;

  constructor(settings: SearchSettings) {
    this.#settings = settings;
  }

  /** The first few addresses that the policy lets through, or how the wake ends. Rejects where the policy throws. */
  async run(): Promise<readonly [string, ...string[]] | WakeOutcome> {
    const { deadline, retries, signal } = this.#settings;
    // The caller waits for it, so it may keep the process alive.
    const timer = setTimeout(() => this.stop('timeout'), Math.max(0, deadline - performance.now()));
    const onAbort = (): void => this.stop(signal?.reason === 'overloaded' ? 'overloaded' : 'aborted');
    if (signal !== undefined) setMaxListeners(0, signal);
    signal?.addEventListener('abort', onAbort);
    try {
      for (let attempt = 0; ; attempt += 1) {
        const found = await this.#resolve();
        if (this.#stopped !== undefined) return this.#stopped;
        if (typeof found !== 'string') return found;
        const outcome = outcomeOfFailure({ error: found, unreached: true });
        const pauseMs = firstPauseMs * 2 ** attempt * (1 + Math.random() / 4);
        if (outcome !== 'unreachable' || attempt >= retries || performance.now() + pauseMs >= deadline) return outcome;
        await this.#pause(pauseMs);
        if (this.#stopped !== undefined) return this.#stopped;
      }
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Ends it. */
  stop(reason: StopReason): void {
    // A name server whose turn does not come is not too slow.
    this.#stopped ??= reason === 'timeout' && this.record.what === 'turn' ? 'overloaded' : reason;
    this.#interrupt?.();
  }

  /** The addresses, or an error. */
  async #resolve(): Promise<readonly [string, ...string[]] | string> {
    const { origin, policy } = this.#settings;
    this.record.begin('resolve');
    const mayBeAllowed = policy?.mayAllow?.(origin.host, origin.port) ?? true;
    const answer = mayBeAllowed ? await this.#lookUp(origin.host) : { code: 'forbidden' };
    if (answer === undefined) return 'aborted';
    if ('code' in answer) {
      this.record.end({ error: answer.code });
      if (answer.code === 'overloaded') this.#makeRoom();
      return answer.code;
    }
    const [first, ...others] = answer.addresses.filter((address) => isAllowed(policy, origin, address));
    this.record.end(first === undefined ? { error: 'forbidden' } : undefined);
    return first === undefined ? 'forbidden' : [first, ...others.slice(0, maxAddresses - 1)];
  }

  #makeRoom(): void {
    this.record.begin('turn');
    this.record.end({ error: 'overloaded' });
    this.stop('overloaded');
  }

  async #lookUp(name: string): Promise<Answer | undefined> {
    const { names, asker } = this.#settings;
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
    const answer = await this.#unlessStopped<Answer>((resolve) => {
      answered = resolve;
    });
    if (answer === undefined) names.leave(name, waiter);
    return answer;
  }

  async #pause(ms: number): Promise<void> {
    this.record.begin('pause');
    let timer: NodeJS.Timeout | undefined;
    await this.#unlessStopped<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    if (this.#stopped === undefined) this.record.end();
  }

  #unlessStopped<T>(begin: (resolve: (value: T) => void) => void): Promise<T | undefined> {
    if (this.#stopped !== undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#interrupt = () => resolve(undefined);
      begin(resolve);
    });
  }
}
