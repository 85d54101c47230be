import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { answerDigest, createCwmpProxy, type CwmpProxy, parseChallenges, readDigestChallenge } from '@cwmp-proxy/core';
import { inform, startAcs } from '../../helpers/acs.js';
import { connectionRequests, publicOrigin } from '../../helpers/app.js';
import { atEnd } from '../../helpers/at-end.js';
import { startCpe } from '../../helpers/cpe-connection.js';
import { freePort } from '../../helpers/free-port.js';
import { serve } from '../../helpers/serve.js';

const noHaproxy =
  spawnSync('haproxy', ['-v']).status !== 0 && 'NO HAPROXY TEST: install haproxy (apt-get install haproxy)';

const example = new URL('../../../../examples/haproxy/haproxy.cfg', import.meta.url);

/** Runs the example with the addresses of this test; CPEs and ACSs find it at these URLs. */
async function startHaproxy(t: TestContext, gateways: readonly string[]): Promise<{ cpes: string; acss: string }> {
  const ports = [await freePort(), await freePort()];
  const [one = '', other = ''] = gateways.map((url) => new URL(url).host);
  const config = readFileSync(example, 'utf8')
    .replace('0.0.0.0:7547', `127.0.0.1:${ports[0]}`)
    .replace('0.0.0.0:8081', `127.0.0.1:${ports[1]}`)
    .replaceAll('10.0.0.21:8080 check', one)
    .replaceAll('10.0.0.22:8080 check', other);
  const folder = mkdtempSync(join(tmpdir(), 'cwmp-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, config);
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'inherit', 'ignore'] });
  const exited = once(child, 'exit');
  atEnd(t, async () => {
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  });
  const acss = `http://127.0.0.1:${ports[1]}`;
  for (let tries = 0; ; tries += 1) {
    try {
      await fetch(`${acss}/client`, { headers: { connection: 'close' } });
      return { cpes: `http://127.0.0.1:${ports[0]}`, acss };
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** The status of an answer to a client with this address. */
function statusFrom(localAddress: string, url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, { localAddress, headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on('error', reject);
  });
}

test(
  'two gateways behind the HAProxy of the example keep sessions whole and wake for any ACS',
  { skip: noHaproxy },
  async (t) => {
    const acs = await startAcs(t);
    const proxies: CwmpProxy[] = [];
    const urls: string[] = [];
    for (let count = 0; count < 2; count += 1) {
      const trustedProxies = ['127.0.0.1'];
      const proxy = createCwmpProxy({
        publicUrl: publicOrigin,
        backends: [acs.url],
        connectionRequests: { ...connectionRequests, access: { nonceKey: 'the same at both gateways' } },
        trustedProxies,
      });
      atEnd(t, () => proxy.close());
      proxies.push(proxy);
      urls.push((await serve(t, (request, response) => void proxy.handle(request, response))).url);
    }
    const haproxy = await startHaproxy(t, urls);
    const sessions = (): number[] => proxies.map((proxy) => proxy.stats().sessions.ended.complete ?? 0);

    for (let count = 1; count <= 4; count += 1) {
      const cpe = startCpe(t);
      assert.equal((await cpe.send({ url: haproxy.cpes, body: inform() })).status, 200);
      assert.equal((await cpe.send({ url: haproxy.cpes, headers: { Connection: 'close' } })).status, 204);
      assert.deepEqual(
        sessions().sort((a, b) => a - b),
        [0, count],
        'one address stays with one gateway',
      );
    }

    let woken = 0;
    const device = await serve(t, (_request, response) => {
      woken += 1;
      response.writeHead(200, { connection: 'close' }).end();
    });
    // A stranger's wrong passwords are counted for its own address, not for HAProxy's, by each gateway.
    const wrong = { authorization: `Basic ${btoa('acs:wrong')}` };
    const statuses: number[] = [];
    for (let count = 0; count <= 41; count += 1)
      statuses.push(await statusFrom('127.0.0.5', `${haproxy.acss}/client`, wrong));
    assert.deepEqual([statuses[0], statuses.at(-1)], [401, 429]);
    assert.equal(acs.received[0]?.headers['x-forwarded-for'], '127.0.0.1, 127.0.0.1');
    // Each answer on a connection of its own, which leads to the other gateway.
    const uri = `/client?origin=${device.url}`;
    for (let count = 0; count < 4; count += 1) {
      const asked = await fetch(haproxy.acss + uri, { headers: { connection: 'close' } });
      const [first] = parseChallenges(asked.headers.get('www-authenticate') ?? '');
      const challenge = first && readDigestChallenge(first);
      assert.ok(challenge !== undefined);
      const authorization = answerDigest(challenge, { username: 'acs', password: 'secret', method: 'GET', uri });
      const answer = await fetch(haproxy.acss + uri, { headers: { connection: 'close', authorization } });
      assert.equal(answer.status, 200);
    }
    assert.equal(woken, 4);
  },
);
