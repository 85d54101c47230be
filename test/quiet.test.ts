import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { serve } from './helpers/serve.js';
import { publicOrigin } from './helpers/app.js';

const root = new URL('../../', import.meta.url);

/** Runs a module that has a proxy with every timer it can have; resolves with what it printed and its exit code. */
async function run(backend: string, code: string): Promise<{ printed: string; exitCode: unknown }> {
  const module = `import { createCwmpProxy } from '@cwmp-proxy/core';
const proxy = createCwmpProxy({
  publicUrl: '${publicOrigin}',
  backends: ['${backend}'],
  connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' } },
  cpeAuth: { users: { cpe: 'secret' } },
  sessions: { affinityKey: 'a key of at least 16 characters' },
  health: { active: { intervalMs: 3_600_000 } },
});
${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', module], { cwd: root });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (printed += String(part)));
  const [exitCode]: unknown[] = await once(child, 'close');
  return { printed, exitCode };
}

test('a proxy that has nothing to do listens nowhere, prints nothing and lets the process end', async (t) => {
  const backend = await serve(t, (_request, response) => response.end());
  const { printed, exitCode } = await run(
    backend.url,
    "if (process.getActiveResourcesInfo().includes('TCPServerWrap')) console.log('it listens');",
  );
  assert.deepEqual({ printed, exitCode }, { printed: '', exitCode: 0 });
});

// With timers that do not count, Node would end the process in the middle of the wait, with code 13.
for (const { name, origin, options, outcome } of [
  {
    name: 'pauses before it tries again',
    origin: 'http://127.0.0.1:1/',
    options: '{ retries: 1 }',
    outcome: 'unreachable',
  },
  { name: 'waits for an Inform', origin: undefined, options: '{ waitForInformMs: 100 }', outcome: 'no-inform' },
]) {
  test(`a wake that ${name} keeps the process alive until it settles, and no longer`, async (t) => {
    const device = await serve(t, (_request, response) => response.writeHead(200, { connection: 'close' }).end());
    const code = `console.log((await proxy.wakeCpe('${origin ?? device.url}', ${options})).outcome);`;
    assert.deepEqual(await run('http://127.0.0.1:2', code), { printed: `${outcome}\n`, exitCode: 0 });
  });
}

test('core depends on no framework and has no server in its source', () => {
  const manifest = readFileSync(new URL('packages/core/package.json', root), 'utf8');
  assert.doesNotMatch(manifest, /"(?:express|koa|fastify)"/);
  const source = new URL('packages/core/src/', root);
  for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const text = readFileSync(new URL(file, source), 'utf8').replaceAll(/^\s*(?:\*|\/\*|\/\/).*$/gm, '');
    assert.doesNotMatch(text, /\bcreateServer\b|\.listen\(\d|from '(?:express|koa)/, file);
  }
});
