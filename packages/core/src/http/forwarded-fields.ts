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

/** Whether each quote in a field is closed: otherwise it takes in what is written behind it. */
export function hasClosedQuotes(text: string): boolean {
  return /^(?:[^"]|"(?:[^"\\]|\\.)*")*$/.test(text);
}

/**
 * Splits from the right, where the proxies that are trusted have written: a quote that a client has left open would take in what
 * stands behind it.
 */
function splitOutsideQuotes(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = [];
  let end = text.length;
  let isQuoted = false;
  for (let index = text.length - 1; index >= 0; index -= 1) {
    const character = text.charAt(index);
    if (character === '"' && !isEscaped(text, index)) isQuoted = !isQuoted;
    else if (character === separator && !isQuoted) {
      parts.push(text.slice(index + 1, end));
      end = index;
    }
  }
  parts.push(text.slice(0, end));
  return parts.toReversed();
}

function isEscaped(text: string, index: number): boolean {
  let at = index;
  while (text.charAt(at - 1) === '\\') at -= 1;
  return (index - at) % 2 === 1;
}
