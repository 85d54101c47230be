import { BoundedMap } from '../bounded-map.js';

/** Waits for its turn, or has it. */
interface Turn {
  readonly lane: string;
  readonly start: () => void;
  state: 'waiting' | 'running' | 'over';
}

/**
 * A limit on how much runs at once, with a fair queue: the lanes take turns, and within a lane the first come is the first
 * served. So a gateway with a thousand devices behind one address does not keep the others waiting.
 */
export class Turns {
  readonly #limit: number;
  #running = 0;
  /** Turns that wait, by lane; the lane that is next stands first. */
  readonly #lanes = new BoundedMap<string, BoundedMap<Turn, true>>(Infinity);

  /** @param limit how many may run at once. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Asks for a turn. `start` is called when it comes, at once if there is room.
   *
   * @returns ends the turn, or gives it up while it waits; to be called once it is over, calling it again does nothing.
   */
  take(lane: string, start: () => void): () => void {
    const turn: Turn = { lane, start, state: 'waiting' };
    if (this.#running < this.#limit) {
      this.#begin(turn);
    } else {
      let waiting = this.#lanes.get(lane);
      if (waiting === undefined) {
        waiting = new BoundedMap(Infinity);
        this.#lanes.set(lane, waiting);
      }
      waiting.set(turn, true);
    }
    return () => this.#end(turn);
  }

  #begin(turn: Turn): void {
    turn.state = 'running';
    this.#running += 1;
    turn.start();
  }

  #end(turn: Turn): void {
    const { state } = turn;
    turn.state = 'over';
    if (state === 'waiting') {
      const waiting = this.#lanes.get(turn.lane);
      waiting?.delete(turn);
      if (waiting?.size === 0) this.#lanes.delete(turn.lane);
    } else if (state === 'running') {
      this.#running -= 1;
      this.#next();
    }
  }

  #next(): void {
    while (this.#running < this.#limit) {
      const { oldestKey: lane, oldest: waiting } = this.#lanes;
      if (lane === undefined || waiting === undefined) return;
      const turn = waiting.oldestKey;
      this.#lanes.delete(lane);
      if (turn === undefined) continue;
      waiting.delete(turn);
      // Its next one waits behind those of all other lanes.
      if (waiting.size > 0) this.#lanes.set(lane, waiting);
      this.#begin(turn);
    }
  }
}
