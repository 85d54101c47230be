import { parseArgs } from 'node:util';
import { connectionCases } from './connection-cases.js';
import { headerCases } from './header-cases.js';
import { hostCases } from './host-cases.js';
import { measure, type StallFigures } from './measure.js';
import { soapCases } from './soap-cases.js';
import type { StallCase } from './stall-case.js';
import { tableCases } from './table-cases.js';
import { turnCases } from './turn-cases.js';

// How long one input can hold the event loop, whatever stands in it. Each parser gets inputs that are made to be expensive for it, of
// n, 2n and 4n, up to what the limits let in; each table as many entries. A figure that is over its bar is measured again: the
// machine may have been busy. `--only=cookie` takes the rows that have this in their title.

const longestTurnMs = 25;
const longestCpuMs = 25;
const highestExponent = 1.2;
const attempts = 3;
const growsTooFast = 'grows too fast';

interface Row {
  readonly room: string;
  readonly title: string;
  readonly figures: StallFigures;
  readonly fault: string;
}

const { only } = parseArgs({ options: { only: { type: 'string', default: '' } } }).values;
const cases: readonly StallCase[] = [
  ...soapCases,
  ...headerCases,
  ...connectionCases,
  ...tableCases,
  ...turnCases,
  ...hostCases,
];

function faultOf({ longestMs, cpuMs = 0, exponent = 0 }: StallFigures): string {
  if (longestMs > longestTurnMs) return 'a turn is too long';
  if (cpuMs > longestCpuMs) return 'too much CPU';
  return exponent > highestExponent ? growsTooFast : '';
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : Math.min(one, other);
}

async function best(one: StallCase): Promise<StallFigures> {
  let figures = await measure(one);
  for (let attempt = 1; attempt < attempts && faultOf(figures) !== ''; attempt += 1) {
    const again = await measure(one);
    figures = {
      ...again,
      longestMs: Math.min(figures.longestMs, again.longestMs),
      cpuMs: least(figures.cpuMs, again.cpuMs),
      exponent: least(figures.exponent, again.exponent),
    };
  }
  return figures;
}

function write(title: string, cells: readonly string[], note = ''): void {
  process.stdout.write(
    `${title.padEnd(64)}${cells.map((cell) => cell.padStart(11)).join('')}  ${note}`.trimEnd() + '\n',
  );
}

function digits(value: number | undefined, count: number): string {
  return value === undefined ? '-' : value.toFixed(count);
}

function cellsOf({ runMs, longestMs, cpuMs, exponent, runs }: StallFigures): string[] {
  return [
    ...runMs.map((value) => digits(value, 3)),
    digits(longestMs, 2),
    digits(cpuMs, 2),
    digits(exponent, 2),
    String(runs),
  ];
}

function largest(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce<number | undefined>((most, value) => ((value ?? 0) > (most ?? 0) ? value : most), undefined);
}

const started = performance.now();
write('input', ['length', 'n', '2n', '4n', 'turn', 'per 64 KiB', 'exponent', 'runs']);
const rows: Row[] = [];
for (const one of cases) {
  const title = `${one.room}: ${one.name}`;
  if (!title.includes(only)) continue;
  const figures = await best(one);
  let fault = faultOf(figures);
  if (fault === growsTooFast && one.yardstick !== undefined) {
    const { exponent = 0 } = await measure(one.yardstick);
    if (exponent >= (figures.exponent ?? 0)) {
      figures.exponent = undefined;
      fault = '';
      write(`${one.yardstick.name} grows faster: ${exponent.toFixed(2)}`, []);
    }
  }
  rows.push({ room: one.room, title, figures, fault });
  write(title, [String(one.sizes[2]), ...cellsOf(figures)], fault);
}

write('\nroom', ['rows', 'turn', 'per 64 KiB', 'exponent']);
for (const room of new Set(rows.map((row) => row.room))) {
  const own = rows.filter((row) => row.room === room);
  const worst = (['longestMs', 'cpuMs', 'exponent'] as const).map((name) =>
    largest(own.map((row) => row.figures[name])),
  );
  write(room, [String(own.length), ...worst.map((value) => digits(value, 2))]);
}

/** How near a row is to its bars: 1 is at one of them. */
function nearness({ figures: { longestMs, cpuMs = 0, exponent = 0 } }: Row): number {
  return Math.max(longestMs / longestTurnMs, cpuMs / longestCpuMs, (exponent - 1) / (highestExponent - 1));
}

write('\nnearest to a bar', ['n', '2n', '4n', 'turn', 'per 64 KiB', 'exponent', 'runs']);
for (const { title, figures, fault } of rows.toSorted((one, other) => nearness(other) - nearness(one)).slice(0, 10)) {
  write(title, cellsOf(figures), fault);
}
const faults = rows.filter((row) => row.fault !== '').length;
const minutes = (performance.now() - started) / 60_000;
const verdict = faults === 0 ? 'every bar holds' : `${faults} are over a bar`;
process.stdout.write(`\n${rows.length} rows in ${minutes.toFixed(1)} minutes, Node ${process.version}: ${verdict}\n`);
process.exitCode = faults === 0 ? 0 : 1;
