import type { WakeOutcome } from './connection-request/wake-result.js';
import type { CwmpProxyEmitter, CwmpProxyEvents } from './events.js';

/** What {@link logEvents} writes to: pino's order, fields first and message second. */
export interface EventLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

type Listeners = { [Name in keyof CwmpProxyEvents]: (...event: CwmpProxyEvents[Name]) => void };

/** Outcomes of a wake that reached its CPE. */
const reached: ReadonlySet<WakeOutcome> = new Set(['accepted', 'informed']);

/**
 * Logs the events of a proxy: Informs, wakes that reached their CPE and changes of backends at `info`; sessions and other
 * messages at `debug`; what failed at `warn`. No secret stands in any event, so none is logged.
 *
 * @returns A function that stops the logging.
 */
export function logEvents(proxy: CwmpProxyEmitter, logger: EventLogger): () => void {
  const listeners: Listeners = {
    sessionStart: (event) => logger.debug(event, 'session start'),
    sessionEnd: (event) => logger.debug(event, 'session end'),
    message: ({ session, backend, message: { method, id, outcome, reason } }) => {
      logger.debug({ session, backend, method, id, outcome, reason }, 'message');
    },
    inform: ({ session, backend, device, events, url }) => {
      logger.info({ session, backend, device, events, url }, 'inform');
    },
    wake: (event) => (reached.has(event.outcome) ? logger.info(event, 'wake') : logger.warn(event, 'wake failed')),
    backend: (event) => (event.state === 'ejected' ? logger.warn(event, 'backend') : logger.info(event, 'backend')),
    failure: ({ error, method }) => logger.warn({ code: error.code, method }, error.message),
    warning: ({ code, message }) => logger.warn({ code }, message),
  };

  // Each name by itself, so that each listener is checked against its own event.
  function change(method: 'on' | 'off'): void {
    proxy[method]('sessionStart', listeners.sessionStart);
    proxy[method]('sessionEnd', listeners.sessionEnd);
    proxy[method]('message', listeners.message);
    proxy[method]('inform', listeners.inform);
    proxy[method]('wake', listeners.wake);
    proxy[method]('backend', listeners.backend);
    proxy[method]('failure', listeners.failure);
    proxy[method]('warning', listeners.warning);
  }

  change('on');
  return () => change('off');
}
