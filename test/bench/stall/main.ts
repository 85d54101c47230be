import { connectionCases } from './connection-cases.js';
import { headerCases } from './header-cases.js';
import { measure, type StallFigures } from './measure.js';
import { soapCases } from './soap-cases.js';
import type { StallCase } from './stall-case.js';
import { tableCases } from './table-cases.js';

// How long one input can hold the event loop, whatever stands in it. Each parser gets inputs that are made to be expensive for it, of
// n, 2n and 4n, up to what the limits let in. A figure that is over its bar is measured again: the machine may have been busy.

const longestTurnMs = 25;
const longestCpuMs = 25;
const highestExponent = 1.2;
const attempts = 3;

const only = process.argv[2];
const cases: readonly StallCase[] = [...soapCases, ...headerCases, ...connectionCases, ...tableCases];

function faultOf({ longestMs, cpuMs = 0, exponent }: StallFigures): string {
  if (longestMs > longestTurnMs) return 'a turn is too long';
  if (cpuMs > longestCpuMs) return 'too much CPU';
  return exponent > highestExponent ? 'grows too fast' : '';
}

async function best(one: StallCase): Promise<StallFigures> {
  let figures = await measure(one);
  for (let attempt = 1; attempt < attempts && faultOf(figures) !== ''; attempt += 1) {
    const again = await measure(one);
    figures = {
      longestMs: Math.min(figures.longestMs, again.longestMs),
      cpuMs: figures.cpuMs === undefined ? undefined : Math.min(figures.cpuMs, again.cpuMs ?? Infinity),
      exponent: Math.min(figures.exponent, again.exponent),
      runs: again.runs,
    };
  }
  return figures;
}

const columns = ['longest turn', 'CPU per 64 KiB', 'exponent', 'runs'];
process.stdout.write(`${'input'.padEnd(64)}${'4n'.padStart(10)}${columns.map((name) => name.padStart(16)).join('')}\n`);
let faults = 0;
for (const one of cases) {
  const title = `${one.room}: ${one.name}`;
  if (only !== undefined && !title.includes(only)) continue;
  const figures = await best(one);
  const fault = faultOf(figures);
  if (fault !== '') faults += 1;
  const { longestMs, cpuMs, exponent, runs } = figures;
  const cells = [
    `${longestMs.toFixed(2)} ms`,
    cpuMs === undefined ? '' : `${cpuMs.toFixed(2)} ms`,
    exponent.toFixed(2),
    String(runs),
  ];
  const cellsText = cells.map((cell) => cell.padStart(16)).join('');
  process.stdout.write(`${title.padEnd(64)}${String(one.sizes[2]).padStart(10)}${cellsText}  ${fault}\n`);
}
process.stdout.write(faults === 0 ? 'every bar holds\n' : `${faults} inputs are over a bar\n`);
process.exitCode = faults === 0 ? 0 : 1;
