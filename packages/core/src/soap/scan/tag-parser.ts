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
const ampersand = 0x26;
/** What stands for each byte above 127, and for an ampersand; written once, as a message may have very many. */
const masks: readonly (string | undefined)[] = Array.from({ length: 0x100 }, (_, code) => {
  if (code === ampersand) return '+';
  return code < 0x80 ? undefined : `\u00e9${code.toString(16)}`;
});

/**
 * A tag in latin1, fit for saxes: the bytes of a non-ASCII letter must all be name characters to it, or two names would be
 * one, and a stray `&` would swallow what follows up to a `;`.
 */
export function maskTag(tag: string): string {
  if (!foreign.test(tag)) return tag;
  let masked = '';
  let from = 0;
  for (let at = 0; at < tag.length; at += 1) {
    const mask = masks[tag.charCodeAt(at)];
    if (mask === undefined) continue;
    masked += tag.slice(from, at) + mask;
    from = at + 1;
  }
  return masked + tag.slice(from);
}
