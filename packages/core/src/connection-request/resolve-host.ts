import { lookup, type LookupAddress } from 'node:dns';
import { localShortage } from '../http/local-shortage.js';
import type { WakePolicy } from '../url/wake-policy.js';
import type { Failure } from './cpe-connection.js';
import { isAddress, isAllowed, type Origin } from './origin.js';

/** Most addresses of one name that are dialled: each may cost its own time. */
const maxAddresses = 4;

/**
 * The addresses to dial for an origin: the first few that its name stands for which the policy lets through. The name is
 * looked up once, so that what was checked is what is dialled.
 */
export async function resolveAddresses(origin: Origin, policy: WakePolicy | undefined): Promise<string[] | Failure> {
  const found = await lookUp(origin.host);
  if ('error' in found) return found;
  const allowed = found.map(({ address }) => address).filter((address) => isAllowed(policy, origin, address));
  if (allowed.length > 0) return allowed.slice(0, maxAddresses);
  return { error: found.length === 0 ? 'ENOTFOUND' : 'forbidden' };
}

/** The address of an origin that needs no looking up; nothing for a name. */
export function literalAddress(origin: Origin): string | undefined {
  return isAddress(origin) ? origin.host : undefined;
}

function lookUp(host: string): Promise<LookupAddress[] | Failure> {
  return new Promise((resolve) => {
    lookup(host, { all: true, verbatim: true }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else resolve({ error: localShortage(error)?.code ?? error.code ?? 'lookup failed' });
    });
  });
}
