import { BoundedMap } from '../../bounded-map.js';

/** Maximum number of other instances whose clocks are kept; the one that was heard longest ago is forgotten first. */
const maxPeers = 64;

/** How long a reading of another clock counts, in milliseconds: clocks drift, and stand still while a machine is suspended. */
const freshMs = 60_000;

/** Maximum of doubt about a time, in milliseconds, that goes in favour of a message. */
const maxDoubtMs = 1_000;

interface Reading {
  /** How far the clock of the other is ahead of ours, at least: a message may have taken a while. */
  readonly ahead: number;
  /** When it was read. */
  readonly at: number;
}

/**
 * Times of other instances on our own clock. Clocks of instances need not agree: `performance.now()` begins with each process, and
 * wall clocks differ by minutes. Each message says when it was sent, which tells how far the clock of its sender is ahead of
 * ours, at least; the sender tells the same of us. From both follows when something happened, to within a round trip.
 */
export class PeerClocks {
  readonly #id: string;
  readonly #now: () => number;
  readonly #readings = new BoundedMap<string, Reading>(maxPeers);

  /** @param id Our own name among the instances. */
  constructor(id: string, now: () => number = () => performance.now()) {
    this.#id = id;
    this.#now = now;
  }

  /** Now, on our clock. */
  now(): number {
    return this.#now();
  }

  /** A message has come that was sent when the clock of this instance said so. */
  heard(peer: string, sentAt: number): void {
    const at = this.#now();
    const ahead = sentAt - at;
    const known = this.#readings.get(peer);
    const isBetter = known === undefined || ahead >= known.ahead || at - known.at > freshMs;
    this.#readings.set(peer, isBetter ? { ahead, at } : known);
  }

  /** How far the clocks of others are ahead of ours, at least, for them to know. */
  readings(): Readonly<Record<string, number>> {
    const oldest = this.#now() - freshMs;
    const readings: Record<string, number> = {};
    for (const peer of this.#readings.keys()) {
      const reading = this.#readings.get(peer);
      if (reading !== undefined && reading.at >= oldest) readings[peer] = reading.ahead;
    }
    return readings;
  }

  /**
   * When something happened, on our clock; `undefined` where the other does not know ours. Doubt makes it later.
   *
   * @param at When it was, on the clock of the other.
   * @param readings What the other has read of clocks.
   */
  read(peer: string, at: number, readings: Readonly<Record<string, number>>): number | undefined {
    const ownAhead = Object.hasOwn(readings, this.#id) ? readings[this.#id] : undefined;
    const reading = this.#readings.get(peer);
    if (ownAhead === undefined || reading === undefined) return undefined;
    const doubtMs = Math.min(maxDoubtMs, Math.max(0, -ownAhead - reading.ahead));
    return Math.min(this.#now(), at + ownAhead + doubtMs);
  }
}
