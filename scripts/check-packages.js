// Packs the three packages as they are published and checks the tarballs: publint, attw; the README's Express example in empty
// ESM and CommonJS applications into which npm, pnpm and yarn have installed them; and their types under two TypeScripts.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const packed = join(root, 'build', 'packed');

function run(command, args, cwd = root) {
  console.log(`$ ${[command, ...args].join(' ').replaceAll(root, '')}`);
  execFileSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
}

rmSync(packed, { recursive: true, force: true });
mkdirSync(packed, { recursive: true });
run('npx', ['--yes', 'pnpm@12.21.0', '--recursive', '--reporter=silent', 'pack', '--pack-destination', packed]);
const tarballs = readdirSync(packed).map((name) => join(packed, name));
if (tarballs.length !== 3) throw new Error(`expected three tarballs, found ${tarballs.length}`);

for (const tarball of tarballs) {
  run('npx', ['publint', '--strict', tarball]);
  run('npx', ['attw', '--profile', 'esm-only', '--format', 'ascii', tarball]);
}

/** The first JavaScript block below a heading of the README. */
function exampleBelow(heading) {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const code = readme.slice(readme.indexOf(`\n${heading}\n`)).match(/```(?:js|ts)\n(.*?)```/s)?.[1];
  if (code === undefined) throw new Error(`README.md has no example below "${heading}"`);
  return code;
}

function asCommonJs(code) {
  return code
    .replace(/^import (\w+) from (.*);$/gm, 'const $1 = require($2);')
    .replace(/^import (\{.*?\}) from (.*);$/gm, 'const $1 = require($2);');
}

/** An ACS that answers everything with 204 and tells what it got. */
async function startAcs() {
  const acs = createServer();
  acs.listen(0, '127.0.0.1');
  await once(acs, 'listening');
  return acs;
}

async function freePort() {
  const probe = await startAcs();
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** What puts the tarballs and what is named into an empty application. */
const installers = {
  npm: (more) => ['npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs, ...more]],
  pnpm: (more) => ['npx', ['--yes', 'pnpm@12.21.0', 'add', '--reporter=silent', ...tarballs, ...more]],
  yarn: (more) => ['npx', ['--yes', 'yarn@1', 'add', '--silent', '--no-progress', ...tarballs, ...more]],
};

async function tryExample(kind, code, installer) {
  const folder = mkdtempSync(join(tmpdir(), `cwmp-proxy-${kind}-`));
  const begun = performance.now();
  try {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: kind }));
    const [command, args] = installers[installer](['express@5']);
    run(command, args, folder);
    const acs = await startAcs();
    const port = await freePort();
    const backend = `http://127.0.0.1:${acs.address().port}`;
    const adapted = code
      .replace(/backends: \[.*?\]/s, `backends: ['${backend}']`)
      .replaceAll('8080', String(port))
      .replace('192.168.0.0/16', '127.0.0.0/8');
    writeFileSync(join(folder, 'app.js'), adapted);
    const app = spawn(process.execPath, ['app.js'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    try {
      const body = await exchange(acs, port);
      const expected = `http://127.0.0.1:${port}/client?origin=http://192.168.100.50:7547`;
      if (!body.includes(`<Value>${expected}</Value>`)) throw new Error(`the ACS got: ${body}`);
      const status = await wake(port);
      if (status !== 200) throw new Error(`the wake was answered ${status}`);
      const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
      console.log(`the README's Express example runs as ${kind} with ${installer}: the ACS got ${expected}`);
      console.log(`from an empty folder to a session and a wake: ${seconds} s`);
    } finally {
      app.kill();
      acs.closeAllConnections();
      acs.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Wakes a CPE through the example, with the user and the password of the README. Returns what the ACS is answered. */
async function wake(port) {
  const cpe = createServer((_request, response) => response.writeHead(200, { connection: 'close' }).end());
  cpe.listen(0, '127.0.0.1');
  await once(cpe, 'listening');
  try {
    const url = `http://127.0.0.1:${port}/client?origin=http://127.0.0.1:${cpe.address().port}`;
    const headers = { authorization: `Basic ${btoa('acs:secret')}`, connection: 'close' };
    const response = await fetch(url, { headers });
    return response.status;
  } finally {
    cpe.close();
  }
}

/** Posts an Inform through the example, once it listens, and returns what reached the ACS. */
async function exchange(acs, port) {
  const received = new Promise((resolve) => {
    acs.on('request', async (request, response) => {
      const chunks = await request.toArray();
      response.writeHead(204).end();
      resolve(Buffer.concat(chunks).toString());
    });
  });
  const inform =
    '<ParameterValueStruct><Name>Device.ManagementServer.ConnectionRequestURL</Name>' +
    '<Value>http://192.168.100.50:7547</Value></ParameterValueStruct>';
  for (let tries = 0; ; tries += 1) {
    try {
      await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: inform });
      return await received;
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** The types in a strict application, under the oldest TypeScript that is supported and the newest. */
function tryTypes(code) {
  const folder = mkdtempSync(join(tmpdir(), 'cwmp-proxy-types-'));
  try {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    const types = [
      'express@5',
      'koa@3',
      '@types/express@5',
      '@types/koa@3',
      '@types/node@20',
      'prom-client@15',
      'redis@5',
    ];
    const compilers = ['typescript-oldest@npm:typescript@~5.4', 'typescript-newest@npm:typescript@7'];
    const [command, args] = installers.npm([...types, ...compilers]);
    run(command, args, folder);
    const koa = `
import Koa from 'koa';
import { createClient } from 'redis';
import { collectMetrics } from '@cwmp-proxy/core/metrics';
import { redisWakeStore } from '@cwmp-proxy/core/redis';
import { statusPage } from '@cwmp-proxy/core/status-page';
import { rewriteInform as inKoa } from '@cwmp-proxy/koa';
import { rewriteInform } from '@cwmp-proxy/express';
new Koa().use(inKoa(proxy)).use((ctx) => { const serial: string | undefined = ctx.cwmp?.device?.serialNumber; });
app.post('/acs', rewriteInform(proxy), (request) => { const events: readonly string[] | undefined = request.cwmp?.events; });
app.use('/status', statusPage(proxy));
collectMetrics(proxy);
redisWakeStore(createClient());
proxy.on('wake', ({ outcome, legs }) => { const last: number | undefined = legs.at(-1)?.ms; });
`;
    writeFileSync(join(folder, 'app.ts'), code + koa);
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--skipLibCheck',
      '--types',
      'node',
    ];
    for (const compiler of ['typescript-oldest', 'typescript-newest']) {
      const { bin, version } = JSON.parse(readFileSync(join(folder, 'node_modules', compiler, 'package.json'), 'utf8'));
      run(process.execPath, [join(folder, 'node_modules', compiler, bin.tsc), ...options, 'app.ts'], folder);
      console.log(`the types hold under TypeScript ${version}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const example = exampleBelow('### Express');
await tryExample('module', example, 'npm');
await tryExample('commonjs', asCommonJs(example), 'npm');
await tryExample('module', example, 'pnpm');
await tryExample('commonjs', asCommonJs(example), 'yarn');
tryTypes(example);
