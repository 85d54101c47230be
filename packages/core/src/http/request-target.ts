/** A request target, taken apart (RFC 9112 §3.2). */
export interface RequestTarget {
  /** Host and port, which a target in absolute form names itself; `undefined` in the other forms. */
  authority: string | undefined;
  /** Path and query of a target in origin or absolute form; any other target as it is. */
  path: string;
}

/** Takes apart a request target; every byte of path and query stays as it came. */
export function readTarget(target: string): RequestTarget {
  if (target.startsWith('/')) return { authority: undefined, path: target };
  const [start = '', authority] = /^https?:\/\/([^/?#]*)/i.exec(target) ?? [];
  const path = target.slice(start.length);
  return { authority, path: authority === undefined || path.startsWith('/') ? path : `/${path}` };
}
