import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const packages = fileURLToPath(new URL('../../packages/', import.meta.url));

for (const name of ['core', 'express', 'koa']) {
  test(`npm pack of ${name} says to take pnpm: it would leave a version behind that nobody can install`, () => {
    const { status, stderr } = spawnSync('npm', ['pack', '--dry-run'], { cwd: packages + name, encoding: 'utf8' });
    assert.notEqual(status, 0);
    assert.match(stderr, /pack and publish with pnpm/);
  });
}
