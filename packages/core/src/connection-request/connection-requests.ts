import type { Complete } from '../option-checks.js';
import type { Socket, LookupFunction } from 'node:net';
import { scryptSync } from 'node:crypto';
import { Access, type AccessScheme, type AccessSettings } from '../access/acs-access.js';
import { basePathOf } from '../backends/backend.js';
import { createWakeEndpoint, type WakeEndpoint } from './endpoint.js';
import type { InformSource } from './wake/inform-watch.js';
import { Relay } from './relay/relay.js';
import { RelayTable } from './relay/held-challenges.js';
import { checkWakesOptions } from './wake/wake-options.js';
import { Instances } from './wake/instances.js';
import { Wakes } from './wake/wakes.js';
import type { WakeEvent } from './result.js';
import type { CwmpProxyError } from '../errors.js';
import type { LimitOptions } from '../options/options.js';
import type { ResolvedConnectionRequests } from '../options/connection-requests.js';
import type { ProxiedUrls } from '../url/proxied-url.js';
import type { OwnAddress } from '../policy/refused-addresses.js';
import { createWakePolicy } from '../policy/target-policy.js';

/** What a {@link ConnectionRequestGate} works with. */
export interface ConnectionRequestGateSettings {
  options: ResolvedConnectionRequests;
  limits: Complete<Pick<LimitOptions, 'maxWakes' | 'maxConnecting' | 'maxLookups' | 'maxRelayed' | 'maxDevices'>>;
  urls: ProxiedUrls;
  /** Addresses of the backends at this moment. */
  ownAddresses: () => Iterable<OwnAddress>;
  onInform: InformSource;
  onWake: (event: WakeEvent) => void;
  onFailure: (error: CwmpProxyError) => void;
  /** Where the ACS reaches the proxy. */
  publicUrl: string;
  /** Called with the address of an ACS whose answer to a challenge was wrong, or right for another uri. */
  onRefused: AccessSettings['onRefused'];
  /** Called with an origin that two devices have begun to share. */
  onCollision: (origin: string) => void;
  /** The host's own function for names, if it has one. */
  lookup: LookupFunction | undefined;
  /** Told when it fails. */
  onLookupFault: (fault: unknown) => void;
  /** Told when the host's function for credentials fails. */
  onCredentialsFault: (fault: unknown) => void;
  /** Told when the store that instances share has failed. */
  onStoreFault: (error: unknown) => void;
}

/** ACS → CPE: the rooms behind the endpoint, wired. */
export class ConnectionRequestGate {
  /** What wakes. */
  readonly wakes: Wakes;
  /** What an ACS calls. */
  readonly endpoint: WakeEndpoint;
  readonly #access: Access;
  readonly #relay: Relay | undefined;
  readonly #instances: Instances | undefined;

  constructor({
    options,
    limits,
    urls,
    ownAddresses,
    onInform,
    onWake,
    onFailure,
    publicUrl,
    onRefused,
    onCollision,
    lookup,
    onLookupFault,
    onCredentialsFault,
    onStoreFault,
  }: ConnectionRequestGateSettings) {
    const { allow, users, credentials, tls, timeoutMs, unreachableStatus, timeoutStatus } = options;
    const { modes, htpasswd, ...access } = options.access;
    const defaults = { allowBasic: options.allowBasic, credentials };
    checkWakesOptions(defaults, 'connectionRequests.');
    const policy = createWakePolicy({ allow, ownAddresses });
    const schemes: AccessScheme[] = [];
    for (const mode of modes) if (mode !== 'relay') schemes.push(mode);
    this.#access = new Access({
      ...access,
      schemes,
      publicPath: basePathOf(new URL(publicUrl)),
      onRefused,
      users,
      htpasswd,
    });
    const dialling = { policy, lookup, onLookupFault, tls };
    const table = modes.includes('relay') ? new RelayTable(limits.maxRelayed) : undefined;
    const instances = options.store && new Instances(options.store, groupOf(publicUrl, options), onStoreFault);
    this.#instances = instances;
    // An Inform that this instance sees may be what another one waits for.
    if (instances !== undefined) onInform((inform) => instances.tell(inform));
    this.wakes = new Wakes({
      ...defaults,
      ...dialling,
      onCredentialsFault,
      limits,
      // The CPE may have no other connection than the one that is held.
      ...(table !== undefined && { onAsk: (cpe) => table.drop(cpe) }),
      instances,
      onInform: instances?.informs(onInform) ?? onInform,
      maxDevices: limits.maxDevices,
      onCollision,
      onWake,
    });
    this.#relay = table && new Relay({ wakes: this.wakes, table, maxRelayed: limits.maxRelayed });
    this.endpoint = createWakeEndpoint({
      authenticator: this.#access,
      ...(this.#relay !== undefined && { relay: this.#relay }),
      resolve: (target, host) => urls.resolve(target, host),
      wakes: this.wakes,
      locate: (url, call) => this.wakes.locate(url, call),
      timeoutMs,
      unreachableStatus,
      timeoutStatus,
      onFailure,
    });
  }

  /** Whether a connection that has come in is the other end of one that a wake or a relay has opened. */
  isOwnEnd(socket: Socket): boolean {
    return this.wakes.isOwnEnd(socket);
  }

  /** Ends every wake; resolves when nothing is open any more. */
  async close(): Promise<void> {
    this.wakes.close();
    this.#relay?.close();
    await this.#instances?.close();
    await this.#access.close();
  }
}

/**
 * Equal for proxies that ask CPEs with the same credentials under the same publicUrl. It goes through the store, so passwords are in it
 * only in a form that is expensive to guess.
 */
function groupOf(publicUrl: string, { credentials, allowBasic }: ResolvedConnectionRequests): string {
  const told = typeof credentials === 'function' ? 'a function' : (credentials ?? 'none');
  return scryptSync(JSON.stringify([told, allowBasic]), publicUrl, 16).toString('base64url');
}
