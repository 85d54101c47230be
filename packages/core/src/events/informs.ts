import { readCpeUsername } from '../access/cpe-username.js';
import type { InformNotice } from '../connection-request/result.js';
import { type CwmpProxyEvents, type InformEvent, type MessageEvent, shownUrl } from './events.js';
import type { OnAnswered } from '../forward/passage.js';
import type { DeviceId } from '../soap/message.js';

/** The events that tell of Informs. */
export const informEvents = ['informPending', 'inform', 'informRefused'] as const;

/** What {@link Informs} works with. */
export interface InformsSettings {
  /** Whether anybody hears one of the three events. */
  isHeard: () => boolean;
  tell: <Name extends 'informPending' | 'inform' | 'informRefused'>(
    name: Name,
    ...event: CwmpProxyEvents[Name]
  ) => void;
  /** Called for an Inform whose DeviceId is not that of the CPE that sent it. */
  onMismatch: (identity: string) => void;
}

/** Informs on their way. What one says is believed when its ACS has accepted it, because anybody can send one. */
export class Informs {
  readonly #settings: InformsSettings;
  readonly #listeners = new Set<(inform: InformNotice) => void>();

  constructor(settings: InformsSettings) {
    this.#settings = settings;
  }

  /** Calls the listener with each Inform that is believed and names a URL. Returns a function that ends it. */
  subscribe(listener: (inform: InformNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes note of an Inform that is sent on.
   *
   * @param identity User name that the CPE has proven, where `cpeAuth` asked for it.
   * @returns what is to be called with the answer's status; `undefined` where nobody wants to know.
   */
  sent(event: MessageEvent, identity: string | undefined): OnAnswered | undefined {
    const { message } = event;
    // Reading the facts of an Inform costs more than forwarding it: only for those who listen.
    if (identity === undefined && this.#listeners.size === 0 && !this.#settings.isHeard()) return undefined;
    if (!message.isInform) return undefined;
    const { device, events, urls } = message;
    const url = urls[0]?.original;
    const inform: InformEvent = { ...event, device, events, url: url === undefined ? undefined : shownUrl(url) };
    const isOther = identity !== undefined && isOtherDevice(identity, device);
    if (isOther) this.#settings.onMismatch(identity);
    const since = performance.now();
    this.#settings.tell('informPending', inform);
    return (status) => {
      const isAccepted = status !== undefined && status >= 200 && status < 300;
      if (!isAccepted || isOther) {
        this.#settings.tell('informRefused', { ...inform, status, why: isAccepted ? 'identity' : 'status' });
        return;
      }
      if (url !== undefined) {
        const { session } = event;
        const ageMs = performance.now() - since;
        const notice: InformNotice = { url, events, device, ageMs, ...(session !== undefined && { session }) };
        for (const listener of this.#listeners) listener(notice);
      }
      this.#settings.tell('inform', inform);
    };
  }
}

/**
 * Whether a user name that names a device, as TR-069 A6 §3.4.4 writes it, names another one than a DeviceId. A user name that
 * many CPEs share names none.
 */
export function isOtherDevice(identity: string, device: DeviceId | undefined): boolean {
  const named = readCpeUsername(identity);
  if (named === undefined) return false;
  return (
    named.oui.toUpperCase() !== device?.oui.toUpperCase() ||
    named.productClass !== device.productClass ||
    named.serialNumber !== device.serialNumber
  );
}
