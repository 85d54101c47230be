import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../../', import.meta.url);

test('each invariant in ARCHITECTURE.md names the tests that hold it, and they are there', () => {
  const text = readFileSync(new URL('ARCHITECTURE.md', root), 'utf8');
  const section = /\n## What must always hold\n(.*?)\n## /s.exec(text)?.[1] ?? '';
  const invariants = section.split(/\n(?=\d+\. )/).filter((part) => /^\d+\. /.test(part));
  assert.ok(invariants.length >= 10, 'so many were found');
  for (const invariant of invariants) {
    const named = [...invariant.matchAll(/`([\w/-]+\.test)`/g)].map(([, name]) => `test/${name}.ts`);
    assert.ok(named.length > 0, invariant);
    for (const file of named) assert.ok(existsSync(new URL(file, root)), file);
  }
});
