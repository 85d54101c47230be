import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

function check(where: string): { status: number | null; faults: string } {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/write-reference.js'), '--check', where]);
  return { status, faults: stderr.toString() };
}

/** The sources and the reference, with one change. */
function changed(t: TestContext, path: string, from: string | RegExp, to: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'cwmp-reference-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(root, 'packages/core/src'), join(folder, 'packages/core/src'), { recursive: true });
  cpSync(join(root, 'docs'), join(folder, 'docs'), { recursive: true });
  const file = join(folder, path);
  const before = readFileSync(file, 'utf8');
  const after = before.replace(from, to);
  assert.notEqual(after, before, `${path} was changed`);
  writeFileSync(file, after);
  return folder;
}

test('docs/reference.md says of every option, event, code, outcome and metric what its docstring says', () => {
  assert.deepEqual(check(root), { status: 0, faults: '' });
});

const src = 'packages/core/src';
const changes: { name: string; path: string; from: string | RegExp; to: string; fault: RegExp }[] = [
  {
    name: 'an option is added without a text',
    path: `${src}/options/options.ts`,
    from: '  maxHeldBytes?: number | undefined;',
    to: '  maxHeldBytes?: number | undefined;\n  fresh?: number;',
    fault: /LimitOptions\.fresh has no docstring/,
  },
  {
    name: 'an option is renamed',
    path: `${src}/options/options.ts`,
    from: 'maxHeldBytes?',
    to: 'maxKeptBytes?',
    fault: /differs from the docstrings/,
  },
  {
    name: 'an option is dropped',
    path: `${src}/options/options.ts`,
    from: '  maxHeldBytes?: number | undefined;',
    to: '',
    fault: /differs|no docstring/,
  },
  {
    name: 'a group of options is added that nothing leads to',
    path: `${src}/options/options.ts`,
    from: '/** One ACS. */',
    to: '/** New. */\nexport interface FreshOptions {\n  /** New. */\n  a?: number;\n}\n\n/** One ACS. */',
    fault: /FreshOptions is led to by no option/,
  },
  {
    name: 'a method of the store is added without a text',
    path: `${src}/connection-request/wake/instances.ts`,
    from: 'export interface WakeStore {',
    to: 'export interface WakeStore {\n  fresh(): void;\n',
    fault: /WakeStore\.fresh\(\): void has no docstring/,
  },
  {
    name: 'an option that only wakeCpe without a proxy takes is added',
    path: `${src}/connection-request/wake/wake-cpe.ts`,
    from: "'policy' | ",
    to: "'policy' | 'spacingMs' | ",
    fault: /differs from the docstrings/,
  },
  {
    name: 'an event is added without a text',
    path: `${src}/events/events.ts`,
    from: 'export interface CwmpProxyEvents {',
    to: 'export interface CwmpProxyEvents {\n  fresh: [SessionEvent];',
    fault: /CwmpProxyEvents\.fresh has no docstring/,
  },
  {
    name: 'a field of an event is renamed',
    path: `${src}/events/events.ts`,
    from: '  ms: number;',
    to: '  tookMs: number;',
    fault: /differs from the docstrings/,
  },
  {
    name: 'a code is added without a text',
    path: `${src}/errors.ts`,
    from: 'const statusByCode = {',
    to: 'const statusByCode = {\n  ERR_CWMP_FRESH: 500,',
    fault: /ERR_CWMP_FRESH has no docstring/,
  },
  {
    name: 'a code is renamed',
    path: `${src}/errors.ts`,
    from: 'ERR_CWMP_BUSY',
    to: 'ERR_CWMP_FULL',
    fault: /differs from the docstrings/,
  },
  {
    name: 'an outcome of a wake is added without a text',
    path: `${src}/connection-request/result.ts`,
    from: "  | 'accepted'",
    to: "  | 'accepted'\n  | 'fresh'",
    fault: /WakeOutcome fresh has no text/,
  },
  {
    name: 'a reason for the end of a session is added without a text',
    path: `${src}/sessions/session.ts`,
    from: "export type SessionEnd = 'complete'",
    to: "export type SessionEnd = 'complete' | 'fresh'",
    fault: /SessionEnd fresh is not explained/,
  },
  {
    name: 'the reference is edited by hand',
    path: 'docs/reference.md',
    from: '# Reference',
    to: '# The reference',
    fault: /differs from the docstrings/,
  },
];

for (const { name, path, from, to, fault } of changes) {
  test(`the check of the reference fails when ${name}`, (t) => {
    const { status, faults } = check(changed(t, path, from, to));
    assert.equal(status, 1);
    assert.match(faults, fault);
  });
}
