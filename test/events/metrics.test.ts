import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { collectMetrics } from '@cwmp-proxy/core/metrics';
import { Registry } from 'prom-client';
import { inform, startAcs } from '../helpers/acs.js';
import { startApp } from '../helpers/app.js';
import { startCpe } from '../helpers/cpe-connection.js';
import { plainHost } from '../helpers/hosts/plain-host.js';

test('counts a session, a failed wake and the backends by the conventions of Prometheus', async (t) => {
  const acs = await startAcs(t);
  const app = await startApp(t, plainHost, { backends: [acs.url, 'http://127.0.0.1:2'] });
  const registry = new Registry();
  const stop = collectMetrics(app.proxy, { registry });
  const cpe = startCpe(t);
  await cpe.send({ url: app.url, body: inform() });
  assert.match(await registry.metrics(), /^cwmp_proxy_sessions 1$/m);
  await cpe.send({ url: app.url });
  const wake = once(app.proxy, 'wake');
  await app.proxy.wakeCpe('http://127.0.0.1:1/');
  await wake;

  const text = await registry.metrics();
  for (const line of [
    'cwmp_proxy_sessions 0',
    'cwmp_proxy_sessions_started_total 1',
    'cwmp_proxy_sessions_ended_total{reason="complete"} 1',
    'cwmp_proxy_messages_total{outcome="rewritten"} 1',
    `cwmp_proxy_exchange_duration_seconds_count{backend="${acs.url}",status="200"} 1`,
    `cwmp_proxy_exchange_duration_seconds_count{backend="${acs.url}",status="204"} 1`,
    'cwmp_proxy_wake_duration_seconds_count{outcome="unreachable"} 1',
    `cwmp_proxy_backend_state{backend="${acs.url}",state="up"} 1`,
    `cwmp_proxy_backend_sessions{backend="${acs.url}"} 0`,
    'cwmp_proxy_backend_requests_in_flight{backend="http://127.0.0.1:2"} 0',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line} is missing in\n${text}`);
  }
  // Base units and the suffixes that promtool asks for.
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\w+)$/gm)) {
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.equal(name.endsWith('_seconds'), type === 'histogram', name);
  }
  stop();
  assert.equal((await registry.metrics()).trim(), '');
});
