import { rewriteMessage } from '@cwmp-proxy/core';
import { SaxesParser } from 'saxes';
import { informBody, valuesBody } from './bodies.js';

// CPU time of the rewriter and of a bare saxes pass (open-tag, text and close-tag handlers) over the same bytes, in
// alternating rounds; medians and their ratio. Absolute figures move with the machine, the ratios hold.

const rounds = 15;
const rewriteUrl = (url: string): string => `http://proxy.example/client?origin=${url}`;
let sink = 0;

function bare(bytes: Buffer): void {
  const parser = new SaxesParser();
  parser.on('opentag', () => (sink += 1));
  parser.on('text', (text) => (sink += text.length));
  parser.on('closetag', () => (sink += 1));
  parser.write(bytes.toString('latin1')).close();
}

function rewrite(bytes: Buffer): void {
  sink += rewriteMessage(bytes, { rewriteUrl }).body.length;
}

function rewriteAndRead(bytes: Buffer): void {
  const { message } = rewriteMessage(bytes, { rewriteUrl });
  if (message.isInform) sink += (message.device?.oui.length ?? 0) + message.events.length;
}

/** Microseconds of CPU that `count` runs take, for each. */
function cpuPerRun(run: (bytes: Buffer) => void, bytes: Buffer, count: number): number {
  const before = process.cpuUsage();
  for (let at = 0; at < count; at += 1) run(bytes);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function compare(title: string, bytes: Buffer, run: (bytes: Buffer) => void, bar: string): void {
  const count = Math.max(2, Math.round(4_000_000 / bytes.length));
  const figures: { bare: number[]; ours: number[] } = { bare: [], ours: [] };
  cpuPerRun(bare, bytes, count);
  cpuPerRun(run, bytes, count);
  for (let round = 0; round < rounds; round += 1) {
    figures.bare.push(cpuPerRun(bare, bytes, count));
    figures.ours.push(cpuPerRun(run, bytes, count));
  }
  const [theirs, ours] = [median(figures.bare), median(figures.ours)];
  const ratio =
    ours < theirs / 2 ? `${(theirs / ours).toFixed(1)} times cheaper` : `${(ours / theirs).toFixed(2)} of it`;
  const speed = `${(bytes.length / ours).toFixed(0)} MB/s`;
  const cells = [title.padEnd(44), `${ours.toFixed(2)} µs`.padStart(12), `${theirs.toFixed(1)} µs`.padStart(12)];
  process.stdout.write(`${cells.join('')}  ${ratio.padEnd(20)} ${speed.padStart(11)}   ${bar}\n`);
}

process.stdout.write(`${' '.repeat(44)}${'rewriter'.padStart(12)}${'bare saxes'.padStart(11)}\n`);
const inform = informBody(14, 5);
compare('4 KB Inform with the URL', inform, rewrite, 'bar: at most 1.10 of it, aim 0.60');
compare('  URL last', informBody(14, 13), rewrite, '');
compare('  and device and events read', inform, rewriteAndRead, '');
const values = valuesBody(4_000);
compare('4 KB GetParameterValuesResponse without it', values, rewrite, 'bar: at least 20 times cheaper');
compare('  and asked whether it is an Inform', values, rewriteAndRead, '');
compare('5 MB GetParameterValuesResponse without it', valuesBody(5_000_000), rewrite, 'bar: at least 1000 MB/s');
compare(
  '5 MB GetParameterValuesResponse with it',
  valuesBody(5_000_000, 0.5),
  rewrite,
  'bar: at least 3 times cheaper',
);
compare('  URL first', valuesBody(5_000_000, 0), rewrite, '');
compare('  URL last', valuesBody(5_000_000, 1), rewrite, '');
process.stdout.write(`${inform.length} and ${values.length} bytes; ${sink > 0 ? rounds : 0} rounds each\n`);
