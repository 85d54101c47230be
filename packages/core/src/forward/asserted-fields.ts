/**
 * Fields by which proxies tell a server who a client is. A CPE that sends them pretends to be a proxy, so they go no further:
 * unless a trusted proxy sent them, and `forwarding.fromTrusted` names them. This is the one list; SECURITY.md shows it.
 */
export const assertedFields: { readonly names: readonly string[]; readonly prefixes: readonly string[] } = {
  names: [
    'forwarded',
    'true-client-ip',
    'fastly-client-ip',
    'proxy-client-ip',
    'wl-proxy-client-ip',
    'x-client-ip',
    'x-cluster-client-ip',
    'x-envoy-external-address',
    'x-proxyuser-ip',
  ],
  prefixes: [
    'cf-',
    'client-cert',
    'remote-',
    'ssl-client-',
    'x-amzn-mtls-',
    'x-amzn-oidc-',
    'x-auth-request-',
    'x-authenticated-',
    'x-client-cert',
    'x-forwarded-',
    'x-original-',
    'x-real-',
    'x-remote-',
    'x-ssl-',
    'x-tls-client-',
    'x-webauth-',
  ],
};

const names = new Set(assertedFields.names);
const prefixes = new RegExp(`^(?:${assertedFields.prefixes.join('|')})`);

/** Whether a field is one of {@link assertedFields}. @param key Its name in lower case, with hyphens for all that is no letter or digit. */
export function isAsserted(key: string): boolean {
  return names.has(key) || prefixes.test(key);
}
