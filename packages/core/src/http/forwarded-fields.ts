/** One hop that a proxy in front has told of. */
export interface ForwardedHop {
  /** As it was told, without a port and brackets; need not be an address (`unknown`, `_hidden`). */
  readonly address: string;
  readonly proto?: string | undefined;
  readonly host?: string | undefined;
}

/** How many hops are looked at, from the right. */
const maxHops = 32;

/** The hops of `X-Forwarded-For`, in the order of the field; `undefined` where there is no such field. */
export function readXForwardedFor(value: string | readonly string[] | undefined): ForwardedHop[] | undefined {
  const text = typeof value === 'string' ? value : value?.join(',');
  return text
    ?.split(',')
    .slice(-maxHops)
    .map((hop) => ({ address: withoutPort(hop.trim()) }));
}

/** The hops of `Forwarded` (RFC 7239 §4), in the order of the field; `undefined` where there is no such field. */
export function readForwarded(text: string | undefined): ForwardedHop[] | undefined {
  if (text === undefined) return undefined;
  return splitOutsideQuotes(text, ',')
    .slice(-maxHops)
    .map((element) => {
      const pairs = new Map<string, string>();
      for (const pair of splitOutsideQuotes(element, ';')) {
        const equals = pair.indexOf('=');
        if (equals > 0) pairs.set(pair.slice(0, equals).trim().toLowerCase(), unquoted(pair.slice(equals + 1).trim()));
      }
      return {
        address: withoutPort(pairs.get('for') ?? ''),
        proto: pairs.get('proto')?.toLowerCase(),
        host: pairs.get('host'),
      };
    });
}

/** The last of a list of values: the one that the proxy next to us wrote. */
export function lastValue(value: string | readonly string[] | undefined): string | undefined {
  const text = typeof value === 'string' ? value : value?.at(-1);
  const last = text?.slice(text.lastIndexOf(',') + 1).trim();
  return last === '' ? undefined : last;
}

/** `192.0.2.1:4711` and `[2001:db8::1]:4711`, as some proxies write them, without port and brackets. */
function withoutPort(text: string): string {
  if (text.startsWith('[')) return text.slice(1, Math.max(1, text.indexOf(']')));
  const colon = text.indexOf(':');
  return colon !== -1 && colon === text.lastIndexOf(':') ? text.slice(0, colon) : text;
}

function unquoted(text: string): string {
  return text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replaceAll(/\\(.)/g, '$1') : text;
}

function splitOutsideQuotes(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (isQuoted && character === '\\') index += 1;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === separator && !isQuoted) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
