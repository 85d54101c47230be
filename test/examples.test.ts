import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { answerDigest, chooseDigestChallenge } from '@cwmp-proxy/core';
import { inform, informResponse, startAcs } from './helpers/acs.js';
import { atEnd } from './helpers/at-end.js';
import { freePort } from './helpers/free-port.js';
import { serve } from './helpers/serve.js';
import { until } from './helpers/until.js';

for (const name of ['express-gateway', 'koa-gateway', 'http-gateway']) {
  test(`the example ${name} runs without settings but for ports, and says what to try`, async (t) => {
    const acs = await startAcs(t);
    const device = await serve(t, (_request, response) => response.writeHead(200, { connection: 'close' }).end());
    const port = await freePort();
    // An empty password must not stand.
    const env = { PATH: process.env['PATH'], PORT: String(port), BACKENDS: acs.url, ACS_PASSWORD: '' };
    const child = spawn(process.execPath, ['scripts/example.js', name], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    atEnd(t, async () => {
      child.kill('SIGKILL');
      await exited;
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await until('the example says what to try', () => output.includes('Wake the CPE'));

    const base = `http://127.0.0.1:${port}`;
    assert.match(output, new RegExp(`curl -i .*<Inform>.* ${base}/\n`));
    const headers = { connection: 'close', 'content-type': 'text/xml' };
    const response = await fetch(base, { method: 'POST', body: inform(), headers });
    assert.equal(await response.text(), informResponse);
    const url = /<Value>(.*?)<\/Value>/.exec(acs.received[0]?.body.toString() ?? '')?.[1];
    assert.equal(url, `${base}/client?origin=http://192.168.100.50:7547`);

    const [, login = '', wakeUrl = ''] = /-u '(acs:[\w-]{16})' '(\S*)=http:\S*'/.exec(output) ?? [];
    assert.equal(wakeUrl, `${base}/client?origin`);
    const wake = await fetch(`${wakeUrl}=${device.url}`, {
      headers: { connection: 'close', authorization: `Basic ${btoa(login)}` },
    });
    assert.equal(wake.status, 200);

    child.kill('SIGTERM');
    assert.equal((await exited)[0], 0);
  });
}

test('four workers of the example cluster take the Digest answers of an ACS that opens a connection for each request', async (t) => {
  let woken = 0;
  const device = await serve(t, (_request, response) => {
    woken += 1;
    response.writeHead(200, { connection: 'close' }).end();
  });
  const port = await freePort();
  const env = { PATH: process.env['PATH'], PORT: String(port), ACS_PASSWORD: 'a password', WORKERS: '4' };
  const child = spawn(process.execPath, ['scripts/example.js', 'cluster'], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  atEnd(t, async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const uri = `/client?origin=${device.url}`;
  const ask = (headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${uri}`, { headers: { connection: 'close', ...headers } });
  for (
    let tries = 0;
    !(await ask().then(
      ({ ok }) => !ok,
      () => false,
    ));
    tries += 1
  ) {
    assert.ok(tries < 500, 'a worker listens');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (let count = 1; count <= 16; count += 1) {
    const challenge = chooseDigestChallenge((await ask()).headers.get('www-authenticate') ?? '');
    assert.ok(challenge !== undefined);
    const authorization = answerDigest(challenge, { username: 'acs', password: 'a password', method: 'GET', uri });
    assert.equal((await ask({ authorization })).status, 200);
    assert.equal(woken, count);
  }
});
