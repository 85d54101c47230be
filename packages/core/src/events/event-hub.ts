import { type Channel, channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { type CwmpProxyError, throwLater } from '../errors.js';
import type { Session } from '../sessions/session.js';
import type { CwmpProxyEmitter, CwmpProxyEvents, WarningCode } from './events.js';
import { Tally } from './stats.js';

/**
 * The channels of `node:diagnostics_channel` on which the events of every proxy are published, for tracers that have no hold
 * of the proxy: `cwmp-proxy:sessionStart`, `cwmp-proxy:exchange`, … A channel that nobody listens to costs nothing.
 */
const channels: Readonly<Record<keyof CwmpProxyEvents, Channel>> = {
  sessionStart: channel('cwmp-proxy:sessionStart'),
  sessionEnd: channel('cwmp-proxy:sessionEnd'),
  message: channel('cwmp-proxy:message'),
  informPending: channel('cwmp-proxy:informPending'),
  inform: channel('cwmp-proxy:inform'),
  informRefused: channel('cwmp-proxy:informRefused'),
  exchange: channel('cwmp-proxy:exchange'),
  wake: channel('cwmp-proxy:wake'),
  backend: channel('cwmp-proxy:backend'),
  failure: channel('cwmp-proxy:failure'),
  warning: channel('cwmp-proxy:warning'),
};

/** Minimum time between two warnings of one code that comes often, in milliseconds. */
const repeatMs = 60_000;

/** Where everything that happens is told: to the counts, to the listeners of the proxy, and on the channels. */
export class EventHub {
  readonly tally: Tally = new Tally();
  readonly #emitter: CwmpProxyEmitter;
  /** When each code was last warned of, on the clock of `performance.now()`. */
  readonly #warned = new Map<WarningCode, number>();

  constructor(emitter: CwmpProxyEmitter) {
    this.#emitter = emitter;
  }

  /** Whether anybody listens to an event. */
  isHeard(name: keyof CwmpProxyEvents): boolean {
    return this.#emitter.listenerCount(name) > 0 || channels[name].hasSubscribers;
  }

  /** An exception in a listener is thrown into the process a tick later: it costs no exchange. */
  tell<Name extends keyof CwmpProxyEvents>(name: Name, ...event: CwmpProxyEvents[Name]): void {
    this.tally.count[name]?.(...event);
    try {
      // Not `emitter.emit`: of a name that is a type parameter its types can make nothing.
      EventEmitter.prototype.emit.call(this.#emitter, name, ...event);
    } catch (error) {
      throwLater(error);
    }
    channels[name].publish(event[0]);
  }

  /** An exchange has failed. */
  fail(error: CwmpProxyError, method: string, target: 'acs' | 'cpe', session: Session | undefined): void {
    this.tell('failure', { error, method, target, session: session?.id, backend: session?.backend.url });
  }

  /** Warns each time. */
  warn(code: WarningCode, message: string): void {
    this.tell('warning', { code, message });
  }

  /** Warns at most once a minute: where one is refused, many are. */
  warnSometimes(code: WarningCode, message: string, cause?: { readonly cause: unknown }): void {
    const now = performance.now();
    if (now - (this.#warned.get(code) ?? -Infinity) < repeatMs) return;
    this.#warned.set(code, now);
    this.tell('warning', { code, message, ...cause });
  }

  /** Warns once. */
  warnOnce(code: WarningCode, message: string): void {
    if (this.#warned.has(code)) return;
    this.#warned.set(code, Infinity);
    this.tell('warning', { code, message });
  }
}
