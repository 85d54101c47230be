const semicolon = 0x3b;
const comma = 0x2c;

/**
 * Where the pair of a Cookie field ends that begins at `from`: at a semicolon, or at a comma, because devices send those too and
 * GenieACS takes them. Pairs are gone through one by one: a list of all that stand in 64 KB of separators takes longer to make
 * than to read.
 */
export function endOfPair(cookies: string, from: number): number {
  for (let at = from; at < cookies.length; at += 1) {
    const code = cookies.charCodeAt(at);
    if (code === semicolon || code === comma) return at;
  }
  return cookies.length;
}
