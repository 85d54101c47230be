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
 * not reach; and, where paths differ, the Path and Domain of cookies.
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
        if (map.mountPath !== map.basePath) headers[index + 1] = mapCookie(value, map);
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

function mapCookie(cookie: string, map: PathMap): string {
  const [pair = '', ...attributes] = cookie.split(';');
  const kept = attributes
    .filter((attribute) => !/^\s*domain\s*=/i.test(attribute))
    .map((attribute) => attribute.replace(/(?<=^\s*path\s*=\s*)\/.*$/i, (path) => pathToCpe(path, map)));
  return [pair, ...kept].join(';');
}

function pathToCpe(path: string, { mountPath, basePath }: PathMap): string {
  const inside = startsWithPath(path, basePath) ? path.slice(basePath.length) : path;
  return mountPath + inside || '/';
}

function startsWithPath(target: string, path: string): boolean {
  return path !== '' && target.startsWith(path) && /^(?:[/?#]|$)/.test(target.slice(path.length));
}
