import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inform, startAcs } from '../helpers/acs.js';
import { startApp } from '../helpers/app.js';
import { startCpe } from '../helpers/cpe-connection.js';
import { plainHost } from '../helpers/hosts/plain-host.js';
import { serve } from '../helpers/serve.js';

const sessionHeader = 'X-CWMP-Session';
const proxyOptions = { forwarding: { sessionHeader } };

test('one id leads from a request of a CPE to the request of the backend, another through its wake to the next session', async (t) => {
  const acs = await startAcs(t);
  const app = await startApp(t, plainHost, { backends: [acs.url], proxy: proxyOptions });
  const { proxy } = app;
  const seen: string[] = [];
  const ids: string[] = [];
  proxy.on('sessionStart', ({ session }) => {
    ids.push(session);
    seen.push(`start ${session}`);
  });
  proxy.on('message', ({ session }) => seen.push(`message ${session}`));
  proxy.on('inform', ({ session, url }) => seen.push(`inform ${session} ${url}`));
  proxy.on('exchange', ({ session }) => seen.push(`exchange ${session}`));
  proxy.on('sessionEnd', ({ session }) => seen.push(`end ${session}`));
  proxy.on('wake', ({ id, origin, inform: answer }) => seen.push(`wake ${id} ${origin} ${answer?.session}`));

  const cpe = startCpe(t);
  // What a CPE says of the session is not believed.
  const headers = { [sessionHeader]: 'forged', x_cwmp_session: 'forged' };
  async function runSession(event: string): Promise<void> {
    await cpe.send({ url: app.url, body: inform(device.url, 'S1', event), headers });
    await cpe.send({ url: app.url, headers });
  }
  let called: Promise<void> | undefined;
  const device = await serve(t, (_request, response) => {
    response.writeHead(200, { connection: 'close' }).end();
    called = runSession('6 CONNECTION REQUEST');
  });
  await runSession('2 PERIODIC');
  const wakes: string[] = [];
  proxy.on('wake', ({ id }) => wakes.push(id));
  await proxy.wakeCpe(device.url, { waitForInformMs: 10_000 });
  await called;

  const [first, second] = ids;
  assert.ok(first !== undefined && second !== undefined && first !== second);
  const sessionOf = (id: string): string[] => [
    `start ${id}`,
    `message ${id}`,
    `inform ${id} ${device.url}`,
    `exchange ${id}`,
    `exchange ${id}`,
    `end ${id}`,
  ];
  assert.deepEqual(
    seen.filter((step) => !step.startsWith('wake')),
    [...sessionOf(first), ...sessionOf(second)],
  );
  assert.deepEqual(
    seen.filter((step) => step.startsWith('wake')),
    [`wake ${wakes[0]} ${device.url} ${second}`],
  );
  assert.deepEqual(
    acs.received.map((request) => [request.headers['x-cwmp-session'], request.headers['x_cwmp_session']]),
    [first, first, second, second].map((id) => [id, undefined]),
  );
});

test('without the option the backend is told no session', async (t) => {
  const acs = await startAcs(t);
  const app = await startApp(t, plainHost, { backends: [acs.url] });
  await startCpe(t).send({ url: app.url, body: inform() });
  assert.deepEqual(
    Object.keys(acs.received[0]?.headers ?? {}).filter((name) => name.includes('session')),
    [],
  );
});

test('a failure says whose session it was, and for whom the request was', async (t) => {
  const acs = await startAcs(t, (response) => response.destroy());
  const app = await startApp(t, plainHost, { backends: [acs.url] });
  const failures: unknown[] = [];
  let session: string | undefined;
  app.proxy.on('sessionStart', (event) => {
    session = event.session;
  });
  app.proxy.on('failure', ({ error, method: _method, ...where }) => failures.push([error.code, where]));
  const cpe = startCpe(t);
  await cpe.send({ url: app.url, body: inform() });
  await cpe.send({
    url: `${app.url}/client?origin=nonsense`,
    method: 'GET',
    headers: { Authorization: `Basic ${btoa('acs:secret')}` },
  });
  assert.ok(session !== undefined);
  assert.deepEqual(failures, [
    ['ERR_CWMP_BACKEND_FAILED', { target: 'acs', session, backend: acs.url }],
    ['ERR_CWMP_BAD_ORIGIN', { target: 'cpe', session: undefined, backend: undefined }],
  ]);
});
