import { FairQueue, type Waiting } from './fair-queue.js';
import { Spacing } from './spacing.js';

/** One that is with a CPE, or waits for it. */
export interface Visitor extends Waiting {
  /** It may turn to the CPE now. */
  start(): void;
  /** Somebody else waits for the CPE. */
  wanted?(): void;
}

interface Visits {
  current: Visitor | undefined;
  /** Made for the first one that waits. */
  queue: FairQueue<Visitor> | undefined;
  /** Runs until the CPE may be asked again. */
  timer: NodeJS.Timeout | undefined;
}

/** One at a time with each CPE, and a least time between the end of one and the begin of the next. */
export class CoolDown {
  readonly #spacing: Spacing;
  /** CPEs that somebody is with, or waits for. */
  readonly #cpes = new Map<string, Visits>();

  /** @param ms Least time between two, in milliseconds; 0 keeps none. */
  constructor(ms: number) {
    this.#spacing = new Spacing(ms);
  }

  /**
   * Asks for a CPE. `start` is called when it is free, which may be at once.
   *
   * @param isFirst Whether it goes before others that wait.
   * @param isNext Whether it goes on with what another has begun, on its connection: it waits for nothing and nobody.
   */
  enter(key: string, visitor: Visitor, isFirst: boolean, isNext = false): void {
    const visits = this.#cpes.get(key) ?? { current: undefined, queue: undefined, timer: undefined };
    this.#cpes.set(key, visits);
    if (visits.current === undefined && (isNext || (visits.timer === undefined && this.#spacing.left(key) === 0))) {
      this.#begin(visits, visitor);
      return;
    }
    if (isNext) {
      visitor.start();
      return;
    }
    visits.queue ??= new FairQueue();
    visits.queue.add(visitor, isFirst);
    if (visits.current === undefined) this.#next(key, visits);
    else visits.current.wanted?.();
  }

  /** Whether somebody waits for this CPE. */
  isWanted(key: string): boolean {
    return (this.#cpes.get(key)?.queue?.size ?? 0) > 0;
  }

  /** It is over, or waits no more. @param hasAsked Whether the CPE was asked. */
  leave(key: string, visitor: Visitor, hasAsked: boolean): void {
    if (hasAsked) this.#spacing.mark(key);
    const visits = this.#cpes.get(key);
    if (visits === undefined) return;
    if (visits.current === visitor) visits.current = undefined;
    else visits.queue?.delete(visitor);
    if (visits.current === undefined) this.#next(key, visits);
  }

  /** Forgets when CPEs were asked. */
  clear(): void {
    this.#spacing.clear();
  }

  #next(key: string, visits: Visits): void {
    clearTimeout(visits.timer);
    visits.timer = undefined;
    if (visits.queue === undefined || visits.queue.size === 0) {
      this.#cpes.delete(key);
      return;
    }
    const left = this.#spacing.left(key);
    if (left > 0) {
      // Its callers wait for it, so it may keep the process alive; it ends with the last of them.
      visits.timer = setTimeout(() => this.#next(key, visits), left);
      return;
    }
    const visitor = visits.queue.next(() => true);
    if (visitor !== undefined) this.#begin(visits, visitor);
  }

  #begin(visits: Visits, visitor: Visitor): void {
    visits.current = visitor;
    clearTimeout(visits.timer);
    visits.timer = undefined;
    visitor.start();
  }
}
