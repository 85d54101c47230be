import { isIP } from 'node:net';
import { type BackendSettings, basePathOf, nameOf } from '../backends/backend.js';
import {
  type Complete,
  checkFieldName,
  checkGroup,
  checkTls,
  choose,
  httpUrl,
  milliseconds,
  oneOf,
  refuseOption,
  trueOrFalse,
  wholeNumber,
  withoutEndSlashes,
} from '../option-checks.js';
import { isAsserted } from '../forward/asserted-fields.js';
import { type IpBlock, readIpBlock } from '../policy/ip-address.js';
import { type ResolvedCpeAuth, resolveCpeAuth } from './cpe-auth.js';
import { type ResolvedConnectionRequests, resolveConnectionRequests } from './connection-requests.js';
import { isEndpointPath } from '../url/proxied-url.js';
import type {
  ActiveHealthOptions,
  BackendOptions,
  CwmpProxyOptions,
  ForwardingOptions,
  HealthOptions,
  LimitOptions,
  SessionOptions,
  TimeoutOptions,
} from './options.js';

/** {@link CwmpProxyOptions}, checked, with every default in its place. */
export interface ResolvedOptions {
  publicUrl: string;
  backends: readonly BackendSettings[];
  connectionRequests: ResolvedConnectionRequests;
  cpeAuth: ResolvedCpeAuth | undefined;
  sessions: Complete<Omit<SessionOptions, 'affinityKey'>> & Pick<SessionOptions, 'affinityKey'>;
  health: ResolvedHealth;
  trustedProxies: readonly IpBlock[];
  clientAddress: CwmpProxyOptions['clientAddress'];
  lookup: CwmpProxyOptions['lookup'];
  forwarding: ResolvedForwarding;
  timeouts: Complete<TimeoutOptions>;
  limits: Complete<LimitOptions>;
}

const noLimit = Number.MAX_SAFE_INTEGER;
const mostSessions = 10_000_000;

type ResolvedForwarding = Complete<Omit<ForwardingOptions, 'sessionHeader'>> & Pick<ForwardingOptions, 'sessionHeader'>;
type ResolvedHealth = Complete<Omit<HealthOptions, 'active'>> & { active: ResolvedActiveHealth | undefined };
type ResolvedActiveHealth = Complete<Omit<ActiveHealthOptions, 'path'>> & Pick<ActiveHealthOptions, 'path'>;

/**
 * Checks the options once and fills in the defaults.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_OPTION` with the path of the wrong option and what is expected there.
 */
export function resolveOptions(options: CwmpProxyOptions): Readonly<ResolvedOptions> {
  checkGroup('options', options, [
    'publicUrl',
    'backends',
    'connectionRequests',
    'cpeAuth',
    'sessions',
    'health',
    'trustedProxies',
    'clientAddress',
    'lookup',
    'forwarding',
    'timeouts',
    'limits',
  ]);
  const { backends = [] } = options;
  const timeouts = resolveTimeouts(options.timeouts ?? {});
  const health = resolveHealth(options.health ?? {});
  if (options.backends !== undefined && (!Array.isArray(backends) || backends.length === 0)) {
    refuseOption('backends', 'expected a list of at least one URL');
  }
  const publicUrl = httpUrl('publicUrl', options.publicUrl);
  if (isEndpointPath(basePathOf(publicUrl))) {
    refuseOption(
      'publicUrl',
      "expected another path: below /client stands the proxy's own endpoint, where CPEs cannot POST",
    );
  }
  const around = { publicUrl: nameOf(publicUrl), timeouts, health };
  const resolved = backends.map((one, index) => resolveBackend(`backends[${index}]`, one, around));
  const urls = new Set<string>();
  const repeated = resolved.findIndex(({ url }) => urls.size === urls.add(nameOf(url)).size);
  if (repeated !== -1) refuseOption(`backends[${repeated}]`, 'is among the backends already');
  return Object.freeze({
    ...around,
    backends: Object.freeze(resolved),
    connectionRequests: resolveConnectionRequests(options.connectionRequests, publicUrl),
    cpeAuth: options.cpeAuth === undefined ? undefined : resolveCpeAuth(options.cpeAuth),
    sessions: resolveSessions(options.sessions ?? {}),
    trustedProxies: resolveTrustedProxies(options.trustedProxies),
    clientAddress: aFunction('clientAddress', options.clientAddress),
    lookup: aFunction('lookup', options.lookup),
    forwarding: resolveForwarding(options.forwarding ?? {}),
    limits: resolveLimits(options.limits ?? {}),
  });
}

/** Checks one backend, at creation and when it is added later. */
export function resolveBackend(
  path: string,
  options: string | URL | BackendOptions,
  { publicUrl, timeouts, health }: Pick<ResolvedOptions, 'publicUrl' | 'timeouts' | 'health'>,
): BackendSettings {
  const backend = typeof options === 'string' || options instanceof URL ? { url: options } : options;
  checkGroup(path, backend, ['url', 'weight', 'maxSessions', 'tls', 'localAddress']);
  const { tls = {} } = backend;
  const at = options === backend ? `${path}.url` : path;
  const url = httpUrl(at, backend.url);
  if (nameOf(url) === publicUrl) refuseOption(at, 'is the publicUrl: the proxy would call itself');
  checkTls(`${path}.tls`, tls, ['ca', 'cert', 'key', 'servername']);
  const { localAddress = [] } = backend;
  const localAddresses = typeof localAddress === 'string' ? [localAddress] : localAddress;
  if (!Array.isArray(localAddresses) || !localAddresses.every((one) => typeof one === 'string' && isIP(one) !== 0)) {
    refuseOption(`${path}.localAddress`, 'expected an IP address of this machine, or a list of them');
  }
  return Object.freeze({
    url,
    weight: wholeNumber(`${path}.weight`, backend.weight, 1, 1, 1_000),
    maxSessions: wholeNumber(`${path}.maxSessions`, backend.maxSessions, noLimit, 1, noLimit),
    tls,
    localAddresses: [...localAddresses],
    connectTimeoutMs: timeouts.connectMs,
    headersTimeoutMs: timeouts.headersMs,
    bodyTimeoutMs: timeouts.bodyMs,
    health: { ...health, probeMs: timeouts.connectMs + timeouts.headersMs },
  });
}

const marks = ['cookie', 'nonce', 'address'] as const;

function resolveSessions(options: SessionOptions): ResolvedOptions['sessions'] {
  checkGroup('sessions', options, ['idleTimeoutMs', 'graceMs', 'recogniseBy', 'affinityKey']);
  const { affinityKey } = options;
  if (affinityKey !== undefined && (typeof affinityKey !== 'string' || affinityKey.length < 16)) {
    refuseOption('sessions.affinityKey', 'expected at least 16 characters');
  }
  return Object.freeze({
    idleTimeoutMs: milliseconds('sessions.idleTimeoutMs', options.idleTimeoutMs, 60_000),
    graceMs: milliseconds('sessions.graceMs', options.graceMs, 5_000),
    recogniseBy: choose('sessions.recogniseBy', options.recogniseBy ?? ['cookie', 'nonce'], marks),
    ...(affinityKey === undefined ? {} : { affinityKey }),
  });
}

function resolveHealth(options: HealthOptions): ResolvedHealth {
  checkGroup('health', options, ['maxFailures', 'ejectMs', 'maxEjectMs', 'active']);
  return Object.freeze({
    maxFailures: wholeNumber('health.maxFailures', options.maxFailures, 3, 1, 1_000),
    ejectMs: milliseconds('health.ejectMs', options.ejectMs, 5_000),
    maxEjectMs: milliseconds('health.maxEjectMs', options.maxEjectMs, 300_000),
    active: options.active === undefined ? undefined : resolveActiveHealth(options.active),
  });
}

function resolveActiveHealth(options: ActiveHealthOptions): ResolvedActiveHealth {
  checkGroup('health.active', options, ['intervalMs', 'path', 'expectStatus']);
  const { path } = options;
  if (path !== undefined) checkPath('health.active.path', path);
  return Object.freeze({
    intervalMs: milliseconds('health.active.intervalMs', options.intervalMs, 5_000),
    ...(path === undefined ? {} : { path }),
    expectStatus: wholeNumber('health.active.expectStatus', options.expectStatus, 200, 200, 599),
  });
}

function resolveForwarding(options: ForwardingOptions): ResolvedForwarding {
  if ('incoming' in options) {
    refuseOption(
      'forwarding.incoming',
      'was replaced: name your own proxies in trustedProxies, their fields are extended then',
    );
  }
  checkGroup('forwarding', options, [
    'via',
    'forwarded',
    'fromTrusted',
    'clientCert',
    'sessionHeader',
    'mountPath',
    'unknownCoding',
  ]);
  const { via = 'cwmp-proxy', fromTrusted = [], sessionHeader, mountPath = '' } = options;
  if (via !== false && (typeof via !== 'string' || !/^[\w!#$%&'*+\-.^`|~]+$/.test(via))) {
    refuseOption('forwarding.via', 'expected a token (RFC 9110 §5.6.2) or false');
  }
  checkFromTrusted(fromTrusted);
  if (sessionHeader !== undefined) checkFieldName('forwarding.sessionHeader', sessionHeader);
  if (mountPath !== '') checkPath('forwarding.mountPath', mountPath);
  return Object.freeze({
    via,
    forwarded: oneOf('forwarding.forwarded', options.forwarded, ['x-forwarded', 'forwarded', 'none']),
    fromTrusted: Object.freeze([...fromTrusted]),
    clientCert: trueOrFalse('forwarding.clientCert', options.clientCert, false),
    ...(sessionHeader === undefined ? {} : { sessionHeader }),
    unknownCoding: oneOf('forwarding.unknownCoding', options.unknownCoding, ['pass', 'reject']),
    mountPath: withoutEndSlashes(mountPath),
  });
}

function resolveTrustedProxies(value: unknown = []): readonly IpBlock[] {
  const entries: readonly unknown[] | undefined = Array.isArray(value) ? value : undefined;
  if (entries === undefined)
    return refuseOption('trustedProxies', "expected a list of addresses, ['10.0.0.5', 'fd00::/8']");
  const blocks = entries.map((entry, index) => {
    const block = typeof entry === 'string' ? readIpBlock(entry) : undefined;
    return block ?? refuseOption(`trustedProxies[${index}]`, 'expected an IP address or a CIDR block');
  });
  const open = blocks.findIndex(({ length }) => length === 0);
  if (open !== -1)
    refuseOption(`trustedProxies[${open}]`, 'every client would be trusted to name any address as its own');
  return Object.freeze(blocks);
}

function aFunction<T>(path: string, value: T): T {
  if (value !== undefined && typeof value !== 'function') refuseOption(path, 'expected a function');
  return value;
}

function checkFromTrusted(names: unknown): void {
  if (!Array.isArray(names)) return refuseOption('forwarding.fromTrusted', 'expected a list of names of fields');
  for (const [index, name] of names.entries()) {
    const at = `forwarding.fromTrusted[${index}]`;
    if (typeof name !== 'string' || !/^[A-Za-z][A-Za-z\d-]*$/.test(name)) {
      refuseOption(at, 'expected the name of a header field, of letters, digits and hyphens');
    }
    const key = name.toLowerCase();
    if (/^(?:forwarded|x-forwarded-(?:for|proto|host)|client-cert(?:-chain)?)$/.test(key)) {
      refuseOption(at, 'this field is written by the proxy itself');
    }
    if (!isAsserted(key)) refuseOption(at, 'this field goes on in any case');
  }
}

function resolveTimeouts(options: TimeoutOptions): Complete<TimeoutOptions> {
  checkGroup('timeouts', options, ['connectMs', 'headersMs', 'bodyMs', 'requestMs']);
  return Object.freeze({
    connectMs: milliseconds('timeouts.connectMs', options.connectMs, 5_000),
    headersMs: milliseconds('timeouts.headersMs', options.headersMs, 30_000),
    bodyMs: milliseconds('timeouts.bodyMs', options.bodyMs, 30_000),
    requestMs: milliseconds('timeouts.requestMs', options.requestMs, 30_000),
  });
}

function resolveLimits(options: LimitOptions): Complete<LimitOptions> {
  checkGroup('limits', options, [
    'maxHeldBytes',
    'maxHeldTotalBytes',
    'maxBodyBytes',
    'maxDecodedBytes',
    'maxSessions',
    'maxSessionsPerAddress',
    'maxConnectionsPerAddress',
    'maxDevices',
    'maxWakes',
    'maxConnecting',
    'maxLookups',
    'maxRelayed',
  ]);
  const maxSessions = wholeNumber('limits.maxSessions', options.maxSessions, 20_000, 1, mostSessions);
  const tenth = Math.max(1, Math.floor(maxSessions / 10));
  const maxSessionsPerAddress = wholeNumber(
    'limits.maxSessionsPerAddress',
    options.maxSessionsPerAddress,
    tenth,
    1,
    mostSessions,
  );
  return Object.freeze({
    maxHeldBytes: wholeNumber('limits.maxHeldBytes', options.maxHeldBytes, 65_536, 1_024, 64 * 1_048_576),
    maxHeldTotalBytes: wholeNumber(
      'limits.maxHeldTotalBytes',
      options.maxHeldTotalBytes,
      128 * 1_048_576,
      65_536,
      noLimit,
    ),
    maxBodyBytes: wholeNumber('limits.maxBodyBytes', options.maxBodyBytes, noLimit, 1, noLimit),
    maxDecodedBytes: wholeNumber('limits.maxDecodedBytes', options.maxDecodedBytes, 16 * 1_048_576, 1_024, 2 ** 31),
    maxSessions,
    maxSessionsPerAddress,
    maxConnectionsPerAddress: wholeNumber(
      'limits.maxConnectionsPerAddress',
      options.maxConnectionsPerAddress,
      Math.max(100, 2 * maxSessionsPerAddress),
      1,
      2 * mostSessions,
    ),
    maxDevices: wholeNumber('limits.maxDevices', options.maxDevices, 100_000, 1, 10_000_000),
    maxWakes: wholeNumber('limits.maxWakes', options.maxWakes, 256, 1, 1_000_000),
    maxConnecting: wholeNumber('limits.maxConnecting', options.maxConnecting, 2_048, 1, 1_000_000),
    maxLookups: wholeNumber('limits.maxLookups', options.maxLookups, 32, 1, 1_000_000),
    maxRelayed: wholeNumber('limits.maxRelayed', options.maxRelayed, 256, 1, 1_000_000),
  });
}

function checkPath(path: string, value: unknown): void {
  if (typeof value !== 'string' || !/^\/[!"$-~]*$/.test(value))
    refuseOption(path, 'expected a path that begins with /');
}
