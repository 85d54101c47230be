import type { Observation, Party } from './journal.js';
import { eventsOf, methodOf } from './message.js';
import type { Paint, Role } from './paint.js';

/** Where the lifeline of each party stands: the picture is 106 columns wide. */
const columns: Readonly<Record<Party, number>> = { CPE: 6, proxy: 44, 'ACS-1': 82, 'ACS-2': 93, 'ACS-3': 103 };
const parties: readonly Party[] = ['CPE', 'proxy', 'ACS-1', 'ACS-2', 'ACS-3'];
const width = 106;

/** The names above the lifelines. */
export function ladderHead(paint: Paint): string {
  const cells = Array.from({ length: width }, () => ' ');
  for (const party of parties) put(cells, columns[party] - Math.floor(party.length / 2), party);
  return paint('title', cells.join('').trimEnd());
}

/** Lifelines without a message. */
export function ladderGap(paint: Paint): string {
  return paint('faint', lifelines().join('').trimEnd());
}

/** One row: a message on one side of the proxy, or the same message on both sides, one after the other. */
export function ladderRow(observations: readonly Observation[], paint: Paint, step?: number): string {
  const cells = lifelines();
  const roles = cells.map((): Role => 'faint');
  if (step !== undefined) {
    put(cells, 0, String(step).padStart(2));
    roles.fill('title', 0, 2);
  }
  for (const observation of observations) {
    const from = columns[observation.from];
    const to = columns[observation.to];
    const left = Math.min(from, to);
    const right = Math.max(from, to);
    for (let column = left + 1; column < right; column += 1) cells[column] = cells[column] === '│' ? '┼' : '─';
    cells[to > from ? to - 1 : to + 1] = to > from ? '▶' : '◀';
    // The label has its place next to the proxy, or next to the CPE; it never covers another party's lifeline.
    const space = Math.min(right, columns[left < columns.proxy ? 'proxy' : 'ACS-1']) - left - 8;
    put(cells, left + 4, ` ${describe(observation, space)} `);
    roles.fill(roleOf(observation), left + 1, right);
  }
  return paintRuns(cells, roles, paint);
}

/** Puts the two halves of a message that went straight through the proxy into one row. */
export function ladderRows(observations: readonly Observation[]): Observation[][] {
  const rows: Observation[][] = [];
  for (const observation of observations) {
    const [first, second] = rows.at(-1) ?? [];
    const goesOn =
      first !== undefined &&
      second === undefined &&
      first.to === 'proxy' &&
      observation.from === 'proxy' &&
      observation.to !== first.from &&
      describe(first, 99) === describe(observation, 99);
    if (goesOn) rows.at(-1)?.push(observation);
    else rows.push([observation]);
  }
  return rows;
}

/** What a message is, in at most `space` characters: read from the message, not from the script of the demo. */
function describe(observation: Observation, space: number): string {
  const { request, status, schemes, body } = observation;
  const method = methodOf(body);
  if (request === undefined) return shorten([String(status), method ?? schemes.join('+')].join(' ').trim(), space);
  if (request.method === 'POST') {
    if (method === 'Inform') return shorten(`Inform ${eventsOf(body).join(', ')}`, space);
    return shorten(method ?? (body.length === 0 ? 'POST, empty' : 'POST'), space);
  }
  const withScheme = schemes.length === 0 ? '' : ` + ${schemes.join('+')}`;
  return shorten(`${request.method} ${request.target}`, space - withScheme.length) + withScheme;
}

function roleOf({ status }: Observation): Role {
  if (status === undefined) return 'request';
  if (status >= 200 && status < 300) return 'success';
  return status === 401 ? 'challenge' : 'fault';
}

function lifelines(): string[] {
  const cells = Array.from({ length: width }, () => ' ');
  for (const party of parties) cells[columns[party]] = '│';
  return cells;
}

function put(cells: string[], at: number, text: string): void {
  for (let index = 0; index < text.length; index += 1) cells[at + index] = text.charAt(index);
}

/** Fits a text from the wire into its place; what is no printable ASCII must not reach the terminal. */
function shorten(text: string, space: number): string {
  const safe = text.replaceAll(/[^ -~]/g, '?');
  return safe.length <= space ? safe : `${safe.slice(0, space - 1)}…`;
}

function paintRuns(cells: readonly string[], roles: readonly Role[], paint: Paint): string {
  let line = '';
  let start = 0;
  const end = cells.length;
  for (let column = 1; column <= end; column += 1) {
    if (column < end && roles[column] === roles[start]) continue;
    line += paint(roles[start] ?? 'plain', cells.slice(start, column).join(''));
    start = column;
  }
  return line.trimEnd();
}
