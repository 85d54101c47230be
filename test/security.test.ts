import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);

test('every test that SECURITY.md names is there', () => {
  const named = readFileSync(new URL('SECURITY.md', root), 'utf8').matchAll(/`([\w/-]+\.test)`/g);
  const files = [...named].map(([, name]) => `test/${name}.ts`);
  assert.ok(files.length > 10);
  for (const file of files) assert.ok(existsSync(new URL(file, root)), file);
});
