import { createHash } from 'node:crypto';
import { BoundedMap } from '../bounded-map.js';
import { parseOrigin } from './cpe-url.js';
import type { InformNotice, WakeDevice } from './result.js';

/** Maximum of characters of one field of a DeviceId: twice what TR-069 A6 Table 44 allows. A device with a longer one is not kept. */
const maxFieldLength = 128;

interface KnownDevice {
  readonly device: WakeDevice;
  /** Key of the origin that it reported last, whether or not another device has taken that over. */
  origin: string;
  /** When it did, on the clock of `performance.now()`. */
  readonly at: number;
}

interface KnownOrigin {
  /** Key of the device that reported the origin last. */
  holder: string;
  /** Key of another device that goes on reporting it. */
  rival: string | undefined;
  /** When it was reported last. */
  readonly at: number;
}

/** What is known of the CPE at an origin. */
export type Identity =
  /** This device reported the origin last. */
  | { readonly state: 'known'; readonly device: WakeDevice }
  /** No device has reported it, or the one that did was forgotten. */
  | { readonly state: 'unknown' }
  /** Two devices go on reporting it: behind NATs of their own, for instance. */
  | { readonly state: 'ambiguous' };

/**
 * Which device is at which origin, by the Informs that an ACS has accepted. An origin belongs to the device that reported it last,
 * because addresses move by DHCP. Two devices collide only where the earlier one reports the same origin again without another
 * in between; the collision ends when one of them reports another origin.
 */
export class CpeDirectory {
  readonly #devices: BoundedMap<string, KnownDevice>;
  readonly #origins: BoundedMap<string, KnownOrigin>;
  readonly #onCollision: (origin: string) => void;

  /**
   * @param maxDevices Maximum of devices; the one that informed longest ago is forgotten first.
   * @param onCollision Called with an origin that two devices have begun to share.
   */
  constructor(maxDevices: number, onCollision: (origin: string) => void) {
    this.#devices = new BoundedMap(maxDevices);
    this.#origins = new BoundedMap(maxDevices);
    this.#onCollision = onCollision;
  }

  /** Takes in an Inform that the ACS has accepted. */
  believe({ url, device, ageMs = 0 }: InformNotice): void {
    const parsed = parseOrigin(url.trim());
    if (parsed === undefined || device === undefined) return;
    const kept = keptDevice(device);
    if (kept === undefined) return;
    const key = keyOf(kept.oui, kept.productClass, kept.serialNumber);
    const origin = keyOf(parsed.key);
    const at = performance.now() - ageMs;
    const last = this.#devices.get(key);
    const known = this.#origins.get(origin);
    // What another instance tells may come after what has happened since.
    if (at < (last?.at ?? at) || at < (known?.at ?? at)) return;
    const before = last?.origin;
    this.#devices.set(key, { device: kept, origin, at });
    if (before !== undefined && before !== origin) this.#leave(before, key);
    const rival = this.#rivalOf(key, origin, known, before === origin);
    this.#origins.set(origin, { holder: key, rival, at });
    if (rival !== undefined && known?.rival === undefined) this.#onCollision(url.trim());
  }

  /** What is known of the CPE with this key of an origin, see {@link parseOrigin}. */
  identify(originKey: string): Identity {
    const known = this.#origins.get(keyOf(originKey));
    if (known === undefined) return { state: 'unknown' };
    if (known.rival !== undefined) return { state: 'ambiguous' };
    const holder = this.#devices.get(known.holder);
    return holder === undefined ? { state: 'unknown' } : { state: 'known', device: holder.device };
  }

  /** Forgets all. */
  clear(): void {
    this.#devices.clear();
    this.#origins.clear();
  }

  /** The other device of a collision, if a device that reports an origin is in one. @param isAgain It reported it the last time too. */
  #rivalOf(device: string, origin: string, known: KnownOrigin | undefined, isAgain: boolean): string | undefined {
    // Who reports again what another device has taken over did not move away.
    const rival = known?.holder !== device && isAgain ? known?.holder : known?.rival;
    return rival !== undefined && this.#devices.get(rival)?.origin === origin ? rival : undefined;
  }

  /** A device has moved away from an origin. */
  #leave(origin: string, device: string): void {
    const known = this.#origins.get(origin);
    if (known === undefined || (known.holder !== device && known.rival !== device)) return;
    const left = known.holder === device ? known.rival : known.holder;
    if (left === undefined) this.#origins.delete(origin);
    else this.#origins.set(origin, { holder: left, rival: undefined, at: known.at });
  }
}

/** A DeviceId as it may be kept: bounded, and not a part of the text of a message. */
function keptDevice(device: WakeDevice): WakeDevice | undefined {
  const kept: { -readonly [Field in keyof WakeDevice]: string } = {};
  for (const field of ['manufacturer', 'oui', 'productClass', 'serialNumber'] as const) {
    const text = device[field];
    if (text === undefined) continue;
    if (text.length > maxFieldLength) return undefined;
    kept[field] = Buffer.from(text, 'utf8').toString('utf8');
  }
  return kept.oui || kept.serialNumber ? kept : undefined;
}

/** A key of fixed length, whatever a CPE has written. */
function keyOf(...parts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part?.length ?? 0}:`).update(part ?? '', 'utf8');
  return hash.digest('base64').slice(0, 22);
}
