import { Counter, Gauge, Histogram, type Registry, register } from 'prom-client';
import { subscribe } from './events/events.js';
import type { CwmpProxy } from './proxy.js';

/** Where {@link collectMetrics} puts its metrics. */
export interface MetricsOptions {
  /** The registry of prom-client. Default: its global one. Two proxies of a process need one each. */
  registry?: Registry | undefined;
}

/** Upper bounds in seconds: a CPE waits 30 s for all (TR-069 A6 §3.7.1.4). */
const exchangeBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Upper bounds in seconds: GenieACS gives a wake 2 s; a wait for an Inform may take 30 s more. */
const wakeBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60];

/** Every metric, so that they can be taken out again. */
const names = [
  'cwmp_proxy_sessions',
  'cwmp_proxy_held_bytes',
  'cwmp_proxy_sessions_started_total',
  'cwmp_proxy_sessions_ended_total',
  'cwmp_proxy_messages_total',
  'cwmp_proxy_exchange_duration_seconds',
  'cwmp_proxy_wake_duration_seconds',
  'cwmp_proxy_failures_total',
  'cwmp_proxy_warnings_total',
  'cwmp_proxy_backend_state',
  'cwmp_proxy_backend_sessions',
  'cwmp_proxy_backend_requests_in_flight',
];

const states = ['up', 'ejected', 'draining', 'drained'] as const;

/**
 * Counts what a proxy does with prom-client, by Prometheus's conventions: `cwmp_proxy_sessions`,
 * `cwmp_proxy_exchange_duration_seconds`, `cwmp_proxy_wake_duration_seconds`, …; docs/reference.md lists them all. No label
 * holds anything of a CPE, so their number is bounded.
 *
 * @returns A function that stops the counting and takes the metrics out of the registry.
 *
 * @example
 * ```ts
 * collectMetrics(proxy);
 * app.get('/metrics', async (_request, response) => void response.type('text/plain').send(await register.metrics()));
 * ```
 */
export function collectMetrics(proxy: CwmpProxy, { registry = register }: MetricsOptions = {}): () => void {
  const registers = [registry];
  addGauges(proxy, registers);
  const started = new Counter({ name: 'cwmp_proxy_sessions_started_total', help: 'CWMP sessions begun', registers });
  const ended = new Counter({
    name: 'cwmp_proxy_sessions_ended_total',
    help: 'CWMP sessions ended, by reason',
    labelNames: ['reason'],
    registers,
  });
  const messages = new Counter({
    name: 'cwmp_proxy_messages_total',
    help: 'CWMP messages of CPEs, by what became of the ConnectionRequestURLs in them',
    labelNames: ['outcome'],
    registers,
  });
  const exchanges = new Histogram({
    name: 'cwmp_proxy_exchange_duration_seconds',
    help: 'Requests of CPEs that a backend answered: time from the whole request to the whole answer',
    labelNames: ['backend', 'status'],
    buckets: exchangeBuckets,
    registers,
  });
  const wakes = new Histogram({
    name: 'cwmp_proxy_wake_duration_seconds',
    help: 'Wakes of CPEs, all legs, by outcome',
    labelNames: ['outcome'],
    buckets: wakeBuckets,
    registers,
  });
  const failures = new Counter({
    name: 'cwmp_proxy_failures_total',
    help: 'Exchanges that failed, by code',
    labelNames: ['code'],
    registers,
  });
  const warnings = new Counter({
    name: 'cwmp_proxy_warnings_total',
    help: 'Warnings, by code',
    labelNames: ['code'],
    registers,
  });
  const stop = subscribe(proxy, {
    sessionStart: () => started.inc(),
    sessionEnd: ({ why }) => ended.inc({ reason: why }),
    message: ({ message }) => messages.inc({ outcome: message.outcome }),
    exchange: ({ backend, status, ms }) => exchanges.observe({ backend, status: String(status) }, ms / 1_000),
    wake: ({ outcome, ms }) => wakes.observe({ outcome }, ms / 1_000),
    failure: ({ error }) => failures.inc({ code: error.code }),
    warning: ({ code }) => warnings.inc({ code }),
  });
  return () => {
    stop();
    for (const name of names) registry.removeSingleMetric(name);
  };
}

/** What is asked for at each scrape. */
function addGauges(proxy: CwmpProxy, registers: Registry[]): Gauge[] {
  return [
    new Gauge({
      name: 'cwmp_proxy_sessions',
      help: 'CWMP sessions open now',
      registers,
      collect() {
        this.set(proxy.stats().sessions.open);
      },
    }),
    new Gauge({
      name: 'cwmp_proxy_held_bytes',
      help: 'Bytes that bodies and their coders hold now; limits.maxHeldTotalBytes is the maximum',
      registers,
      collect() {
        this.set(proxy.stats().heldBytes);
      },
    }),
    new Gauge({
      name: 'cwmp_proxy_backend_state',
      help: 'State of a backend: 1 for the one it is in, 0 for the others',
      labelNames: ['backend', 'state'],
      registers,
      collect() {
        this.reset();
        for (const { url, state } of proxy.backends.list()) {
          for (const one of states) this.set({ backend: url, state: one }, one === state ? 1 : 0);
        }
      },
    }),
    new Gauge({
      name: 'cwmp_proxy_backend_sessions',
      help: 'CWMP sessions open on a backend now',
      labelNames: ['backend'],
      registers,
      collect() {
        this.reset();
        for (const { url, sessions } of proxy.backends.list()) this.set({ backend: url }, sessions);
      },
    }),
    new Gauge({
      name: 'cwmp_proxy_backend_requests_in_flight',
      help: 'Requests that a backend has not yet answered',
      labelNames: ['backend'],
      registers,
      collect() {
        this.reset();
        for (const { url, inFlight } of proxy.backends.list()) this.set({ backend: url }, inFlight);
      },
    }),
  ];
}
