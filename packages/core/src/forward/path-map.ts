/** How request targets differ between the CPE's side and a backend's, and how answers are mapped back. */
export interface PathMap {
  /** Path in front of every target on the CPE's side that the backend does not know; empty when there is none. */
  mountPath: string;
  /** Path in front of every target on the backend's side; empty when there is none. */
  basePath: string;
  /** Scheme, host and port of the backend. */
  backendOrigin: string;
  /** Scheme, host and port by which the CPE reached the proxy; `undefined` when it named no host. */
  cpeOrigin: string | undefined;
}

/** The target as the backend gets it; unchanged unless one of the sides has a path of its own. */
export function toBackend(target: string, { mountPath, basePath }: PathMap): string {
  const inside = startsWithPath(target, mountPath) ? target.slice(mountPath.length) : target;
  const rooted = inside.startsWith('/') ? inside : `/${inside}`;
  return basePath + rooted;
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
  const { backendOrigin, cpeOrigin } = map;
  if (location.startsWith('/') && !location.startsWith('//')) return pathToCpe(location, map);
  if (!URL.canParse(location)) return location;
  const url = new URL(location);
  if (url.origin !== backendOrigin) return location;
  return (cpeOrigin ?? '') + pathToCpe(url.pathname + url.search + url.hash, map);
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
      kept.push(attribute.slice(0, path) + pathToCpe(attribute.slice(path), map));
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

function pathToCpe(path: string, { mountPath, basePath }: PathMap): string {
  const inside = startsWithPath(path, basePath) ? path.slice(basePath.length) : path;
  // A cookie's Path of "/cwmp/" would not take in "/cwmp".
  return mountPath !== '' && inside === '/' ? mountPath : mountPath + inside || '/';
}

function startsWithPath(target: string, path: string): boolean {
  return path !== '' && target.startsWith(path) && /^(?:[/?#]|$)/.test(target.slice(path.length));
}
