import { isIP } from 'node:net';

/**
 * The addresses that a hosts file gives for a name, in their order. The text is searched, not parsed: a file of many megabytes costs
 * a millisecond, and no memory but its text.
 *
 * @param text The file, in lower case.
 * @param name The name, in lower case.
 */
export function addressesIn(text: string, name: string): string[] {
  const found = new Set<string>();
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    if (!isBlank(text, at - 1) || !isBlank(text, at + name.length)) continue;
    const before = text.slice(text.lastIndexOf('\n', at) + 1, at);
    const [address = ''] = before.trimStart().split(/\s/, 1);
    if (isIP(address) !== 0 && !before.includes('#')) found.add(address);
  }
  return [...found];
}

/** Whether no name goes on at this place. */
function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  // The end of the text, white space, or a comment.
  return Number.isNaN(code) || code <= 0x20 || code === 0x23;
}
