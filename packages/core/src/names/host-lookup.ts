import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { localShortage } from '../http/local-shortage.js';
import type { Answer } from './answer.js';
import { lookupCode } from './dns-codes.js';

/**
 * Asks the host's own function for a name. What it says by an error with a code of `getaddrinfo` or c-ares is an answer; the promise rejects
 * with anything else that goes wrong in it.
 */
export function askHost(lookup: LookupFunction, name: string): Promise<Answer> {
  return new Promise<Answer>((resolve, reject) => {
    const settle = (error: unknown, address?: string | readonly LookupAddress[]): void => {
      if (isSet(error)) {
        const code = codeOf(error);
        if (code === undefined) reject(error);
        else resolve({ code });
        return;
      }
      const given: readonly unknown[] = Array.isArray(address)
        ? address.map((one: unknown) => addressOf(one))
        : [address];
      const addresses = given.filter((one): one is string => typeof one === 'string' && isIP(one) !== 0);
      if (addresses.length < given.length) reject(new TypeError('lookup: expected IP addresses'));
      else resolve(addresses.length > 0 ? { addresses, keptMs: 0 } : { code: 'ENOTFOUND' });
    };
    const returned: unknown = lookup(name, { all: true }, settle);
    // An async function takes its errors for told.
    if (returned instanceof Promise) returned.catch((error: unknown) => settle(error));
  });
}

function isSet(error: unknown): boolean {
  return error !== null && error !== undefined;
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string' || !/^E[A-Z\d_]+$/.test(code) || code.startsWith('ERR_')) return undefined;
  return localShortage(error)?.code ?? lookupCode(code);
}

function addressOf(one: unknown): unknown {
  return typeof one === 'object' && one !== null && 'address' in one ? one.address : undefined;
}
