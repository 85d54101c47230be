import { isUser } from '../access/basic.js';
import { longestWakeMs } from '../connection-request/wake/wake-options.js';
import {
  type Complete,
  checkGroup,
  checkRealm,
  checkTls,
  choose,
  isOnePair,
  isPlainObject,
  oneOf,
  onePair,
  refuseOption,
  trueOrFalse,
  wholeNumber,
} from '../option-checks.js';
import type { AccessMode, AccessOptions, ConnectionRequestOptions, UrlOptions } from './options.js';

/** {@link ConnectionRequestOptions}, checked, with every default in its place. */
export interface ResolvedConnectionRequests extends ConnectionRequestOptions {
  timeoutMs: number;
  allowBasic: boolean;
  unreachableStatus: FailureStatus;
  timeoutStatus: FailureStatus;
  urls: UrlOptions;
  access: ResolvedAccess;
}

/** {@link AccessOptions}, checked, with every default in its place. */
type ResolvedAccess = Complete<Omit<AccessOptions, 'htpasswd' | 'nonceKey'>> &
  Pick<AccessOptions, 'htpasswd'> & { nonceKey: string | undefined };

type FailureStatus = NonNullable<ConnectionRequestOptions['timeoutStatus']>;

const path = 'connectionRequests';
const failureStatuses: readonly [FailureStatus, ...FailureStatus[]] = [503, 502, 504];
const known = [
  'allow',
  'users',
  'credentials',
  'allowBasic',
  'tls',
  'timeoutMs',
  'unreachableStatus',
  'timeoutStatus',
  'store',
  'urls',
  'access',
];
const expectedUsers =
  "expected a plain object from user name to password, { acs: 'secret' } for instance, a function, or access.htpasswd";
const modes: readonly AccessMode[] = ['digest', 'basic', 'forward', 'relay'];

/** @throws {@link CwmpProxyError} `ERR_CWMP_OPTION`: also for a configuration that would be an open relay. */
export function resolveConnectionRequests(
  options: ConnectionRequestOptions,
  publicUrl: URL,
): Readonly<ResolvedConnectionRequests> {
  checkGroup(path, options, known);
  const { allow, store } = options;
  const methods = ['publish', 'subscribe', 'lease'] as const;
  if (store !== undefined && !methods.every((method) => typeof store?.[method] === 'function')) {
    refuseOption(`${path}.store`, 'expected a store, redisWakeStore(client) for instance');
  }
  if (options.tls !== undefined)
    checkTls(`${path}.tls`, options.tls, ['ca', 'cert', 'key', 'ciphers', 'minVersion', 'rejectUnauthorized']);
  const allowBasic = trueOrFalse(`${path}.allowBasic`, options.allowBasic, false);
  const urls = resolveUrls(options.urls ?? {}, publicUrl);
  const isSigned = urls.signingKeys !== undefined && urls.signingKeys.length > 0;
  if (allow === undefined ? !isSigned : allow !== 'any' && (!Array.isArray(allow) || allow.length === 0)) {
    refuseOption(
      `${path}.allow`,
      "without it the proxy would be an open relay; write the CPEs' addresses, for instance ['192.168.0.0/16'], or sign the " +
        "URLs with urls.signingKeys, or write 'any' if you mean it",
    );
  }
  const access = resolveAccess(options);
  if (allow === 'any' && !isSigned && (access.modes.includes('forward') || access.modes.includes('relay'))) {
    refuseOption(
      `${path}.allow`,
      "with 'any' and unsigned URLs the modes 'forward' and 'relay', which ask nobody who he is, would be an open relay; " +
        'write addresses, or urls.signingKeys',
    );
  }
  const timeoutMs = wholeNumber(`${path}.timeoutMs`, options.timeoutMs, 1_800, 1, longestWakeMs);
  const unreachableStatus = oneOf(`${path}.unreachableStatus`, options.unreachableStatus, failureStatuses);
  const timeoutStatus = oneOf(`${path}.timeoutStatus`, options.timeoutStatus, failureStatuses);
  return Object.freeze({ ...options, allowBasic, urls, access, timeoutMs, unreachableStatus, timeoutStatus });
}

function resolveAccess({ users, access: options = {} }: ConnectionRequestOptions): ResolvedAccess {
  const group = `${path}.access`;
  checkGroup(group, options, ['modes', 'htpasswd', 'realm', 'algorithms', 'compareUri', 'nonceKey', 'maxFailures']);
  const { htpasswd, realm = 'cwmp-proxy', nonceKey } = options;
  const isMap = isPlainObject(users) && Object.keys(users).length > 0;
  if (users !== undefined && typeof users !== 'function' && !isMap) refuseOption(`${path}.users`, expectedUsers);
  if (isMap && isOnePair(users)) refuseOption(`${path}.users`, onePair);
  const chosen = choose(`${group}.modes`, options.modes ?? (isMap ? ['digest', 'basic'] : ['basic']), modes);
  const forwards = chosen.includes('forward');
  for (const [name, password] of isMap ? Object.entries(users) : []) {
    if (password !== '' && isUser(name, password)) continue;
    refuseOption(`${path}.users`, `${JSON.stringify(name.slice(0, 60))} has no password, or a colon in its name`);
  }
  if (forwards && chosen.length > 1) refuseOption(`${group}.modes`, "'forward' goes with no other mode");
  if (chosen.includes('digest') && !isMap) {
    refuseOption(
      `${path}.users`,
      "the mode 'digest' needs passwords: expected a plain object from user name to password",
    );
  }
  if (chosen.includes('basic') && htpasswd === undefined && !isMap && typeof users !== 'function') {
    refuseOption(`${path}.users`, expectedUsers);
  }
  if (htpasswd !== undefined && (users !== undefined || !chosen.includes('basic') || typeof htpasswd !== 'string')) {
    refuseOption(`${group}.htpasswd`, "expected the path of a file, for the mode 'basic', and no users beside it");
  }
  if (users !== undefined && !chosen.includes('basic') && !chosen.includes('digest')) {
    refuseOption(`${path}.users`, 'no mode asks for them');
  }
  checkRealm(`${group}.realm`, realm);
  if (nonceKey !== undefined && (typeof nonceKey !== 'string' || nonceKey.length < 16)) {
    refuseOption(`${group}.nonceKey`, 'expected a key of at least 16 characters');
  }
  if (nonceKey !== undefined && !chosen.includes('digest'))
    refuseOption(`${group}.nonceKey`, "only the mode 'digest' uses it");
  return Object.freeze({
    modes: chosen,
    ...(htpasswd === undefined ? {} : { htpasswd }),
    realm,
    algorithms: choose(`${group}.algorithms`, options.algorithms ?? ['MD5'], ['MD5', 'SHA-256']),
    compareUri: trueOrFalse(`${group}.compareUri`, options.compareUri, true),
    nonceKey,
    maxFailures: wholeNumber(`${group}.maxFailures`, options.maxFailures, 20, 1, 1_000_000),
  });
}

function resolveUrls(options: UrlOptions, publicUrl: URL): UrlOptions {
  const group = `${path}.urls`;
  checkGroup(group, options, ['form', 'hostBase', 'signingKeys']);
  const form = oneOf(`${group}.form`, options.form, ['query', 'path', 'host']);
  const { hostBase, signingKeys = [] } = options;
  if (hostBase === undefined && form === 'host') {
    refuseOption(`${group}.hostBase`, "the form 'host' needs the domain below which names lead to this proxy");
  }
  if (hostBase !== undefined) {
    const url = `${publicUrl.protocol}//${hostBase}/`;
    const isName = typeof hostBase === 'string' && /^[a-z\d-]+(?:\.[a-z\d-]+)*(?::\d+)?$/.test(hostBase);
    if (!isName || !URL.canParse(url) || new URL(url).href !== url || /^[\d.:]+$/.test(hostBase)) {
      refuseOption(`${group}.hostBase`, "expected a domain in lower case, with its port unless it is the scheme's own");
    }
    if (`.${publicUrl.hostname}`.endsWith(`.${hostBase.replace(/:\d+$/, '')}`)) {
      refuseOption(`${group}.hostBase`, 'expected a domain of its own, above no other name of the proxy');
    }
  }
  if (!Array.isArray(signingKeys) || !signingKeys.every((key) => typeof key === 'string' && key.length >= 16)) {
    refuseOption(`${group}.signingKeys`, 'expected a list of keys of at least 16 characters each');
  }
  return Object.freeze({ form, ...(hostBase === undefined ? {} : { hostBase }), signingKeys: [...signingKeys] });
}
