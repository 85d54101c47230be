/** One adversarial input of a given size, ready to run. */
export interface Prepared {
  /** How long the input is, decoded, in bytes; of a table, how many operations a run makes. */
  readonly length: number;
  /** Lets the code under test read it once. */
  run(): unknown;
}

/** A kind of input for one parser. */
export interface StallCase {
  readonly room: string;
  readonly name: string;
  /** n, 2n and 4n: bytes, or operations of a table. */
  readonly sizes: readonly [number, number, number];
  /** Whether `length` counts operations: CPU per 64 KiB means nothing then. */
  readonly countsOperations?: true;
  /**
   * How many operations a run makes in each turn, where it makes so many in all of them. The usual turn counts then for how the cost
   * grows, and the pauses of V8's collector do not count: no network has so much garbage made in so short a time.
   */
  readonly operationsPerTurn?: number;
  /**
   * A case that does as little as can be done at these sizes: no table grows less than the memory it lies in. What grows too fast is
   * measured against it, and passes where it grows no faster.
   */
  readonly yardstick?: StallCase;
  make(size: number): Prepared;
}

/** A text of at least `size` characters made of one that is repeated. */
export function repeated(unit: string, size: number): string {
  return unit.repeat(Math.max(1, Math.ceil(size / unit.length)));
}

/** A case whose input is a text that is handed to a synchronous function. */
export function textCase(
  room: string,
  name: string,
  sizes: readonly [number, number, number],
  write: (size: number) => string,
  read: (text: string) => unknown,
): StallCase {
  return {
    room,
    name,
    sizes,
    make(size) {
      const text = write(size);
      return { length: text.length, run: () => read(text) };
    },
  };
}

const operationsPerTurn = 100;

/** A case whose runs make `size` operations, one by one, on what `prepare` made, which is `size` long: each must cost the same. */
export function operationsCase(
  room: string,
  name: string,
  sizes: readonly [number, number, number],
  prepare: (size: number) => (at: number) => unknown,
): StallCase {
  return {
    room,
    name,
    sizes,
    countsOperations: true,
    operationsPerTurn,
    make(size) {
      const operate = prepare(size);
      let at = 0;
      return {
        length: size,
        async run() {
          for (const until = at + size; at < until; at += 1) {
            const pending = operate(at);
            if (pending instanceof Promise) await pending;
            if (at % operationsPerTurn === 0) {
              await new Promise((resolve) => {
                setImmediate(resolve);
              });
            }
          }
        },
      };
    },
  };
}
