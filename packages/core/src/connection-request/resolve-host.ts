import { lookup } from 'node:dns';
import type { WakePolicy } from '../url/wake-policy.js';
import type { Failure } from './cpe-connection.js';
import { isAddress, isAllowed, type Origin } from './origin.js';

/**
 * The address to dial for an origin: its own, or the first that its name stands for which the policy lets through. The
 * name is looked up once, so that what was checked is what is dialled.
 */
export function resolveHost(origin: Origin, policy: WakePolicy | undefined): Promise<string | Failure> {
  return new Promise((resolve) => {
    lookup(origin.host, { all: true, verbatim: true }, (error, addresses) => {
      if (error !== null) {
        resolve({ error: error.code ?? 'lookup failed' });
        return;
      }
      const found = addresses.find(({ address }) => isAllowed(policy, origin, address));
      resolve(found?.address ?? { error: addresses.length === 0 ? 'ENOTFOUND' : 'forbidden' });
    });
  });
}

/** The address of an origin that needs no looking up; nothing for a name. */
export function literalAddress(origin: Origin): string | undefined {
  return isAddress(origin) ? origin.host : undefined;
}
