import type { WakeOutcome } from '../connection-request/result.js';
import { type CwmpProxyEmitter, subscribe } from './events.js';
import { refuseOption } from '../option-checks.js';

/** What {@link logEvents} writes to: pino's order, fields first and message second. */
export interface EventLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Reasons for which a URL rightly leaves as it came. */
const harmless: ReadonlySet<string | undefined> = new Set(['empty', 'kept']);

/** Outcomes of a wake that reached its CPE. */
const reached: ReadonlySet<WakeOutcome> = new Set(['accepted', 'informed']);

/**
 * Logs the events of a proxy: Informs, wakes that reached their CPE, backends that came back and CPEs that left at `info`;
 * sessions, exchanges and other messages at `debug`; what failed, URLs that could not be rewritten and backends that are
 * ejected at `warn`. No secret stands in any event, so none is logged.
 *
 * @returns A function that stops the logging.
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when the logger lacks a method: each is called sooner or later.
 */
export function logEvents(proxy: CwmpProxyEmitter, logger: EventLogger): () => void {
  if (!(['debug', 'info', 'warn'] as const).every((level) => typeof logger?.[level] === 'function')) {
    refuseOption('logger', 'expected one with debug, info and warn, console for instance');
  }
  return subscribe(proxy, {
    sessionStart: (event) => logger.debug(event, 'session start'),
    sessionEnd: (event) => logger.debug(event, 'session end'),
    message: ({ session, backend, message: { method, id, outcome, reason } }) => {
      const fields = { session, backend, method, id, outcome, reason };
      if (outcome === 'unchanged' && !harmless.has(reason)) logger.warn(fields, 'message left as it came');
      else logger.debug(fields, 'message');
    },
    exchange: (event) => logger.debug(event, 'exchange'),
    inform: ({ session, backend, device, events, url }) => {
      logger.info({ session, backend, device, events, url }, 'inform');
    },
    informRefused: ({ session, backend, device, events, url, status, why }) => {
      const fields = { session, backend, device, events, url, status, why };
      // A CPE that is challenged repeats its Inform.
      if (status === 401) logger.debug(fields, 'inform refused');
      else logger.info(fields, 'inform refused');
    },
    wake: (event) => (reached.has(event.outcome) ? logger.info(event, 'wake') : logger.warn(event, 'wake failed')),
    backend: (event) => (event.state === 'ejected' ? logger.warn(event, 'backend') : logger.info(event, 'backend')),
    failure: ({ error, method, target, session, backend }) => {
      const fields = { code: error.code, method, target, session, backend };
      // CPEs leave for reasons of their own, and return.
      if (error.code === 'ERR_CWMP_CPE_GONE') logger.info(fields, error.message);
      else logger.warn(fields, error.message);
    },
    warning: ({ code, message }) => logger.warn({ code }, message),
  });
}
