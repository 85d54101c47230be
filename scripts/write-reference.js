// Writes docs/reference.md out of the docstrings of packages/*/src, so that neither can lie:
//
//   node scripts/write-reference.js            writes it
//   node scripts/write-reference.js --check    fails where it differs, or where an option, event, code or outcome has no text
//
// A second argument names another root to read from.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const check = process.argv[2] === '--check';
const root = process.argv[check ? 3 : 2] ?? fileURLToPath(new URL('..', import.meta.url));
const faults = [];

/** The text of a docstring as Markdown of one line. */
function plain(comment = '') {
  return comment
    .replace(/^\/\*\*|\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .filter((line) => !line.startsWith('@'))
    .join(' ')
    .replace(/\{@link (?:CwmpProxyError\.)?([\w.]+)\}/g, '`$1`')
    .replace(/\s+/g, ' ')
    .trim();
}

const cell = (text) => text.replaceAll('|', '\\|');
const code = (text) => `\`${cell(text.replace(/\s+/g, ' ').trim())}\``;

function source(path) {
  return readFileSync(join(root, 'packages', path), 'utf8');
}

const docAbove = '(/\\*\\*(?:(?!\\*/)[^])*\\*/)?\\s*';

/** The docstring, the parent and the fields of an interface. */
function interfaceOf(path, name) {
  const pattern = new RegExp(`${docAbove}export interface ${name}(?: extends ([^{]+))? \\{\\n([^]*?)^\\}`, 'm');
  const found = pattern.exec(source(path));
  if (found === null) throw new Error(`${path} has no interface ${name}`);
  const [, doc, parent = '', body] = found;
  const field = /^ {2}(\/\*\*(?:(?!\*\/)[^])*\*\/)?\s*(?:readonly )?(\w+)(\??): ((?:\{[^}]*\}|[^;{])*);/gm;
  const fields = [...body.matchAll(field)].map(([, text, key, optional, type]) => {
    if (text === undefined) faults.push(`${name}.${key} has no docstring (packages/${path})`);
    // That an option may be given as undefined goes without saying.
    const given = optional === '?' ? type.replace(/ \| undefined$/, '').replace(/^\((.*=>.*)\)$/s, '$1') : type;
    return { key, optional: optional === '?', type: given, text: plain(text) };
  });
  return { doc: plain(doc), parent: parent.trim(), fields };
}

function optionTable(path, name, group, only) {
  const { doc, parent, fields } = interfaceOf(path, name);
  const inherited = parent === '' ? '' : ` Also those of ${code(parent)}.`;
  const rows = (only === undefined ? fields : fields.filter(({ key }) => only.includes(key))).map(
    ({ key, optional, type, text }) => {
      const label = group === '' ? key : `${group}.${key}`;
      return `| ${code(label)}${optional ? '' : ' (required)'} | ${code(type)} | ${cell(text)} |`;
    },
  );
  return [
    `### ${group === '' ? code(name) : code(group)}`,
    '',
    doc + inherited,
    '',
    '| Option | Type | Meaning |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ];
}

/** The docstring of an interface that an application implements, and its methods. */
function methodTable(path, name, group) {
  const methods = /^ {2}(\/\*\*(?:(?!\*\/)[^])*\*\/)?\s*(\w+\(.*);$/gm;
  const { doc } = interfaceOf(path, name);
  const body = new RegExp(`interface ${name} \\{\\n([^]*?)^\\}`, 'm').exec(source(path))[1];
  const rows = [...body.matchAll(methods)].map(([, text, signature]) => {
    if (text === undefined) faults.push(`${name}.${signature} has no docstring (packages/${path})`);
    return `| ${code(signature)} | ${cell(plain(text?.replaceAll(/@param (\w+) /g, '`$1`: ')))} |`;
  });
  return [`### ${code(group)}`, '', doc, '', '| Method | Meaning |', '| --- | --- |', ...rows, ''];
}

function unionOf(path, name) {
  const found = new RegExp(`${docAbove}export type ${name} =([^;]*);`).exec(source(path));
  if (found === null) throw new Error(`${path} has no type ${name}`);
  return { doc: found[1] ?? '', members: [...found[2].matchAll(/'([\w-]+)'/g)].map(([, member]) => member) };
}

/** A union whose docstring has an item `- name: text` for each member. */
function listedUnion(path, name) {
  const { doc, members } = unionOf(path, name);
  const items = new Map([...plain(doc).matchAll(/- `([\w-]+)`: (.*?)(?= - `|$)/g)].map(([, key, text]) => [key, text]));
  return members.map((member) => {
    if (!items.has(member)) faults.push(`${name} ${member} has no text (packages/${path})`);
    return `| ${code(member)} | ${cell(items.get(member) ?? '')} |`;
  });
}

/** A union whose members are explained in running text, each in backquotes. */
function namedUnion(name, members, text) {
  for (const member of members) {
    if (!text.includes(`\`${member}\``)) faults.push(`${name} ${member} is not explained`);
  }
  return text;
}

const options = 'core/src/options/options.ts';
const events = 'core/src/events/events.ts';
const lines = [
  '# Reference',
  '',
  '<!-- Written by scripts/write-reference.js out of the docstrings; `npm test` fails where they differ. -->',
  '',
  '## Options of `createCwmpProxy`',
  '',
];

// Each group by the field that leads to it, so that a new group cannot be forgotten.
const seen = new Set();
function group(name, path) {
  if (seen.has(name)) return;
  seen.add(name);
  lines.push(...optionTable(options, name, path));
  for (const { key, type } of interfaceOf(options, name).fields) {
    const inner = /\b(\w+Options)\b/.exec(type)?.[1];
    if (inner !== undefined && source(options).includes(`interface ${inner} `)) {
      group(inner, `${path === '' ? '' : `${path}.`}${key}${type.includes('[]') ? '[]' : ''}`);
    }
  }
}
group('CwmpProxyOptions', '');
for (const [, name] of source(options).matchAll(/export interface (\w+)/g)) {
  if (!seen.has(name)) faults.push(`${name} is led to by no option`);
}

lines.push('## Other options', '');
lines.push('### `connectionRequests.access.modes`', '', plain(unionOf(options, 'AccessMode').doc), '');
lines.push(...optionTable('core/src/backends/backend-dialer.ts', 'BackendTls', 'backends[].tls'));
lines.push(
  ...optionTable('core/src/connection-request/transports/cpe-connection.ts', 'WakeTls', 'connectionRequests.tls'),
);
lines.push(...methodTable('core/src/connection-request/wake/instances.ts', 'WakeStore', 'connectionRequests.store'));
lines.push(
  ...optionTable('core/src/redis.ts', 'RedisWakeStoreOptions', '').with(0, '### `redisWakeStore(client, options)`'),
);
lines.push(
  ...optionTable('core/src/proxy.ts', 'HandleOptions', '').with(0, '### `proxy.handle(request, response, options)`'),
);
lines.push(
  ...optionTable('core/src/mount/proxy-first.ts', 'MountOptions', '').with(
    0,
    '### `cwmpProxy(proxy, options)`, `proxyFirst(proxy, app, options)`, `proxy.serves(request, options)`',
  ),
);
lines.push(
  ...optionTable('core/src/mount/proxy-first.ts', 'AdapterOptions', '').with(0, '### `cwmpProxy(proxy, options)` only'),
);
const wakeOptions = 'core/src/connection-request/wake/wake-options.ts';
lines.push(...optionTable(wakeOptions, 'WakeOptions', '').with(0, '### `proxy.wakeCpe(origin, options)`'));
// What only `wakeCpe` without a proxy takes stands among the options of all wakes.
const alone = /interface WakeCpeOptions\s+extends WakeOptions,\s*Pick<WakesOptions, ([^>]*)>/.exec(
  source('core/src/connection-request/wake/wake-cpe.ts'),
)[1];
lines.push(
  ...optionTable(wakeOptions, 'WakesOptions', '', alone.match(/\w+/g))
    .with(0, '### `wakeCpe(origin, options)`')
    .with(2, 'Options of a wake without a proxy. Also those of `proxy.wakeCpe`.'),
);
lines.push(
  ...optionTable('core/src/connection-request/credentials.ts', 'CredentialsRequest', '')
    .with(0, '### What a `credentials` function is given')
    .with(4, '| Field | Type | Meaning |'),
);
lines.push(...optionTable('core/src/metrics.ts', 'MetricsOptions', '').with(0, '### `collectMetrics(proxy, options)`'));
lines.push(
  ...optionTable('core/src/status-page/index.ts', 'StatusPageOptions', '').with(0, '### `statusPage(proxy, options)`'),
);

lines.push(
  '## Events',
  '',
  'Each has one argument, a plain object. None holds a secret. What a listener throws is thrown into the process a tick later: it',
  'costs no exchange, and ends a process that has nothing for `uncaughtException`.',
  '',
);
for (const { key, type, text } of interfaceOf(events, 'CwmpProxyEvents').fields) {
  const payload = type.slice(1, -1);
  lines.push(`### ${code(key)}`, '', `${text} Argument: ${code(payload)}; channel ${code(`cwmp-proxy:${key}`)}.`, '');
  const places = {
    BackendFigures: 'core/src/backends/backend.ts',
    WakeEvent: 'core/src/connection-request/result.ts',
  };
  const all = [];
  for (let name = payload; name !== '';) {
    const { parent, fields } = interfaceOf(places[name] ?? (name === 'WakeResult' ? places.WakeEvent : events), name);
    all.unshift(...fields);
    name = parent;
  }
  const own = new Map(all.map((field) => [field.key, field]));
  lines.push('| Field | Type | Meaning |', '| --- | --- | --- |');
  for (const field of own.values()) lines.push(`| ${code(field.key)} | ${code(field.type)} | ${cell(field.text)} |`);
  lines.push('');
}
const why = interfaceOf(events, 'SessionEndEvent').fields.find(({ key }) => key === 'why');
namedUnion('SessionEnd', unionOf('core/src/sessions/session.ts', 'SessionEnd').members, why.text);
const answers = /statuses: Readonly<Record<WakeOutcome, number>> = \{([^]*?)\}/.exec(
  source('core/src/connection-request/acs-answer.ts'),
)[1];
const statusOf = new Map([...answers.matchAll(/'?([\w-]+)'?: (\d+)/g)].map(([, outcome, status]) => [outcome, status]));
lines.push(
  '## Outcomes of a wake',
  '',
  'An ACS gets the status, the outcome as the body of a failure, and `Proxy-Status` (RFC 9209) with the reason. Before a wake it may',
  'get 400 (a target that cannot be read), 401 (wrong or no user), 403 (a wrong signature), 405 (neither GET nor HEAD) or 429 (too',
  "many wrong answers, see `Retry-After`). A CPE's own 204 is a 204; `unreachableStatus` and `timeoutStatus` change two of them.",
  '',
  '| Outcome | Status | Meaning |',
  '| --- | --- | --- |',
);
for (const row of listedUnion('core/src/connection-request/result.ts', 'WakeOutcome')) {
  const [, outcome] = /`([\w-]+)`/.exec(row);
  lines.push(row.replace(' | ', ` | ${statusOf.get(outcome)} | `));
}
lines.push('');
lines.push('## Codes of a warning', '', '| Code | Meaning |', '| --- | --- |');
lines.push(...listedUnion(events, 'WarningCode'), '');
lines.push('## Why a URL leaves as it came', '', '| Reason | Meaning |', '| --- | --- |');
lines.push(...listedUnion('core/src/soap/message.ts', 'UnchangedReason'), '');

lines.push(
  '## Error codes',
  '',
  'Codes of `CwmpProxyError`, and the status that the peer is answered with.',
  '',
  '| Code | Status | Meaning |',
  '| --- | --- | --- |',
);
const table = /const statusByCode = \{([^]*?)\} as const/.exec(source('core/src/errors.ts'))[1];
for (const [, text, name, status] of table.matchAll(/(\/\*\*(?:(?!\*\/)[^])*\*\/)?\s*(ERR_\w+): (\d+)/g)) {
  if (text === undefined) faults.push(`${name} has no docstring (packages/core/src/errors.ts)`);
  lines.push(`| ${code(name)} | ${status} | ${cell(plain(text))} |`);
}

lines.push(
  '',
  '## Metrics',
  '',
  'Of `collectMetrics` from `@cwmp-proxy/core/metrics`.',
  '',
  '| Metric | Kind | Labels | Meaning |',
  '| --- | --- | --- | --- |',
);
for (const [, kind, body] of source('core/src/metrics.ts').matchAll(
  /new (Counter|Gauge|Histogram)\(\{([^]*?)registers/g,
)) {
  const name = /name: '(\w+)'/.exec(body)?.[1] ?? '';
  const labels = [...(/labelNames: \[(.*?)\]/.exec(body)?.[1] ?? '').matchAll(/'(\w+)'/g)].map(([, label]) =>
    code(label),
  );
  lines.push(
    `| ${code(name)} | ${kind.toLowerCase()} | ${labels.join(', ')} | ${/help: '(.*?)'/.exec(body)?.[1] ?? ''} |`,
  );
}

const text = `${lines.join('\n').trimEnd()}\n`;
const file = join(root, 'docs', 'reference.md');
if (!check) {
  writeFileSync(file, text);
} else if (!readdirSync(join(root, 'docs')).includes('reference.md') || readFileSync(file, 'utf8') !== text) {
  faults.push('docs/reference.md differs from the docstrings; run node scripts/write-reference.js');
}
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
