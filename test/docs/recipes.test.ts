import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { noRedis, startRedis } from '../helpers/redis-server.js';
import { serve } from '../helpers/serve.js';
import { genieacs } from '../helpers/acs-clients.js';
import { inform, startAcs } from '../helpers/acs.js';

const root = new URL('../../../', import.meta.url);
const recipes = readdirSync(new URL('docs/', root)).filter((name) => name.endsWith('.md') && name !== 'reference.md');

/** An ACS that speaks Digest wakes a CPE; one that speaks Basic, or has another password, does not. */
async function wakesByDigestOnly(port: number, device: string): Promise<void> {
  const url = `http://127.0.0.1:${port}/client?origin=${device}`;
  const headers = { connection: 'close', authorization: `Basic ${btoa('acs:secret')}` };
  const refused = await fetch(url, { headers });
  assert.equal(refused.status, 401);
  assert.match(refused.headers.get('www-authenticate') ?? '', /^Digest (?!.*Basic)/);
  assert.equal(await genieacs.wake(url, { username: 'acs', password: 'secret' }), '');
  assert.notEqual(await genieacs.wake(url, { username: 'acs', password: 'wrong' }), '');
}

for (const name of recipes) {
  const text = readFileSync(new URL(`docs/${name}`, root), 'utf8');
  const skip = name === 'scaling-out.md' && noRedis;

  test(`docs/${name} runs as it stands, and takes a CPE's Inform`, { skip }, async (t) => {
    const code = /```js\n(.*?)```/s.exec(text)?.[1];
    assert.ok(code !== undefined, 'a recipe has an example');
    const acs = await startAcs(t);
    const device = await serve(t, (_request, response) => response.writeHead(200, { connection: 'close' }).end());
    const redis = skip === false && name === 'scaling-out.md' ? await startRedis(t) : undefined;
    const folder = new URL('build/recipes/', root);
    mkdirSync(folder, { recursive: true });
    const file = new URL(name.replace('.md', '.mjs'), folder);
    const listening =
      "\nconst { once } = await import('node:events');\nif (!server.listening) await once(server, 'listening');\n" +
      "console.log(`port ${server.address().port}`);\nprocess.stdin.on('end', () => process.exit(0)).resume();\n";
    const adapted = code
      .replaceAll(/http:\/\/10\.0\.0\.1[12]:7547/g, (url) => (url.includes('11') ? acs.url : `${acs.url}/other`))
      .replaceAll('192.168.0.0/16', '127.0.0.0/8')
      .replaceAll(/listen\(80\d\d\)/g, "listen(0, '127.0.0.1')");
    writeFileSync(file, adapted + listening);
    const child = spawn(process.execPath, [file.pathname], {
      env: { ...process.env, REDIS_URL: redis?.url ?? '' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => child.kill());
    const exited = once(child, 'exit');
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (output += part));
    while (!/port (\d+)/.test(output) && child.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const port = /port (\d+)/.exec(output)?.[1];
    assert.ok(port !== undefined, `${name} has started`);
    // TLS needs certificates of one's own: its server starts, and that is all.
    if (name !== 'tls.md') {
      const path = name === 'embedding.md' ? '/acs' : '/cwmp/';
      const headers = { connection: 'close', 'content-type': 'text/xml' };
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: inform(), headers });
      assert.ok(response.ok, String(response.status));
      await response.arrayBuffer();
      const got = name === 'embedding.md' ? output : acs.received[0]?.body.toString();
      assert.doesNotMatch(got ?? '', /<Value>http:\/\/192/);
      assert.match(got ?? '', /<Value>http:\/\/\S+/);
    }
    if (name === 'digest-to-acs.md') await wakesByDigestOnly(Number(port), device.url);
    child.stdin.end();
    assert.equal((await exited)[0], 0);
  });
}

test('the documents link to nothing that is not there', () => {
  const pages = [
    'README.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    ...recipes.map((name) => `docs/${name}`),
  ];
  for (const page of pages) {
    const text = readFileSync(new URL(page, root), 'utf8');
    for (const [, link = ''] of text.matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
      if (!/^\w+:/.test(link)) assert.ok(existsSync(new URL(link, new URL(page, root))), `${page} links to ${link}`);
    }
  }
});
