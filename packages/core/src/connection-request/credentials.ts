import { hasControl } from '../digest/authorization.js';
import { refuseOption } from '../option-checks.js';
import type { WakeDevice } from './result.js';

/** What a CPE knows its ACS by: ConnectionRequestUsername and ConnectionRequestPassword. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** The CPE that credentials are wanted for. */
export interface CredentialsRequest {
  /** Its real ConnectionRequestURL. */
  readonly origin: string;
  /** Its DeviceId, when an ACS has accepted one of its Informs and no other device goes on reporting this URL. */
  readonly device?: WakeDevice | undefined;
}

/**
 * Where the credentials for a CPE come from: one pair; several pairs, tried in their order while the CPE refuses (a
 * password that is being changed; at most 8 are tried); or a function of the CPE, asked only once it has challenged.
 */
export type CredentialsSource =
  | Credentials
  | readonly Credentials[]
  | ((
      cpe: CredentialsRequest,
    ) => Credentials | readonly Credentials[] | undefined | Promise<Credentials | readonly Credentials[] | undefined>);

/** More than a rotation needs; each refused pair is a login failure that the CPE counts. */
const maxPairs = 8;

/**
 * The pairs to try, in their order. A function that throws, or gives what cannot be used, gives none.
 *
 * @param onFault Called with what it threw, or with what is wrong with what it gave.
 */
export function pairsFor(
  source: CredentialsSource | undefined,
  request: () => CredentialsRequest,
  onFault: (fault: unknown) => void = () => undefined,
): readonly Credentials[] | Promise<readonly Credentials[]> {
  if (source === undefined) return [];
  return typeof source === 'function' ? ask(source, request(), onFault) : listOf(source);
}

async function ask(
  source: Extract<CredentialsSource, (...args: never) => unknown>,
  request: CredentialsRequest,
  onFault: (fault: unknown) => void,
): Promise<readonly Credentials[]> {
  try {
    const given = await source(request);
    const pairs = given === undefined ? [] : listOf(given);
    const usable = pairs.filter(isUsable);
    if (usable.length < pairs.length) onFault(new TypeError('expected { username, password }, or several of them'));
    return usable.slice(0, maxPairs);
  } catch (fault) {
    onFault(fault);
    return [];
  }
}

/** @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` when a fixed source cannot be used. */
export function checkCredentialsSource(source: CredentialsSource | undefined, path: string): void {
  if (source === undefined || typeof source === 'function') return;
  const pairs: readonly unknown[] = Array.isArray(source) ? source : [source];
  if (!pairs.every(isUsable) || pairs.length > maxPairs) {
    refuseOption(
      path,
      `expected { username, password } without control characters, at most ${maxPairs} of them, or a function`,
    );
  }
}

function listOf(given: Credentials | readonly Credentials[]): readonly Credentials[] {
  return 'username' in given ? [given] : given;
}

/** A line break in a user name would end the header field it stands in. */
function isUsable(pair: unknown): pair is Credentials {
  if (typeof pair !== 'object' || pair === null || !('username' in pair) || !('password' in pair)) return false;
  const { username, password } = pair;
  return typeof username === 'string' && typeof password === 'string' && !hasControl(username);
}
