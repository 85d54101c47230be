import type { LookupFunction } from 'node:net';
import { checkGroup, checkTls, refuseOption, trueOrFalse, wholeNumber } from '../../option-checks.js';
import { type DigestAlgorithm, digestAlgorithm } from '../../digest/digest-algorithm.js';
import type { WakePolicy } from '../../policy/target-policy.js';
import type { WakeTls } from '../transports/cpe-connection.js';
import { checkCredentialsSource, type CredentialsSource } from '../credentials.js';
import type { InformSource } from './inform-watch.js';
import type { Instances } from './instances.js';
import type { WakeLimitSizes } from './wake-limits.js';
import type { WakeEvent } from '../result.js';

/** Options of one wake. */
export interface WakeOptions {
  /** What to answer the CPE's challenge with. Default: the credentials of the proxy; without one, none. */
  readonly credentials?: CredentialsSource | undefined;
  /**
   * Most time for the whole wake, waiting for its turn and all attempts included, in milliseconds. Default 10 000. The
   * wait for an Inform comes on top.
   */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait; and the wake, when no other caller shares it. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long to wait, once the CPE has accepted, for its Inform with `6 CONNECTION REQUEST` to pass this proxy, in
   * milliseconds. Default 0: not at all. A CPE has 30 000 (TR-069 A6 §3.2.2). Without a proxy it needs `onInform`.
   */
  readonly waitForInformMs?: number | undefined;
  /**
   * How many further attempts to make where that helps: no connection, no answer in time, busy. Default 0, at most 10.
   * The time that is left is shared among them.
   */
  readonly retries?: number | undefined;
  /**
   * Whether Basic is spoken to a CPE that offers no Digest. Default false: Basic hands the password to whoever answers at
   * that address.
   */
  readonly allowBasic?: boolean | undefined;
  /** Taken before stronger ones if the CPE offers it, for CPEs that offer what they cannot do. Default: the strongest. */
  readonly preferredAlgorithm?: DigestAlgorithm | undefined;
}

/** Options of {@link Wakes}; those of {@link WakeOptions} are defaults for its wakes. */
export interface WakesOptions extends Omit<WakeOptions, 'signal' | 'waitForInformMs'> {
  /** Where wakes may go, `createWakePolicy({ allow })` for instance. Default: everywhere. */
  readonly policy?: WakePolicy | undefined;
  /** TLS towards CPEs with an https origin, as `connectionRequests.tls` of a proxy. */
  readonly tls?: WakeTls | undefined;
  /** Looks names up, as `lookup` of a proxy. Default: the hosts file and the name servers of the system. */
  readonly lookup?: LookupFunction | undefined;
  /** Called when `lookup` throws, gives what is no address, or does not answer. Must not throw. */
  readonly onLookupFault?: ((fault: unknown) => void) | undefined;
  /** Called when the function `credentials` throws, or gives what cannot be used. Must not throw. */
  readonly onCredentialsFault?: ((fault: unknown) => void) | undefined;
  /** Least time between the end of a wake and the next of the same CPE, in milliseconds. Default 250. */
  readonly spacingMs?: number | undefined;
  /** How many CPEs are connected to at once, and talked to. */
  readonly limits?: WakeLimitSizes | undefined;
  /** How many calls may wait at once, for their turn, a CPE or an Inform. Default 10 000; more end as `overloaded`. */
  readonly maxPending?: number | undefined;
  /** The other instances that wake the same CPEs. Default: none. */
  readonly instances?: Instances | undefined;
  /**
   * Where Informs are learnt of: it is given a listener to call with each Inform, and returns a function that ends it. Needed for
   * `waitForInformMs`, and in a proxy for `device` in a credentials function.
   */
  readonly onInform?: InformSource | undefined;
  /** Maximum of devices that are remembered with their origins. Default 100 000. */
  readonly maxDevices?: number | undefined;
  /** Called with an origin that two devices have begun to share. Must not throw. */
  readonly onCollision?: ((origin: string) => void) | undefined;
  /** Called with the key of a CPE's origin before it is connected to. Must not throw. */
  readonly onAsk?: ((cpe: string) => void) | undefined;
  /** Told about each wake as it ends. Must not throw. */
  readonly onWake?: ((event: WakeEvent) => void) | undefined;
}

/** Most time that a wake may be given, in milliseconds. */
export const longestWakeMs = 600_000;

/** @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` with the path of the option that is wrong. */
export function checkWakeOptions(options: WakeOptions): void {
  checkGroup('options', options, wakeOptionNames);
  checkValues(options, '');
}

/** The options of one wake: a misspelt one must not be ignored. */
export const wakeOptionNames: readonly (keyof WakeOptions)[] = [
  'credentials',
  'timeoutMs',
  'signal',
  'waitForInformMs',
  'retries',
  'allowBasic',
  'preferredAlgorithm',
];

function checkValues(options: WakeOptions, path: string): void {
  checkCredentialsSource(options.credentials, `${path}credentials`);
  checkNumber(`${path}timeoutMs`, options.timeoutMs, 1, longestWakeMs);
  checkNumber(`${path}waitForInformMs`, options.waitForInformMs, 0, 3_600_000);
  checkNumber(`${path}retries`, options.retries, 0, 10);
  trueOrFalse(`${path}allowBasic`, options.allowBasic, false);
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    refuseOption(`${path}signal`, 'expected an AbortSignal');
  }
  const { preferredAlgorithm } = options;
  if (preferredAlgorithm !== undefined && digestAlgorithm(preferredAlgorithm) !== preferredAlgorithm) {
    refuseOption(`${path}preferredAlgorithm`, 'expected the name of a Digest algorithm, such as MD5');
  }
}

/** @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` with the path of the option that is wrong. */
export function checkWakesOptions(options: WakesOptions, path = ''): void {
  checkValues(options, path);
  checkNumber(`${path}spacingMs`, options.spacingMs, 0, 600_000);
  checkNumber(`${path}maxPending`, options.maxPending, 1, 10_000_000);
  if (options.policy !== undefined && typeof options.policy?.allows !== 'function') {
    refuseOption(`${path}policy`, 'expected a policy, createWakePolicy({ allow }) for instance');
  }
  if (options.tls !== undefined)
    checkTls(`${path}tls`, options.tls, ['ca', 'cert', 'key', 'ciphers', 'minVersion', 'rejectUnauthorized']);
  for (const name of ['onInform', 'onWake', 'lookup'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function')
      refuseOption(path + name, 'expected a function');
  }
}

/** Where it is not given, its default is that of the place where it is used. */
function checkNumber(path: string, value: number | undefined, least: number, most: number): void {
  wholeNumber(path, value, least, least, most);
}
