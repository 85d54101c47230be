import type { CwmpProxyError } from '../errors.js';
import { AddressLimitError } from '../http/address-limit.js';
import { HeldBytesError } from '../http/held-room.js';
import type { LocalShortage } from '../http/local-shortage.js';
import type { EventHub } from './event-hub.js';
import { shownUrl } from './events.js';

/** What the operator is warned of, in words that say what to do. What comes often is told once a minute. */
export class Warnings {
  readonly #hub: EventHub;

  constructor(hub: EventHub) {
    this.#hub = hub;
  }

  /** A limit has refused a request; nothing is told of other errors. */
  limit(error: CwmpProxyError): void {
    if (error instanceof AddressLimitError) {
      this.#hub.warnSometimes('ADDRESS_LIMIT', `${error.message}; the address is ${error.address}`);
    } else if (error instanceof HeldBytesError) this.#hub.warnSometimes('HELD_BYTES_LIMIT', error.message);
    else if (error.code === 'ERR_CWMP_BUSY') this.#hub.warnSometimes('SESSION_LIMIT', error.message);
  }

  shortage(shortage: LocalShortage | undefined): void {
    if (shortage !== undefined) this.#hub.warnSometimes('LOCAL_RESOURCES', `${shortage.advice} (${shortage.code})`);
  }

  missingResponse(): void {
    const message =
      'rewriteRequest(request) without its response believes no Inform; call rewriteRequest(request, response)';
    this.#hub.warnOnce('RESPONSE_MISSING', message);
  }

  /** A Digest answer is right, but for another uri. */
  otherUri(address: string, group: 'connectionRequests.access' | 'cpeAuth'): void {
    const message =
      `a right Digest answer for another uri than the one asked for, from ${address}; a proxy in front that takes a prefix off ` +
      `must be in trustedProxies and send X-Forwarded-Prefix, otherwise set ${group}.compareUri to false`;
    this.#hub.warnSometimes('DIGEST_URI', message);
  }

  accessRefused(address: string): void {
    const message = `the answer to a challenge was wrong, from ${address}; check connectionRequests.users and the ACS's`;
    this.#hub.warnSometimes('ACCESS_REFUSED', message);
  }

  /** A CPE has sent an Inform of another device. */
  deviceMismatch(identity: string): void {
    const shown = JSON.stringify(identity.slice(0, 80));
    const message = `${shown} sent an Inform with the DeviceId of another device; it is not believed, see cpeAuth.onMismatch`;
    this.#hub.warnSometimes('DEVICE_MISMATCH', message);
  }

  collision(origin: string): void {
    const message = `two devices go on reporting ${shownUrl(origin)}; the credentials of neither are used for it`;
    this.#hub.warnSometimes('AMBIGUOUS_CPE', message);
  }

  forwardedIgnored(field: string, address: string): void {
    const message = `${field} came in from ${address} and is ignored; if that is a proxy of your own, name it in trustedProxies`;
    this.#hub.warn('FORWARDED_IGNORED', message);
  }

  keepAlive(timeoutMs: number): void {
    const message = `the server closes CPEs that are quiet for ${timeoutMs} ms; set server.keepAliveTimeout to 60000 or more`;
    this.#hub.warn('KEEP_ALIVE_TIMEOUT', message);
  }

  urlTooLong(length: number, allowed: number): void {
    const message = `a rewritten URL has ${length} characters; most data models allow ${allowed}; shorten publicUrl or choose connectionRequests.urls.form 'path'`;
    this.#hub.warnSometimes('URL_TOO_LONG', message);
  }

  /** The host's `clientAddress` has thrown. */
  clientAddress(cause: unknown): void {
    const message = `clientAddress failed, the connection's address is taken: ${whyOf(cause)}`;
    this.#hub.warnSometimes('CLIENT_ADDRESS', message, { cause });
  }

  /** The host's `lookup` has failed. */
  lookup(cause: unknown): void {
    const message = `lookup failed: ${whyOf(cause)}; names that it cannot look up are not connected to`;
    this.#hub.warnSometimes('LOOKUP', message, { cause });
  }

  /** The host's `credentials` have failed. */
  credentials(cause: unknown): void {
    const message = `connectionRequests.credentials failed, CPEs that ask are not woken: ${whyOf(cause)}`;
    this.#hub.warnSometimes('CREDENTIALS', message, { cause });
  }

  /** The host's `store` has failed. */
  store(cause: unknown): void {
    const message = `the store of wakes fails, this instance wakes alone: ${whyOf(cause)}; check connectionRequests.store`;
    this.#hub.warnSometimes('WAKE_STORE', message, { cause });
  }
}

function whyOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
