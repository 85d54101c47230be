import { CwmpProxyError } from '../errors.js';

/** Longest value the data models give `ManagementServer.ConnectionRequestURL` before Device:2.14 (SPEC: string(256)). */
export const maxConnectionRequestUrlLength = 256;

/** Builds and resolves the connection-request URLs of one proxy: `<publicUrl>/client?origin=<the CPE's own URL>`. */
export interface ProxiedUrls {
  /**
   * The URL an ACS gets to see for a CPE's own one: a pure function of it, already normal for a WHATWG parser, which
   * {@link ProxiedUrls.resolve} turns back into the exact original. `undefined` when the URL must stay as it is: not an
   * absolute http(s) URL, or already one of this proxy.
   */
  build(url: string): string | undefined;
  /** Whether a request target (origin-form) is for the connection-request endpoint. */
  isEndpoint(target: string): boolean;
  /**
   * The CPE's own URL out of the target of an ACS's request, decoded exactly once.
   *
   * @throws {@link CwmpProxyError} `ERR_CWMP_BAD_ORIGIN` (400) when there is none, more than one, or no http(s) URL.
   */
  resolve(target: string): string;
}

const endpointPath = '/client';
const parameter = 'origin=';

/** @param publicUrl Where the ACS reaches the mount point: absolute, without a slash at the end. */
export function createProxiedUrls(publicUrl: string): ProxiedUrls {
  const base = new URL(publicUrl);
  const mountPath = base.pathname === '/' ? '' : base.pathname;

  function withoutMountPath(target: string): string {
    return mountPath !== '' && target.startsWith(`${mountPath}/`) ? target.slice(mountPath.length) : target;
  }

  return {
    build(url) {
      if (!isAbsoluteHttpUrl(url)) return undefined;
      const parsed = new URL(url);
      if (parsed.host === base.host && withoutMountPath(parsed.pathname) === endpointPath) return undefined;
      return `${publicUrl}${endpointPath}?${parameter}${encodeForQuery(url)}`;
    },
    isEndpoint(target) {
      const path = withoutMountPath(target);
      return (
        path.startsWith(endpointPath) && (path.length === endpointPath.length || path[endpointPath.length] === '?')
      );
    },
    resolve(target) {
      const query = target.slice(target.indexOf('?') + 1);
      // Anything beside the one parameter means that somebody nested a URL without encoding it: what stands in front of
      // the "&" would be the wrong origin.
      if (!target.includes('?') || !query.startsWith(parameter) || query.includes('&')) {
        throw new CwmpProxyError('ERR_CWMP_BAD_ORIGIN', 'the query must be one percent-encoded "origin"');
      }
      const origin = decode(query.slice(parameter.length));
      if (!isAbsoluteHttpUrl(origin)) {
        throw new CwmpProxyError('ERR_CWMP_BAD_ORIGIN', 'the origin is not an absolute http or https URL');
      }
      return origin;
    },
  };
}

function isAbsoluteHttpUrl(text: string): boolean {
  return /^https?:\/\/[^/?#]/i.test(text) && !/\p{Surrogate}/u.test(text) && URL.canParse(text);
}

/**
 * Percent-encodes once what does not survive a query in the hands of a WHATWG, a form-urlencoded or an RFC 3986 parser;
 * everything that a plain origin is made of stays readable.
 */
function encodeForQuery(url: string): string {
  return url.replace(/[^\w\-.~:/?@!$()*,;=[\]]/gu, (character) => encodeURIComponent(character).replace("'", '%27'));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new CwmpProxyError('ERR_CWMP_BAD_ORIGIN', 'the origin is not well percent-encoded', { cause });
  }
}
