/** The name of an element without its prefix: `Inform` of `cwmp:Inform`. CPEs choose any prefix, or none. */
export function localName(name: string): string {
  const colon = name.lastIndexOf(':');
  return colon < 0 ? name : name.slice(colon + 1);
}
