import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { informResponse, startAcs } from './helpers/acs.js';
import { freePort } from './helpers/free-port.js';
import { serve } from './helpers/serve.js';
import { until } from './helpers/until.js';

const root = new URL('../../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');

function exampleBelow(heading: string): string {
  const code = /```js\n(.*?)```/s.exec(readme.slice(readme.indexOf(`\n${heading}\n`)))?.[1];
  assert.ok(code !== undefined, `README.md has a JavaScript example below "${heading}"`);
  return code;
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

/** What the URL of the Inform becomes. */
function rewritten(url: string): RegExp {
  return new RegExp(`<Value>${url.replaceAll('.', '\\.')}/client\\?origin=http://192`);
}

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

/** What the fragments of the README take for granted, and a server on the port of the examples. */
function inApp(fragment: string, { backend, listens = false }: { backend?: string; listens?: boolean }): string {
  return `import express from 'express';
import { createCwmpProxy } from '@cwmp-proxy/core';
const proxy = createCwmpProxy({
  publicUrl: 'http://127.0.0.1:8080',
  ${backend === undefined ? '' : `backends: ['${backend}'],`}
  connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' } },
});
const app = express();
${fragment}
${listens ? '' : 'app.listen(8080);'}
app.use((request, response) => response.send('the application'));`;
}

test('the example below "### Around the framework" serves the paths of the proxy, and the application the rest', async (t) => {
  const acs = await startAcs(t);
  const code = inApp(exampleBelow('### Around the framework'), { backend: acs.url, listens: true });
  const { url } = await startExample(t, 'ProxyFirst', code, acs.url);
  const response = await postWhenListening(`${url}/cwmp`, inform);
  assert.equal(await response.text(), informResponse);
  assert.match(acs.received[0]?.body.toString() ?? '', rewritten(url));
  const other = await postWhenListening(`${url}/other`, inform);
  assert.equal(await other.text(), 'the application');
});

test('the example below "### Inside the ACS\'s own process" gives the route the facts and the rewritten body', async (t) => {
  const cpe = await serve(t, (_request, response) => response.writeHead(200, { connection: 'close' }).end());
  const code = inApp(exampleBelow("### Inside the ACS's own process"), {});
  const { url, output } = await startExample(t, 'RewriteInform', code, '');
  const response = await postWhenListening(`${url}/acs`, inform);
  assert.equal(response.status, 204);
  await until('the route prints the body', () => rewritten(url).test(output()));
  assert.match(output(), /serialNumber: 'S1'/);
  const headers = { authorization: `Basic ${btoa('acs:secret')}`, connection: 'close' };
  const woken = await fetch(`${url}/client?origin=${cpe.url}`, { headers });
  assert.equal(woken.status, 200);
});

test('the example below "### Watch it" shows the status page', async (t) => {
  const acs = await startAcs(t);
  const code = inApp(exampleBelow('### Watch it'), { backend: acs.url });
  const { url } = await startExample(t, 'StatusPage', code, acs.url);
  await postWhenListening(url, '');
  const page = await fetch(`${url}/status/`, { headers: { connection: 'close' } });
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<!doctype html>/i);
});

test('the example below "### From code" wakes a CPE, drains a backend and closes', async (t) => {
  const acs = await serve(t, (_request, response) => response.end());
  const cpe = await serve(t, (_request, response) => response.writeHead(200, { connection: 'close' }).end());
  const code = `${exampleBelow('### Plain `node:http`')}\n${exampleBelow('### From code')}\nserver.close();`
    .replace('http://192.168.100.50:7547', cpe.url)
    .replaceAll('http://10.0.0.12:7547', acs.url);
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
