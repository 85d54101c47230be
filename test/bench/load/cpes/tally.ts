import { Latencies } from '../statistics.js';

/** What a load has done so far; work adds to it, a {@link measureWindow} reads it. */
export class Tally {
  messages = 0;
  sessions = 0;
  /** Answers that were not what was expected, and connections that broke. */
  faults = 0;
  /** Times of single messages. */
  latencies: Latencies = new Latencies();

  /** Notes one message that took from `since` until now (`performance.now()`). */
  message(since: number): void {
    this.messages += 1;
    this.latencies.add(performance.now() - since);
  }
}
