import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { test, type TestContext } from 'node:test';
import { addressOf, serve } from './helpers/serve.js';

const root = new URL('../../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');

function exampleBelow(heading: string): string {
  const code = /```js\n(.*?)```/s.exec(readme.slice(readme.indexOf(`\n${heading}\n`)))?.[1];
  assert.ok(code !== undefined, `README.md has a JavaScript example below "${heading}"`);
  return code;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = addressOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

interface Example {
  url: string;
  /** What it has printed. */
  output: () => string;
  /** Its exit code. */
  exited: Promise<unknown>;
}

/** Starts an example as it stands, but for its ports and the addresses of its backends. */
async function startExample(t: TestContext, name: string, code: string, backend: string): Promise<Example> {
  const port = await freePort();
  const adapted = code
    .replaceAll('8080', String(port))
    .replaceAll(/backends: \[.*?\]/gs, `backends: ['${backend}']`)
    .replaceAll("'192.168.0.0/16'", "'127.0.0.0/8'");
  const folder = new URL('build/readme/', root);
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${name}.mjs`, folder);
  writeFileSync(file, adapted);
  const child = spawn(process.execPath, [file.pathname], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit').then(([code]: unknown[]) => code);
  t.after(async () => {
    child.kill();
    await exited;
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return { url: `http://127.0.0.1:${port}`, output: () => output, exited };
}

async function postWhenListening(url: string, body: string): Promise<Response> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await fetch(url, { method: 'POST', body, headers: { connection: 'close' } });
    } catch (error) {
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

const inform =
  '<Envelope><Body><Inform><DeviceId><SerialNumber>S1</SerialNumber></DeviceId><ParameterList><ParameterValueStruct>' +
  '<Name>Device.ManagementServer.ConnectionRequestURL</Name><Value>http://192.168.100.50:7547</Value>' +
  '</ParameterValueStruct></ParameterList></Inform></Body></Envelope>';

for (const heading of ['### Express', '### Koa', '### Plain `node:http`']) {
  test(`the example below "${heading}" hands an Inform on with its URL rewritten`, async (t) => {
    let received = '';
    const acs = await serve(t, (request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => (received += text));
      request.on('end', () => response.writeHead(200, { connection: 'close' }).end('<InformResponse/>'));
    });
    const { url } = await startExample(t, heading.replaceAll(/\W/g, ''), exampleBelow(heading), acs.url);
    const response = await postWhenListening(url, inform);
    assert.equal(response.status, 200);
    assert.equal(await response.text(), '<InformResponse/>');
    assert.equal(received, inform.replace('http://192', `${url}/client?origin=http://192`));
  });
}

test('the example below "### From code" wakes a CPE, drains a backend and closes', async (t) => {
  const acs = await serve(t, (_request, response) => response.end());
  const cpe = await serve(t, (_request, response) => response.writeHead(200, { connection: 'close' }).end());
  const code = `${exampleBelow('### Plain `node:http`')}\n${exampleBelow('### From code')}\nserver.close();`
    .replace('http://192.168.100.50:7547', cpe.url)
    .replace('http://10.0.0.12:7547', acs.url);
  const { output, exited } = await startExample(t, 'FromCode', code, acs.url);
  assert.equal(await exited, 0);
  assert.equal(output(), 'accepted\n');
});

test('the example below "### Who may ask, and where it may go" makes a proxy', async (t) => {
  const code = `process.env.URL_KEY = 'a key of at least 16 characters';
${exampleBelow('### Who may ask, and where it may go')}
await proxy.close();
console.log('made');`;
  const { output, exited } = await startExample(t, 'Gate', code, 'http://127.0.0.1:7547');
  assert.equal(await exited, 0);
  assert.equal(output(), 'made\n');
});
