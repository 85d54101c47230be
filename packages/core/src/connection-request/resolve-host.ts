import type { Answer } from '../names/answer.js';
import type { WakePolicy } from '../url/wake-policy.js';
import type { Failure } from './cpe-connection.js';
import { isAddress, isAllowed, type Origin } from './origin.js';

/** Most addresses of one name that are dialled: each may cost its own time. */
const maxAddresses = 4;

/**
 * The addresses to dial for an origin: the first few that its name stands for which the policy lets through. The name is
 * looked up once, so that what was checked is what is dialled.
 */
export function addressesToDial(origin: Origin, policy: WakePolicy | undefined, answer: Answer): string[] | Failure {
  if (!('addresses' in answer)) return { error: answer.code };
  const allowed = answer.addresses.filter((address) => isAllowed(policy, origin, address));
  return allowed.length > 0 ? allowed.slice(0, maxAddresses) : { error: 'forbidden' };
}

/** Whether the policy could allow any address of the name of an origin. */
export function isWorthLookingUp({ host, port }: Origin, policy: WakePolicy | undefined): boolean {
  return policy?.mayAllow?.(host, port) ?? true;
}

/** The address of an origin that needs no looking up; nothing for a name. */
export function literalAddress(origin: Origin): string | undefined {
  return isAddress(origin) ? origin.host : undefined;
}
