import { BoundedMap } from '../bounded-map.js';
import { inTurns } from '../in-turns.js';

type Settle = (called: boolean) => void;

/**
 * Those who wait for something that is given to one after the other, or to all at once. Bounded. Client addresses take turns, so
 * that one with many requests does not keep the others waiting.
 */
export class WaitingLine {
  readonly #max: number;
  #size = 0;
  #isCallingAll = false;
  /** Who waits, by client address; the one whose turn is next stands first. */
  readonly #lanes = new BoundedMap<string, BoundedMap<Settle, true>>(Infinity);

  /** @param max Most that wait; more are turned away at once. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Resolves with true when called, with false when the time is over, the signal says so or too many wait. */
  wait(client: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    if (timeoutMs <= 0 || signal.aborted || this.#size >= this.#max) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (called: boolean): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
        this.#leave(client, settle);
        resolve(called);
      };
      const leave = (): void => settle(false);
      const timer = setTimeout(leave, timeoutMs);
      timer.unref();
      signal.addEventListener('abort', leave);
      this.#enter(client, settle);
    });
  }

  /** Calls the one whose turn is next. */
  callOne(): void {
    const { oldestKey: client, oldest: lane } = this.#lanes;
    if (client === undefined || lane === undefined) return;
    // The others of its address wait behind those of all other addresses.
    this.#lanes.set(client, lane);
    lane.oldestKey?.(true);
  }

  /** Calls everybody, a few in each turn of the event loop, as long as it holds that all may be called. */
  callAll(holds: () => boolean): void {
    if (this.#isCallingAll) return;
    this.#isCallingAll = true;
    inTurns(this.#whileWaiting(holds), () => this.callOne());
  }

  *#whileWaiting(holds: () => boolean): Generator<void, void, undefined> {
    while (this.#size > 0 && holds()) yield;
    this.#isCallingAll = false;
  }

  #enter(client: string, settle: Settle): void {
    const lane = this.#lanes.get(client) ?? new BoundedMap<Settle, true>(Infinity);
    lane.set(settle, true);
    if (lane.size === 1) this.#lanes.set(client, lane);
    this.#size += 1;
  }

  #leave(client: string, settle: Settle): void {
    const lane = this.#lanes.get(client);
    if (lane?.delete(settle) !== true) return;
    this.#size -= 1;
    if (lane.size === 0) this.#lanes.delete(client);
  }
}
