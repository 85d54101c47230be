import {
  checkFieldName,
  checkGroup,
  checkRealm,
  choose,
  isOnePair,
  isPlainObject,
  onePair,
  oneOf,
  refuseOption,
  trueOrFalse,
} from '../option-checks.js';
import { ha1Length, isHa1 } from '../access/digest-authenticator.js';
import type { CpeAuthOptions } from './options.js';

/** {@link CpeAuthOptions}, checked, with every default in its place. */
export interface ResolvedCpeAuth extends CpeAuthOptions {
  schemes: readonly ('digest' | 'basic')[];
  algorithms: readonly ('MD5' | 'SHA-256')[];
  realm: string;
  compareUri: boolean;
  onMismatch: 'refuse' | 'report';
}

const path = 'cpeAuth';

/** @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` with the path of the wrong option. */
export function resolveCpeAuth(options: CpeAuthOptions): Readonly<ResolvedCpeAuth> {
  checkGroup(path, options, [
    'users',
    'schemes',
    'algorithms',
    'realm',
    'compareUri',
    'onMismatch',
    'identityHeader',
    'backendCredentials',
  ]);
  const { users, realm = 'cwmp-proxy', identityHeader, backendCredentials } = options;
  const schemes = choose(`${path}.schemes`, options.schemes ?? ['digest'], ['digest', 'basic']);
  const algorithms = choose(`${path}.algorithms`, options.algorithms ?? ['MD5'], ['MD5', 'SHA-256']);
  if (typeof users !== 'function') checkUsers(users, schemes.includes('basic') ? ['MD5', ...algorithms] : algorithms);
  checkRealm(`${path}.realm`, realm);
  if (identityHeader !== undefined) checkFieldName(`${path}.identityHeader`, identityHeader);
  if (backendCredentials !== undefined) {
    checkGroup(`${path}.backendCredentials`, backendCredentials, ['username', 'password']);
    const { username, password } = backendCredentials;
    if (typeof username !== 'string' || username.includes(':') || typeof password !== 'string') {
      refuseOption(`${path}.backendCredentials`, 'expected { username, password }, without a colon in the user name');
    }
  }
  return Object.freeze({
    ...options,
    realm,
    schemes,
    algorithms,
    onMismatch: oneOf(`${path}.onMismatch`, options.onMismatch, ['report', 'refuse']),
    compareUri: trueOrFalse(`${path}.compareUri`, options.compareUri, true),
  });
}

/** @param algorithms Those that an HA1 can be for; Basic is checked against one for MD5. */
function checkUsers(users: unknown, algorithms: ResolvedCpeAuth['algorithms']): void {
  const at = `${path}.users`;
  if (!isPlainObject(users) || Object.keys(users).length === 0) {
    return refuseOption(at, 'expected a plain object from user name to password or { ha1 }, or a function');
  }
  if (isOnePair(users)) refuseOption(at, onePair);
  for (const [name, secret] of Object.entries(users)) {
    const quoted = JSON.stringify(name.slice(0, 60));
    if (name.includes(':')) refuseOption(at, `${quoted} has a colon in its name`);
    const ha1: unknown = typeof secret === 'object' && secret !== null && 'ha1' in secret ? secret.ha1 : undefined;
    const isUsable = typeof ha1 === 'string' && algorithms.some((algorithm) => isHa1(ha1, algorithm));
    if (isUsable || (typeof secret === 'string' && secret !== '')) continue;
    refuseOption(
      at,
      `${quoted} has no password, and no ha1 of ${[...new Set(algorithms.map((algorithm) => ha1Length(algorithm)))].join(' or ')} hex characters`,
    );
  }
}
