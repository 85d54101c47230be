import { inTurns } from '../../in-turns.js';
import type { CpeDirectory, Identity } from '../cpe-directory.js';
import { parseOrigin } from '../cpe-url.js';
import type { InformNotice, WakeDevice } from '../result.js';

/**
 * Subscribes to the Informs that pass and that an ACS has accepted.
 *
 * @returns ends the subscription.
 */
export type InformSource = (listener: (inform: InformNotice) => void) => () => void;

/** The CPE whose Inform is waited for. */
export interface AwaitedCpe {
  /** Key of its origin, see {@link parseOrigin}. */
  readonly key: string;
  /** Who it is, where that is known: its path or address may change with the very Inform. */
  readonly device: WakeDevice | undefined;
}

interface Listener extends AwaitedCpe {
  readonly call: (inform: InformNotice) => void;
}

/** Watches the Informs that pass: for those who wait for the Inform of a CPE, and to know CPEs by their DeviceId. */
export class InformWatch {
  readonly #source: InformSource;
  readonly #directory: CpeDirectory;
  /** By key of an origin, and by key of a device. */
  readonly #waiting = new Map<string, Set<Listener>>();
  #unsubscribe: (() => void) | undefined;

  /**
   * @param keepsDirectory Whether devices are asked for from the start. Otherwise they are remembered from the first wait for an
   *   Inform on: to read every Inform's facts costs more than to forward it.
   */
  constructor(source: InformSource, directory: CpeDirectory, keepsDirectory: boolean) {
    this.#source = source;
    this.#directory = directory;
    if (keepsDirectory) this.#subscribe();
  }

  /**
   * Calls the listener for each Inform with `6 CONNECTION REQUEST` of a CPE, be it known by its origin or by its DeviceId.
   *
   * @returns ends it.
   */
  listen(cpe: AwaitedCpe, call: (inform: InformNotice) => void): () => void {
    const listener: Listener = { ...cpe, call };
    const keys = keysOf(cpe);
    for (const key of keys) {
      const listeners = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, listeners.add(listener));
    }
    this.#subscribe();
    return () => {
      for (const key of keys) {
        const listeners = this.#waiting.get(key);
        listeners?.delete(listener);
        if (listeners?.size === 0) this.#waiting.delete(key);
      }
    };
  }

  /** Who the CPE with this key of an origin is. */
  identify(key: string): Identity {
    return this.#directory.identify(key);
  }

  /** Ends the subscription and forgets all. */
  close(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#waiting.clear();
    this.#directory.clear();
  }

  #subscribe(): void {
    this.#unsubscribe ??= this.#source((inform) => this.#seen(inform));
  }

  #seen(inform: InformNotice): void {
    const key = parseOrigin(inform.url.trim())?.key;
    if (key === undefined) return;
    this.#directory.believe(inform);
    if (!inform.events.includes('6 CONNECTION REQUEST')) return;
    const listeners = new Set<Listener>();
    for (const one of keysOf({ key, device: inform.device })) {
      for (const listener of this.#waiting.get(one) ?? []) listeners.add(listener);
    }
    inTurns(listeners, ({ call }) => call(inform));
  }
}

function keysOf({ key, device }: AwaitedCpe): readonly string[] {
  const { oui = '', productClass = '', serialNumber = '' } = device ?? {};
  // No key of an origin begins like this.
  return serialNumber === '' ? [key] : [key, `\n${JSON.stringify([oui, productClass, serialNumber])}`];
}
