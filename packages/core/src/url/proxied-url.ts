import { CwmpProxyError } from '../errors.js';
import { readHostForm, writeHostForm } from './host-form.js';
import { type FoundUrl, readPathToken, writePathToken } from './path-form.js';
import { readQuery, writeQuery } from './query-form.js';
import { readTarget } from '../http/request-target.js';
import { createUrlSigner } from './url-signer.js';

/** Maximum length of `ManagementServer.ConnectionRequestURL` in the data models before Device:2.14: string(256). */
export const maxConnectionRequestUrlLength = 256;

/** How a CPE's own URL is put into the one an ACS gets to see. */
export type UrlForm = 'query' | 'path' | 'host';

/** What {@link createProxiedUrls} needs. */
export interface ProxiedUrlOptions {
  /** Where the ACS reaches the mount point: absolute, without a slash at the end. */
  publicUrl: string;
  /** The form that is written; all are read. Default `query`. */
  form?: UrlForm | undefined;
  /** Domain, with a port where it is not the scheme's own, below which every name leads to this proxy. For the `host` form. */
  hostBase?: string | undefined;
  /** The first signs, all verify. Default: none, URLs are neither signed nor verified. */
  signingKeys?: readonly string[] | undefined;
}

/** Builds and resolves the connection-request URLs of one proxy. */
export interface ProxiedUrls {
  /**
   * The URL an ACS gets to see for a CPE's own one: a pure function of it, already normal for a WHATWG parser, which
   * {@link ProxiedUrls.resolve} turns back into the exact original. `undefined` when the URL must stay as it is: not an
   * absolute http(s) URL, or already one of this proxy.
   */
  build(url: string): string | undefined;
  /**
   * Whether a request is for the connection-request endpoint, in whichever form.
   *
   * @param target Request target.
   * @param host Field value of `Host`.
   */
  isEndpoint(target: string, host?: string): boolean;
  /**
   * The CPE's own URL out of the target and the host of an ACS's request, decoded exactly once.
   *
   * @throws {@link CwmpProxyError} `ERR_CWMP_BAD_ORIGIN` (400) when there is none, more than one, no http(s) URL, or one of
   * this proxy; `ERR_CWMP_BAD_SIGNATURE` (403) when there are keys and none of them has signed it for this proxy.
   */
  resolve(target: string, host?: string): string;
}

const endpointPath = '/client';

/** Makes the connection-request URLs of one proxy. */
export function createProxiedUrls({ publicUrl, form, hostBase, signingKeys = [] }: ProxiedUrlOptions): ProxiedUrls {
  const base = new URL(publicUrl);
  const mountPath = base.pathname === '/' ? '' : base.pathname;
  const baseName = hostBase?.replace(/:\d+$/, '').toLowerCase();
  const signer = createUrlSigner(publicUrl, signingKeys);

  function withoutMountPath(target: string): string {
    return mountPath !== '' && target.startsWith(`${mountPath}/`) ? target.slice(mountPath.length) : target;
  }

  function isOwn({ host, pathname }: URL): boolean {
    if (labelsBelow(baseName, host) !== undefined) return true;
    return host === base.host && isEndpointPath(withoutMountPath(pathname));
  }

  function find([target, host]: [target: string, host: string | undefined]): FoundUrl {
    const labels = labelsBelow(baseName, host);
    const path = withoutMountPath(target);
    const found =
      labels !== undefined
        ? readHostForm({ labels, target })
        : path.startsWith(`${endpointPath}/`)
          ? readPathToken(path.slice(endpointPath.length + 1))
          : readQuery(path.slice(endpointPath.length + 1));
    return found ?? refuse('the token of the URL cannot be read');
  }

  return {
    build(url) {
      const parsed = readHttpUrl(url);
      if (parsed === undefined || isOwn(parsed)) return undefined;
      const signature = signer.sign(url);
      if (form === 'host' && hostBase !== undefined && baseName !== undefined) {
        const written = writeHostForm(url, signature, baseName);
        if (written !== undefined) return `${base.protocol}//${written.labels}.${hostBase}${written.target}`;
      }
      const endpoint = publicUrl + endpointPath;
      // What fits no host name fits a path, and stays one opaque token there.
      if (form === 'path' || form === 'host') {
        return `${endpoint}/${writePathToken(url, signature, maxConnectionRequestUrlLength - endpoint.length - 1)}`;
      }
      return `${endpoint}?${writeQuery(url, signature)}`;
    },
    isEndpoint(...request) {
      const [target, host] = originForm(...request);
      return labelsBelow(baseName, host) !== undefined || isEndpointPath(withoutMountPath(target));
    },
    resolve(...request) {
      const { url, signature } = find(originForm(...request));
      if (!signer.verify(url, signature)) {
        throw new CwmpProxyError('ERR_CWMP_BAD_SIGNATURE', 'the URL carries no signature of this proxy');
      }
      const parsed = readHttpUrl(url) ?? refuse('the origin is not an absolute http or https URL');
      if (isOwn(parsed)) refuse('the origin is a URL of this proxy');
      return url;
    },
  };
}

/** Target and host of a request, whichever form the target is in. */
function originForm(target: string, host?: string): [target: string, host: string | undefined] {
  const { authority, path } = readTarget(target);
  return [path, authority ?? host];
}

/** The labels in front of the base in a `Host` field value; `undefined` when it is no name below the base. */
function labelsBelow(baseName: string | undefined, host: string | undefined): string | undefined {
  if (baseName === undefined || host === undefined) return undefined;
  const name = host.replace(/:\d*$/, '').toLowerCase();
  return name.endsWith(`.${baseName}`) ? name.slice(0, -baseName.length - 1) : undefined;
}

/** Whether a path, with or without a query, is that of the endpoint. */
export function isEndpointPath(path: string): boolean {
  return path.startsWith(endpointPath) && /^(?:\/[^/?]+)?(?:\?|$)/.test(path.slice(endpointPath.length));
}

/** An absolute http or https URL, taken apart; `undefined` for any other text. */
function readHttpUrl(text: string): URL | undefined {
  if (!/^https?:\/\/[^/?#]/i.test(text) || /\p{Surrogate}/u.test(text)) return undefined;
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

function refuse(what: string): never {
  throw new CwmpProxyError('ERR_CWMP_BAD_ORIGIN', what);
}
