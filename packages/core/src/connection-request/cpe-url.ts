import { isIP } from 'node:net';
import { canonicalAddress } from '../policy/ip-address.js';
import { type CpeOrigin, readCpeOrigin } from '../url/cpe-origin.js';
import type { WakePolicy } from '../policy/target-policy.js';

/** A ConnectionRequestURL taken apart, with nothing of it changed. */
export interface Origin {
  /** As it was given. */
  readonly text: string;
  /** Whether the connection is to be TLS. TR-069 knows http only; https is there for the odd CPE. */
  readonly secure: boolean;
  /** Host to look up or dial: a name, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Host and port as they were written: the `Host` header. */
  readonly authority: string;
  /**
   * Path and query, one character an octet; `/` where there is none. CPEs compare it textually, so it is sent as it was
   * written: `new URL()` would change it.
   */
  readonly target: string;
  /**
   * Equal for URLs of the same place: for matching what CPEs report, never for sending, and never for counting, because names are whoever
   * asks's to choose.
   */
  readonly key: string;
}

/** Takes a URL apart without normalising it, as {@link readCpeOrigin} does. Nothing for what that refuses. */
export function parseOrigin(text: string): Origin | undefined {
  let read: CpeOrigin;
  try {
    read = readCpeOrigin(text);
  } catch {
    return undefined;
  }
  const { scheme, host, port, authority, target } = read;
  const secure = scheme === 'https';
  return { text, secure, host, port, authority, target, key: `${scheme} ${host} ${port} ${target}` };
}

/** Where a CPE is, whatever its name is and however its address is written. */
export function placeOf({ port }: Origin, address: string): string {
  return `${canonicalAddress(address)} ${port}`;
}

/** A CPE: a place, and what is asked for there, since there are gateways that stand for several. */
export function cpeKey(origin: Origin, address: string): string {
  return `${placeOf(origin, address)} ${origin.target}`;
}

/** Equal for origins whose requests may go on one connection: plain ones, and those with one name to verify. */
export function channelOf({ secure, host }: Origin, verifies: boolean): string {
  return !secure ? 'http' : verifies ? `https ${host}` : 'https';
}

/** Whether the policy lets a wake of this origin go to an address; without a policy it may go anywhere. */
export function isAllowed(policy: WakePolicy | undefined, origin: Origin, address: string): boolean {
  return policy === undefined || policy.allows(address, origin.port, isAddress(origin) ? undefined : origin.host);
}

/** Whether the host of an origin is an IP address, and needs no looking up. */
export function isAddress(origin: Origin): boolean {
  return isIP(origin.host) !== 0;
}
