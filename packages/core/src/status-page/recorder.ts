import { BoundedMap } from '../bounded-map.js';
import type { WakeEvent, WakeLeg } from '../connection-request/result.js';
import { type CwmpProxyEmitter, type InformEvent, shownUrl, subscribe } from '../events/events.js';

/** A wake as the page shows it. */
export interface WakeEntry extends Pick<WakeEvent, 'id' | 'origin' | 'outcome' | 'legs' | 'ms'> {
  /** Orders the entries: higher is later. */
  number: number;
  /** When it ended, in milliseconds since 1970. */
  at: number;
  /** `Digest MD5`, `Basic`, or nothing. */
  scheme: string;
}

/** The last Inform of a device as the page shows it. */
export interface InformEntry {
  /** Names the device. */
  key: string;
  /** Orders the entries: higher is later. */
  number: number;
  /** When it came, in milliseconds since 1970. */
  at: number;
  device: string;
  model: string;
  events: readonly string[];
  url: string;
  backend: string;
  session: string;
}

const maxWakes = 40;
const maxDevices = 100;
const rateSeconds = 120;
const maxText = 200;

/** Remembers the last wakes, the last Inform of each of the last devices, and how many sessions began in which second. */
export class StatusRecorder {
  readonly #wakes: WakeEntry[] = [];
  /** The device that informed last stands last. */
  readonly #informs = new BoundedMap<string, InformEntry>(maxDevices);
  readonly #begun: { second: number; count: number }[] = Array.from({ length: rateSeconds }, () => ({
    second: 0,
    count: 0,
  }));
  #number = 0;
  readonly #stop: () => void;

  constructor(proxy: CwmpProxyEmitter) {
    this.#stop = subscribe(proxy, {
      sessionStart: () => this.#countSession(),
      inform: (event) => this.#addInform(event),
      wake: (event) => this.#addWake(event),
    });
  }

  /** Number of the last entry. */
  get number(): number {
    return this.#number;
  }

  /** Wakes after that number, oldest first. */
  wakesAfter(number: number): WakeEntry[] {
    return this.#wakes.filter((wake) => wake.number > number);
  }

  /** Informs after that number, oldest first. */
  informsAfter(number: number): InformEntry[] {
    return [...this.#informs.values()].filter((inform) => inform.number > number);
  }

  /** Sessions begun in each of the last seconds, oldest first, without the one that is not over. */
  rate(now: number = Date.now()): number[] {
    const current = Math.floor(now / 1_000);
    return Array.from({ length: rateSeconds - 1 }, (_, index) => {
      const second = current - rateSeconds + 1 + index;
      const slot = this.#begun[second % rateSeconds];
      return slot?.second === second ? slot.count : 0;
    });
  }

  /** Ends the recording. */
  close(): void {
    this.#stop();
  }

  #countSession(): void {
    const second = Math.floor(Date.now() / 1_000);
    const slot = this.#begun[second % rateSeconds];
    if (slot === undefined) return;
    slot.count = slot.second === second ? slot.count + 1 : 1;
    slot.second = second;
  }

  #addWake({ id, origin, outcome, legs, ms, scheme, algorithm }: WakeEvent): void {
    this.#number += 1;
    const spoken = scheme === undefined || scheme === 'none' ? '' : [title(scheme), algorithm ?? ''].join(' ').trim();
    const shown = legs.slice(-24).map((leg): WakeLeg => ({ ...leg }));
    const at = Date.now();
    this.#wakes.push({
      number: this.#number,
      at,
      id,
      origin: clip(shownUrl(origin)),
      outcome,
      legs: shown,
      ms,
      scheme: spoken,
    });
    if (this.#wakes.length > maxWakes) this.#wakes.shift();
  }

  #addInform({ device, events, url = '', backend = '', session = '' }: InformEvent): void {
    this.#number += 1;
    const { manufacturer = '', oui = '', productClass = '', serialNumber = '' } = device ?? {};
    const key = clip(device === undefined ? url || session : `${oui}-${productClass}-${serialNumber}`);
    this.#informs.set(key, {
      key,
      number: this.#number,
      at: Date.now(),
      device: clip(serialNumber),
      model: clip([manufacturer, productClass].filter((part) => part !== '').join(' ')),
      events: events.slice(0, 8).map(clip),
      url: clip(shownUrl(url)),
      backend,
      session,
    });
  }
}

function title(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

function clip(text: string): string {
  return text.length > maxText ? `${text.slice(0, maxText)}…` : text;
}
