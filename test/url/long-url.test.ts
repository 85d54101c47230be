import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inform, startAcs } from '../helpers/acs.js';
import { startApp } from '../helpers/app.js';
import { startCpe } from '../helpers/cpe-connection.js';
import { plainHost } from '../helpers/hosts/plain-host.js';

test('a URL that is rewritten to more than 256 characters is handed on so, and reported, once in a while', async (t) => {
  const acs = await startAcs(t);
  const app = await startApp(t, plainHost, { backends: [acs.url] });
  const codes: string[] = [];
  app.proxy.on('warning', ({ code }) => codes.push(code));
  const cpe = startCpe(t);
  await cpe.send({ url: app.url, body: inform('http://192.168.100.50:7547/short') });
  assert.ok(!codes.includes('URL_TOO_LONG'));
  for (const name of ['long', 'also']) {
    await cpe.send({ url: app.url, body: inform(`http://192.168.100.50:7547/${name.repeat(60)}`) });
  }
  assert.equal(codes.filter((code) => code === 'URL_TOO_LONG').length, 1);
  assert.match(acs.received[1]?.body.toString() ?? '', /client\?origin=http:\/\/192\.168\.100\.50:7547\/(?:long){60}</);
});
