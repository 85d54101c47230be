/** How request targets differ between the CPE's side and a backend's, and how answers are mapped back. */
export interface PathMap {
  /** Path in front of every target on the CPE's side that the backend does not know; empty when there is none. */
  mountPath: string;
  /** Path in front of every target on the backend's side; empty when there is none. */
  basePath: string;
  /** Path of the backend's own URL, which the mount path itself leads to: `basePath` with or without a slash. */
  backendPath: string;
  /** Scheme, host and port of the backend. */
  backendOrigin: string;
  /** Scheme, host and port by which the CPE reached the proxy; `undefined` when it named no host. */
  cpeOrigin: string | undefined;
}

/**
 * The target as the backend gets it, as nginx's `proxy_pass` with a path does it: the mount path is replaced by the path of the
 * backend's URL, all behind it stays as it came. A longer word than the mount path is not it. Paths are compared as they are
 * written. Unchanged unless one of the sides has a path of its own.
 *
 * @param target Path and query.
 */
export function toBackend(target: string, { mountPath, basePath, backendPath }: PathMap): string {
  if (!startsWithPath(target, mountPath)) return basePath + target;
  const inside = target.slice(mountPath.length);
  return inside.startsWith('/') ? basePath + inside : backendPath + inside;
}

/**
 * Maps what an answer says of places back to the CPE's side: a `Location` on the backend's own origin, which the CPE may
 * not reach; and of cookies what would keep the CPE from sending them back.
 *
 * @param headers Names and values in turn; changed in place.
 */
export function mapBack(headers: string[], map: PathMap): void {
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (name.length !== 8 && name.length !== 10) continue;
    const value = headers[index + 1] ?? '';
    switch (name.toLowerCase()) {
      case 'location':
        headers[index + 1] = mapLocation(value, map);
        break;
      case 'set-cookie':
        if (value.includes(';')) headers[index + 1] = mapCookie(value, map);
        break;
      default:
    }
  }
}

function mapLocation(location: string, map: PathMap): string {
  if (location.startsWith('/') && !location.startsWith('//')) return locationToCpe(location, map) ?? location;
  if (!URL.canParse(location) || new URL(location).origin !== map.backendOrigin) return location;
  // Not by the parsed URL, which writes characters and dot segments anew.
  const path = /^[a-z]+:\/\/[^/?#]*(.*)$/is.exec(location)?.[1];
  const mapped = path === undefined ? undefined : locationToCpe(path.startsWith('/') ? path : `/${path}`, map);
  return mapped === undefined ? location : (map.cpeOrigin ?? '') + mapped;
}

/** A place below the backend's path on the CPE's side; `undefined` for another one, which no target of the CPE leads to. */
function locationToCpe(path: string, { mountPath, basePath }: PathMap): string | undefined {
  if (basePath !== '' && !startsWithPath(path, basePath)) return undefined;
  const inside = path.slice(basePath.length);
  return inside.startsWith('/') ? mountPath + inside : (mountPath || '/') + inside;
}

/**
 * Takes out what would keep a CPE from sending the cookie back to the proxy: a Domain that is the backend's and not the one
 * that the CPE asked; `Secure` where only the backend is reached by https; and a Path that the CPE does not know.
 */
function mapCookie(cookie: string, map: PathMap): string {
  const { mountPath, basePath, backendOrigin, cpeOrigin = '' } = map;
  const [pair = '', ...attributes] = cookie.split(';');
  const keepsSecure = cpeOrigin.startsWith('https') || !backendOrigin.startsWith('https');
  const kept = [pair];
  for (const attribute of attributes) {
    const equals = attribute.indexOf('=');
    const name = (equals < 0 ? attribute : attribute.slice(0, equals)).trim().toLowerCase();
    const value = equals < 0 ? undefined : attribute.slice(equals + 1).trim();
    if (name === 'domain' && value !== undefined) {
      if (isUnder(cpeOrigin, value.startsWith('.') ? value.slice(1) : value)) kept.push(attribute);
    } else if (name === 'path' && value?.startsWith('/') === true && mountPath !== basePath) {
      const path = attribute.indexOf('/', equals);
      kept.push(attribute.slice(0, path) + cookiePathToCpe(attribute.slice(path), map));
    } else if (name !== 'secure' || value !== undefined || keepsSecure) {
      kept.push(attribute);
    }
  }
  return kept.join(';');
}

/** Whether a Domain takes in the host of an origin (RFC 6265 §5.1.3). */
function isUnder(origin: string, domain: string): boolean {
  const host = origin.toLowerCase().replace(/^https?:\/\/|:\d+$/g, '');
  const wanted = domain.toLowerCase();
  return host === wanted || (host.endsWith(`.${wanted}`) && !/^[\d.]+$/.test(host));
}

/** The Path of a cookie on the CPE's side: where it holds for all that the CPE may ask, the mount path. */
function cookiePathToCpe(path: string, { mountPath, basePath }: PathMap): string {
  if (basePath === '' || startsWithPath(path, basePath)) {
    const inside = path.slice(basePath.length);
    // A Path of "/cwmp/" would not take in "/cwmp".
    return inside === '' || inside === '/' ? mountPath || '/' : mountPath + inside;
  }
  const covers = path === '/' || startsWithPath(basePath, path.endsWith('/') ? path.slice(0, -1) : path);
  return covers ? mountPath || '/' : path;
}

function startsWithPath(target: string, path: string): boolean {
  return path !== '' && target.startsWith(path) && /^(?:[/?#]|$)/.test(target.slice(path.length));
}
