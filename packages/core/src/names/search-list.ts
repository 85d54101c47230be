import { hostname } from 'node:os';

/** Which names are asked for in place of a short one (resolv.conf(5)). */
export interface SearchList {
  readonly domains: readonly string[];
  /** A name with as many dots is asked for as it is first. */
  readonly ndots: number;
}

const longestName = 253;

/**
 * Reads `search` or `domain`, of which the last one counts, and `ndots`. What the environment says in `LOCALDOMAIN` and `RES_OPTIONS` goes
 * before. Without any domain it is that of the host's own name.
 */
export function readSearchList(
  text: string,
  { LOCALDOMAIN, RES_OPTIONS }: NodeJS.ProcessEnv = process.env,
  host: string = hostname(),
): SearchList {
  const dot = host.indexOf('.');
  let domains = dot === -1 ? [] : [host.slice(dot + 1)];
  const options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line.trimEnd().split(/[ \t]+/);
    if (keyword === 'search') domains = words;
    else if (keyword === 'domain') domains = words.slice(0, 1);
    else if (keyword === 'options') options.push(...words);
  }
  if (LOCALDOMAIN !== undefined) domains = LOCALDOMAIN.split(/[ \t]+/);
  if (RES_OPTIONS !== undefined) options.push(...RES_OPTIONS.split(/[ \t]+/));
  const ndots = options.reduce((last, option) => Number(/^ndots:(\d{1,3})$/.exec(option)?.[1] ?? last), 1);
  return {
    domains: domains.map((domain) => domain.toLowerCase().replace(/\.$/, '')).filter((domain) => domain !== ''),
    ndots: Math.min(ndots, 15),
  };
}

/** The names to ask for, in their order: the first one that there is counts. A dot at the end says that a name is whole. */
export function candidatesFor(name: string, { domains, ndots }: SearchList): string[] {
  if (name.endsWith('.')) return [name];
  const longer = domains.map((domain) => `${name}.${domain}`).filter(({ length }) => length <= longestName);
  return name.split('.').length > ndots ? [name, ...longer] : [...longer, name];
}
