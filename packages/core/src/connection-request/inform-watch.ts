import { BoundedMap } from '../bounded-map.js';
import { parseOrigin } from './origin.js';
import type { InformNotice, WakeDevice } from './wake-result.js';

/**
 * Subscribes to the Informs that pass.
 *
 * @returns ends the subscription.
 */
export type InformSource = (listener: (inform: InformNotice) => void) => () => void;

/** Most CPEs whose DeviceId is remembered for a credentials function. */
const maxDevices = 10_000;

/** Watches the Informs that pass: for those who wait for the Inform of a CPE, and to know CPEs by their DeviceId. */
export class InformWatch {
  readonly #source: InformSource;
  readonly #rememberDevices: boolean;
  readonly #waiting = new Map<string, Set<(inform: InformNotice) => void>>();
  readonly #devices = new BoundedMap<string, WakeDevice>(maxDevices);
  #unsubscribe: (() => void) | undefined;

  /** @param rememberDevices whether to watch from the start, and keep the DeviceId of each CPE. */
  constructor(source: InformSource, rememberDevices: boolean) {
    this.#source = source;
    this.#rememberDevices = rememberDevices;
    if (rememberDevices) this.#unsubscribe = source((inform) => this.#seen(inform));
  }

  /**
   * Calls the listener for each Inform with `6 CONNECTION REQUEST` of the CPE with this key of an origin.
   *
   * @returns ends it.
   */
  listen(key: string, listener: (inform: InformNotice) => void): () => void {
    const listeners = this.#waiting.get(key) ?? new Set();
    listeners.add(listener);
    this.#waiting.set(key, listeners);
    this.#unsubscribe ??= this.#source((inform) => this.#seen(inform));
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      if (this.#waiting.get(key) === listeners) this.#waiting.delete(key);
      if (this.#waiting.size === 0 && !this.#rememberDevices) this.close();
    };
  }

  /** The DeviceId of the CPE with this key of an origin, if it is remembered. */
  device(key: string): WakeDevice | undefined {
    return this.#devices.get(key);
  }

  /** Ends the subscription and forgets all. */
  close(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#waiting.clear();
    this.#devices.clear();
  }

  #seen(inform: InformNotice): void {
    const key = parseOrigin(inform.url.trim())?.key;
    if (key === undefined) return;
    if (this.#rememberDevices && inform.device !== undefined) this.#devices.set(key, inform.device);
    if (!inform.events.includes('6 CONNECTION REQUEST')) return;
    for (const listener of this.#waiting.get(key) ?? []) listener(inform);
  }
}
