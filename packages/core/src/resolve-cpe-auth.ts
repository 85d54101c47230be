import { checkFieldName, checkGroup, checkRealm, choose, refuseOption } from './option-checks.js';
import type { CpeAuthOptions } from './options.js';

/** {@link CpeAuthOptions}, checked, with every default in its place. */
export interface ResolvedCpeAuth extends CpeAuthOptions {
  schemes: readonly ('digest' | 'basic')[];
  algorithms: readonly ('MD5' | 'SHA-256')[];
  realm: string;
}

const path = 'cpeAuth';

/** @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` with the path of the wrong option. */
export function resolveCpeAuth(options: CpeAuthOptions): Readonly<ResolvedCpeAuth> {
  checkGroup(path, options, ['users', 'schemes', 'algorithms', 'realm', 'identityHeader', 'backendCredentials']);
  const { users, realm = 'cwmp-proxy', identityHeader, backendCredentials } = options;
  if (typeof users !== 'function' && (typeof users !== 'object' || users === null)) {
    refuseOption(`${path}.users`, 'expected a map from user name to password or { ha1 }, or a function');
  }
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
    schemes: choose(`${path}.schemes`, options.schemes ?? ['digest'], ['digest', 'basic']),
    algorithms: choose(`${path}.algorithms`, options.algorithms ?? ['MD5'], ['MD5', 'SHA-256']),
  });
}
