// A gateway with metrics for Prometheus; prometheus.yml and dashboard.json (Grafana) stand beside it.
//
//   BACKENDS=http://10.0.0.11:7547 npm run example prometheus/gateway
import { createCwmpProxy } from '@cwmp-proxy/core';
import { collectMetrics } from '@cwmp-proxy/core/metrics';
import { cwmpProxy } from '@cwmp-proxy/express';
import express from 'express';
import { collectDefaultMetrics, register } from 'prom-client';
import { options, port, printWhatToTry } from '../gateway-settings.js';

const proxy = createCwmpProxy(options);
collectDefaultMetrics();
collectMetrics(proxy);

const app = express();
app.get('/metrics', (_request, response, next) => {
  register.metrics().then((text) => response.type(register.contentType).send(text), next);
});
app.use(cwmpProxy(proxy));

const server = app.listen(port, () => {
  printWhatToTry();
  console.log(`Metrics: curl http://127.0.0.1:${port}/metrics`);
  console.log('Prometheus: prometheus --config.file=examples/prometheus/prometheus.yml');
  console.log('Grafana: import examples/prometheus/dashboard.json');
});
server.keepAliveTimeout = 60_000;
