import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { clientGroupOf, clientOf } from '../http/client-address.js';
import type { AffinityCookie } from '../sessions/affinity-cookie.js';
import { keyOfDevice, keysOfRequest } from '../sessions/session-keys.js';
import type { SessionRequest } from '../sessions/session.js';
import type { Prepared } from './prepare-body.js';

/** One request of a CPE, as its session is found by it. */
export class CpeRequest implements SessionRequest {
  readonly #request: IncomingMessage;
  readonly #prepared: Prepared;
  readonly #affinity: AffinityCookie | undefined;

  /** @param affinity The proxy's own cookie; `undefined` when there is none. */
  constructor(request: IncomingMessage, prepared: Prepared, affinity: AffinityCookie | undefined) {
    this.#request = request;
    this.#prepared = prepared;
    this.#affinity = affinity;
  }

  get socket(): Socket {
    return this.#request.socket;
  }

  get address(): string {
    return clientOf(this.#request).address;
  }

  get addressGroup(): string {
    return clientGroupOf(this.#request);
  }

  get isInform(): boolean {
    return this.#prepared.isInform;
  }

  get device(): string | undefined {
    const device = this.isInform ? this.#prepared.device : undefined;
    return device && keyOfDevice(device.oui, device.productClass, device.serialNumber);
  }

  get keys(): readonly string[] {
    return keysOfRequest(this.#request.rawHeaders);
  }

  get answersChallenge(): boolean {
    return this.#request.headers.authorization !== undefined;
  }

  get affinity(): string | undefined {
    const shown = this.#affinity?.find(this.#request.rawHeaders);
    // An Inform begins a session, whose backend is the next one, unless it answers a backend's challenge.
    return shown !== undefined && this.isInform && !this.answersChallenge ? undefined : shown?.url;
  }
}
