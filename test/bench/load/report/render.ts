import type { Section } from './section.js';

/** A section as it stands in a terminal. */
export function renderText({ title, intro, columns, rows, notes }: Section): string {
  const plain = rows.map((row) => row.map((cell) => cell.replaceAll('**', '')));
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...plain.map((row) => (row[index] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('──');
  return [
    `\n${title}`,
    intro,
    '',
    line(columns),
    rule,
    ...plain.map(line),
    ...notes.map((note) => `· ${note}`),
    '',
  ].join('\n');
}

/** A section of a Markdown document. */
export function renderMarkdown({ title, intro, columns, rows, notes }: Section): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = columns.map((_, index) => (index === 0 ? '---' : '---:'));
  const table = [line(columns), line(rule), ...rows.map(line)].join('\n');
  return [`## ${title}`, intro, table, notes.map((note) => `- ${note}`).join('\n')]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** A number with as many places as are worth reading. */
export function short(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–';
  if (value >= 10 ** (digits - 1)) return Math.round(value).toString();
  return value.toPrecision(digits);
}

/** Bytes as megabytes. */
export function megabytes(bytes: number): string {
  return `${short(bytes / 1e6)} MB`;
}
