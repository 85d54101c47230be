import { SaxesParser } from 'saxes';

/** saxes, for one tag at a time. Its faults are no errors here: what it makes of a faulty tag is taken as it is. */
export class TagParser extends SaxesParser<{ xmlns: false; fragment: true; position: false }> {
  constructor() {
    super({ xmlns: false, fragment: true, position: false });
  }

  // saxes builds an Error with a stack for each fault: a megabyte of control characters would take seconds.
  override fail(): this {
    return this;
  }
}

const foreign = /[&\x80-\xff]/;
const eachForeign = /[&\x80-\xff]/g;

/**
 * A tag in latin1, fit for saxes: the bytes of a non-ASCII letter must all be name characters to it, or two names would be
 * one, and a stray `&` would swallow what follows up to a `;`.
 */
export function maskTag(tag: string): string {
  if (!foreign.test(tag)) return tag;
  return tag.replaceAll(eachForeign, (byte) => (byte === '&' ? '+' : `\u00e9${byte.charCodeAt(0).toString(16)}`));
}
