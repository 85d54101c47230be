/** One table of the report. */
export interface Section {
  title: string;
  /** What was done. */
  intro: string;
  columns: readonly string[];
  rows: readonly (readonly string[])[];
  /** What a reader must know. */
  notes: readonly string[];
}

/** One of the figures that the project promised, and what it is. */
export interface Bar {
  /** Which: `1a`, `3`. */
  id: string;
  what: string;
  /** What was measured; `NaN` when it was not. */
  figure: number;
  /** At most this, unless `atLeast`. */
  limit: number;
  atLeast?: boolean;
}

/** What a workload hands to the report. */
export interface WorkloadReport {
  sections: readonly Section[];
  bars: readonly Bar[];
  /** All figures, for the JSON report. */
  raw: unknown;
}

/** Whether a bar is met; `undefined` when its figure is missing. */
export function isMet({ figure, limit, atLeast = false }: Bar): boolean | undefined {
  if (Number.isNaN(figure)) return undefined;
  return atLeast ? figure >= limit : figure <= limit;
}

/** The bars as a table. */
export function barSection(bars: readonly Bar[]): Section {
  const verdict = (bar: Bar): string =>
    ({ true: 'met', false: '**missed**', undefined: 'not measured' })[`${isMet(bar)}`];
  return {
    title: 'The bars',
    intro: 'What was promised against what was measured in this run.',
    columns: ['bar', 'what', 'figure', 'limit', ''],
    rows: bars.map((bar) => [
      bar.id,
      bar.what,
      Number.isNaN(bar.figure) ? '–' : bar.figure.toPrecision(3),
      `${bar.atLeast === true ? '≥' : '≤'} ${bar.limit}`,
      verdict(bar),
    ]),
    notes: [],
  };
}
