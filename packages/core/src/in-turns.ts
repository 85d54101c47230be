/**
 * How many are called in one turn of the event loop. What follows from a call in the same turn, a connection that is opened or closed and
 * an answer that is written, takes some tenths of a millisecond.
 */
export const callsPerTurn = 16;

/**
 * Calls a function for each: the first few at once, the others a few in each further turn of the event loop, so that thousands who
 * wait for one thing do not hold all others up when it comes. What is iterated may change meanwhile, as its iterator allows.
 */
export function inTurns<T>(items: Iterable<T>, call: (item: T) => void): void {
  const left = items[Symbol.iterator]();
  const goOn = (): void => {
    for (let count = 0; count < callsPerTurn; count += 1) {
      const next = left.next();
      if (next.done === true) return;
      call(next.value);
    }
    setImmediate(goOn);
  };
  goOn();
}
