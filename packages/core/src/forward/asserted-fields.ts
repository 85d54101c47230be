/**
 * Fields by which proxies tell a server who a client is. A CPE that sends them pretends to be a proxy, so they go no further:
 * unless a trusted proxy sent them, and `forwarding.fromTrusted` names them. This is the one list; SECURITY.md shows it.
 */
const assertedFields: { readonly names: readonly string[]; readonly prefixes: readonly string[] } = {
  names: [
    'fastly-client-ip',
    'fly-client-ip',
    'proxy',
    'proxy-client-ip',
    'true-client-ip',
    'wl-proxy-client-ip',
    'x-azure-clientip',
    'x-azure-socketip',
    'x-client-dn',
    'x-client-ip',
    'x-client-verify',
    'x-cluster-client-ip',
    'x-envoy-external-address',
    'x-originating-ip',
    'x-proxyuser-ip',
    'x-rewrite-url',
  ],
  prefixes: [
    'akamai-',
    'cf-',
    'client-cert',
    'forwarded',
    'oidc-',
    'remote-',
    'sm-',
    'ssl-',
    'tailscale-',
    'x-amzn-mtls-',
    'x-amzn-oidc-',
    'x-appengine-',
    'x-arr-',
    'x-auth-request-',
    'x-authenticated-',
    'x-client-cert',
    'x-forwarded',
    'x-goog-authenticated-',
    'x-goog-iap-',
    'x-ms-client-principal',
    'x-original-',
    'x-pomerium-',
    'x-real-',
    'x-remote-',
    'x-ssl-',
    'x-tls-client-',
    'x-vercel-',
    'x-webauth-',
  ],
};

const names = new Set(assertedFields.names);
const prefixes = new RegExp(`^(?:${assertedFields.prefixes.join('|')})`);

/** Whether a field is one of {@link assertedFields}. @param key Its name in lower case, with hyphens for all that is no letter or digit. */
export function isAsserted(key: string): boolean {
  return names.has(key) || prefixes.test(key);
}
