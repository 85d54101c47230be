import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import {
  type CredentialsRequest,
  createCwmpProxy,
  type CwmpProxy,
  type CwmpProxyOptions,
  type InformRefusedEvent,
  type WarningEvent,
} from '@cwmp-proxy/core';
import { inform, informResponse, startAcs } from '../helpers/acs.js';
import { publicOrigin } from '../helpers/app.js';
import { basic, startDigestCpe } from '../helpers/gate.js';
import { listen, serve } from '../helpers/serve.js';

/*
 * Seen, each with an ACS that answers a stranger's Inform with 401: the stranger's Inform with a CPE's URL and event 6 resolved the
 * wake of that CPE as `informed`; one with a CPE's DeviceId and the stranger's own URL had a `credentials` function answer the
 * stranger's nonce with that CPE's password; one refused POST made a live CPE unwakeable. The cause: what an Inform said was
 * believed when it was sent on. Promise: it is believed when the ACS has accepted the Inform, with 2xx.
 */

const event6 = '6 CONNECTION REQUEST';

interface Edge {
  proxy: CwmpProxy;
  url: string;
  /** What happened, in order. */
  heard: string[];
  refused: InformRefusedEvent[];
  warnings: WarningEvent[];
  /** Sends an Inform and gives the status of its answer. */
  inform: (body: string, headers?: Record<string, string>) => Promise<number>;
}

/** A proxy before an ACS that takes Informs with `X-Good` only. */
async function startEdge(t: TestContext, options: Partial<CwmpProxyOptions> = {}): Promise<Edge> {
  const acs = await serve(t, (request, response) => {
    const isGood = request.headers['x-good'] !== undefined;
    request.resume().on('end', () => response.writeHead(isGood ? 200 : 401).end(isGood ? informResponse : ''));
  });
  const connectionRequests = { allow: ['127.0.0.0/8'], users: { acs: 'secret' } };
  const proxy = createCwmpProxy({ publicUrl: publicOrigin, backends: [acs.url], connectionRequests, ...options });
  t.after(() => proxy.close());
  const { url } = await serve(t, (request, response) => void proxy.handle(request, response));
  const heard: string[] = [];
  const refused: InformRefusedEvent[] = [];
  const warnings: WarningEvent[] = [];
  proxy.on('informPending', ({ device }) => heard.push(`pending ${device?.serialNumber}`));
  proxy.on('inform', ({ device }) => heard.push(`believed ${device?.serialNumber}`));
  proxy.on('exchange', ({ status }) => heard.push(`exchange ${status}`));
  proxy.on('informRefused', (event) => refused.push(event));
  proxy.on('warning', (warning) => warnings.push(warning));
  return {
    proxy,
    url,
    heard,
    refused,
    warnings,
    async inform(body, headers = {}) {
      const answer = await fetch(url, { method: 'POST', body, headers: { connection: 'close', ...headers } });
      await answer.arrayBuffer();
      return answer.status;
    },
  };
}

const good = { 'X-Good': '1' };

test('an Inform is pending when it is sent on, and believed before its exchange is told of', async (t) => {
  const edge = await startEdge(t);
  await edge.inform(inform(), good);
  assert.deepEqual(edge.heard, ['pending S1', 'believed S1', 'exchange 200']);
  assert.deepEqual(edge.refused, []);
});

test('an Inform that the ACS answers with 401 is refused, with the status', async (t) => {
  const edge = await startEdge(t);
  assert.equal(await edge.inform(inform()), 401);
  assert.deepEqual(edge.heard, ['pending S1', 'exchange 401']);
  assert.deepEqual(
    edge.refused.map(({ status, why, device }) => [status, why, device?.serialNumber]),
    [[401, 'status', 'S1']],
  );
});

test('an Inform that no ACS answers is refused without a status', async (t) => {
  const dead = await serve(t, (request) => request.socket.destroy());
  const edge = await startEdge(t, { backends: [dead.url] });
  assert.equal(await edge.inform(inform()), 502);
  assert.deepEqual(
    edge.refused.map(({ status, why }) => [status, why]),
    [[undefined, 'status']],
  );
});

test("a stranger's Inform that no ACS accepts does not end the wait for a CPE's own", async (t) => {
  const edge = await startEdge(t);
  let url = '';
  const device = await serve(t, (_request, response) => {
    response.writeHead(200, { connection: 'close' }).end();
    void edge.inform(inform(url, 'S1', event6)).then(() => edge.inform(inform(url, 'S2', event6), good));
  });
  url = `${device.url}/`;
  const wake = await edge.proxy.wakeCpe(url, { waitForInformMs: 20_000 });
  assert.equal(wake.outcome, 'informed');
  assert.equal(wake.inform?.device?.serialNumber, 'S2');
});

test("a credentials function is not asked for a device that a stranger's refused Inform names", async (t) => {
  const asked: CredentialsRequest[] = [];
  const credentials = (cpe: CredentialsRequest) => {
    asked.push(cpe);
    return cpe.device === undefined ? undefined : { username: 'cpe', password: `of ${cpe.device.serialNumber}` };
  };
  const edge = await startEdge(t, {
    connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' }, credentials },
  });
  const victim = await startDigestCpe(t, { username: 'cpe', password: 'of S1' });
  const stranger = await startDigestCpe(t, { username: 'cpe', password: 'of S1' });
  await edge.inform(inform(victim.url.replaceAll('&', '&amp;')), good);
  await edge.inform(inform(stranger.url.replaceAll('&', '&amp;')));
  assert.equal((await edge.proxy.wakeCpe(stranger.url)).outcome, 'unknown');
  assert.equal(stranger.wakes, 0);
  assert.deepEqual(
    asked.map(({ device }) => device?.serialNumber),
    [undefined],
  );
  // And the refused Inform took nothing from the victim.
  assert.equal((await edge.proxy.wakeCpe(victim.url)).outcome, 'accepted');
});

test('credentials of a device are not used for a URL that another device goes on reporting too; static ones are', async (t) => {
  const credentials = ({ device }: CredentialsRequest) => device && { username: 'cpe', password: 'secret' };
  const edge = await startEdge(t, {
    connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' }, credentials },
  });
  const cpe = await startDigestCpe(t, { username: 'cpe', password: 'secret' });
  const url = cpe.url.replaceAll('&', '&amp;');
  for (const serialNumber of ['A', 'B', 'A']) await edge.inform(inform(url, serialNumber), good);
  assert.deepEqual(
    edge.warnings.map(({ code }) => code).filter((code) => code === 'AMBIGUOUS_CPE'),
    ['AMBIGUOUS_CPE'],
  );
  assert.equal((await edge.proxy.wakeCpe(cpe.url)).outcome, 'no-credentials');
  const own = { username: 'cpe', password: 'secret' };
  assert.equal((await edge.proxy.wakeCpe(cpe.url, { credentials: own })).outcome, 'accepted');
});

/*
 * Seen: an Inform with the DeviceId of a CPE first and the sender's own behind it was accepted by an ACS that takes the last, and a
 * `credentials` function then answered the sender's nonce with the password of the CPE. Cause: of what stands twice the first was
 * believed. Promise: a message that names two devices, or one part of a DeviceId twice, names none.
 */
const victim = '<DeviceId><OUI>020000</OUI><ProductClass>P</ProductClass><SerialNumber>V</SerialNumber></DeviceId>';
const padding = `<!--${'x'.repeat(70_000)}-->`;
for (const [name, body] of [
  ['before the Event', (own: string) => own.replace('<DeviceId>', `${victim}<DeviceId>`)],
  ['in the place of it, and another at the end', (own: string) => withVictim(own, (rest) => rest)],
  ['and another far behind', (own: string) => withVictim(own, (rest) => padding + rest)],
  [
    'and another in a second Inform',
    (own: string) => own.replace('<soap:Body>', `<soap:Body><cwmp:Inform>${victim}</cwmp:Inform>`),
  ],
  ['deeper', (own: string) => own.replace(/<DeviceId>.*<\/DeviceId>/s, (device) => `<x>${device}</x>${victim}`)],
  [
    'by a second SerialNumber',
    (own: string) => own.replace('<SerialNumber>', '<SerialNumber>V</SerialNumber><SerialNumber>'),
  ],
] as const) {
  for (const maxHeldBytes of [16_384, 1_048_576]) {
    test(`a message that names two devices names none: the other ${name}, held up to ${maxHeldBytes} bytes`, async (t) => {
      const asked: (string | undefined)[] = [];
      const credentials = ({ device }: CredentialsRequest): undefined => void asked.push(device?.serialNumber);
      const edge = await startEdge(t, {
        connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' }, credentials },
        limits: { maxHeldBytes },
      });
      const cpe = await startDigestCpe(t, { username: 'cpe', password: 'secret' });
      const own = inform(cpe.url.replaceAll('&', '&amp;'), 'OWN');
      assert.equal(await edge.inform(body(own), good), 200);
      assert.equal((await edge.proxy.wakeCpe(cpe.url)).outcome, 'unknown');
      assert.deepEqual(asked, [undefined]);
    });
  }
}

/** An Inform whose first DeviceId is the victim's, and its own stands at its end. */
function withVictim(own: string, behind: (rest: string) => string): string {
  const [device = ''] = /<DeviceId>.*<\/DeviceId>/s.exec(own) ?? [];
  return own.replace(device, victim).replace('</cwmp:Inform>', `${behind(device)}</cwmp:Inform>`);
}

test('the wait for an Inform knows the CPE by its DeviceId when its path has changed', async (t) => {
  const edge = await startEdge(t, {
    connectionRequests: { allow: ['127.0.0.0/8'], users: { acs: 'secret' }, credentials: () => undefined },
  });
  const device = await serve(t, (request, response) => {
    response.writeHead(200, { connection: 'close' }).end();
    void edge.inform(inform(`http://${request.headers.host}/second`, 'S7', event6), good);
  });
  await edge.inform(inform(`${device.url}/first`, 'S7'), good);
  const wake = await edge.proxy.wakeCpe(`${device.url}/first`, { waitForInformMs: 20_000 });
  assert.equal(wake.outcome, 'informed');
});

const username = '020000-P-S1';

for (const onMismatch of ['report', 'refuse'] as const) {
  test(`an Inform with the DeviceId of another device than cpeAuth knows: ${onMismatch}`, async (t) => {
    const users = { [username]: 'secret', shared: 'secret' };
    const edge = await startEdge(t, { cpeAuth: { users, schemes: ['basic'], onMismatch } });
    const send = (body: string, user: string): Promise<number> =>
      edge.inform(body, { ...good, ...basic(`${user}:secret`) });
    assert.equal(await send(inform('http://127.0.0.1:1/', 'S1'), username), 200);
    assert.equal(await send(inform('http://127.0.0.1:1/', 'S2'), username), onMismatch === 'refuse' ? 403 : 200);
    assert.equal(await send(inform('http://127.0.0.1:1/', 'S3'), 'shared'), 200, 'a shared name proves no device');
    assert.deepEqual(
      edge.heard.filter((line) => line.startsWith('believed')),
      ['believed S1', 'believed S3'],
    );
    assert.deepEqual(
      edge.refused.map(({ why, status }) => [why, status]),
      onMismatch === 'refuse' ? [] : [['identity', 200]],
    );
    assert.deepEqual(
      edge.warnings.map(({ code }) => code).filter((code) => code === 'DEVICE_MISMATCH'),
      ['DEVICE_MISMATCH'],
    );
  });
}

for (const { name, pass, end, believed } of [
  { name: 'a 200', pass: true, end: (response: ServerResponse) => response.writeHead(200).end(), believed: ['S1'] },
  { name: 'a 401', pass: true, end: (response: ServerResponse) => response.writeHead(401).end(), believed: [] },
  { name: 'a cut connection', pass: true, end: (response: ServerResponse) => response.destroy(), believed: [] },
  {
    name: 'a 200 that rewriteRequest was not given',
    pass: false,
    end: (response: ServerResponse) => response.end(),
    believed: [],
  },
]) {
  test(`in the process of the ACS an Inform is believed by its response: ${name}`, async (t) => {
    const connectionRequests = { allow: ['127.0.0.0/8'], users: { acs: 'secret' } };
    const proxy = createCwmpProxy({ publicUrl: publicOrigin, connectionRequests });
    t.after(() => proxy.close());
    const heard: string[] = [];
    const warnings: string[] = [];
    proxy.on('inform', ({ device }) => heard.push(device?.serialNumber ?? ''));
    proxy.on('warning', ({ code }) => warnings.push(code));
    const closed: Promise<unknown>[] = [];
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      closed.push(once(response, 'close'));
      void proxy.rewriteRequest(request, ...(pass ? [response] : [])).then(() => end(response));
    });
    const { url } = await listen(t, server);
    for (let count = 0; count < 2; count += 1) {
      await fetch(url, { method: 'POST', body: inform(), headers: { connection: 'close' } }).then(
        (answer) => answer.arrayBuffer(),
        () => undefined,
      );
    }
    await Promise.all(closed);
    assert.deepEqual(heard, [...believed, ...believed]);
    assert.deepEqual(warnings, pass ? [] : ['RESPONSE_MISSING']);
  });
}

test('an event and a log show neither the user nor the query values of a CPE URL', async (t) => {
  const acs = await startAcs(t);
  const edge = await startEdge(t, { backends: [acs.url] });
  const urls: (string | undefined)[] = [];
  edge.proxy.on('inform', ({ url }) => urls.push(url));
  await edge.inform(inform('http://127.0.0.1:1/a?user=x&amp;pass=secret&amp;flag'));
  assert.deepEqual(urls, ['http://127.0.0.1:1/a?user=…&pass=…&…']);
});

/*
 * Seen: an Inform with `cpe:secret@192.0.2.1` or a fragment in its URL had it in events and logs. Cause: only what is a URL was
 * masked. Promise: what could be a user in a URL, and a fragment, are masked in whatever a CPE writes.
 */
for (const [url, shown] of [
  ['cpe:secret@192.0.2.1:7547/', '…@192.0.2.1:7547/'],
  ['http:/cpe:secret@192.0.2.1/', 'http:/…@192.0.2.1/'],
  ['http:\\\\cpe:secret@192.0.2.1', 'http:\\\\…@192.0.2.1'],
  ['x+y://cpe:secret@192.0.2.1/', 'x+y://…@192.0.2.1/'],
  ['http://192.0.2.1/a#secret?x', 'http://192.0.2.1/a#…'],
  ['http://192.0.2.1/a@b?c=secret#secret', 'http://192.0.2.1/a@b?c=…#…'],
] as const) {
  test(`an event shows ${shown} of what stands in the place of a CPE's URL`, async (t) => {
    const acs = await startAcs(t);
    const edge = await startEdge(t, { backends: [acs.url] });
    const urls: (string | undefined)[] = [];
    edge.proxy.on('inform', (event) => urls.push(event.url));
    await edge.inform(inform(url));
    assert.deepEqual(urls, [shown]);
  });
}
