/** Bytes above 127 are name characters once a tag is fit for saxes. */
const name = String.raw`[A-Za-z_\x80-\xff][\w.:\x80-\xff-]*`;
const blank = String.raw`[ \t\r\n]`;
const attributes = String.raw`(?:${blank}+${name}${blank}*=${blank}*(?:"[^"<]*"|'[^'<]*'))*`;

/**
 * A start tag without a fault, and where the element holds nothing but text also that and its end tag. Groups: the name, a
 * slash where the tag closes itself, the text, the end tag.
 */
export const plainElement: RegExp = new RegExp(
  String.raw`<(${name})${attributes}${blank}*(?:(/)>|>(?:([^<]*)(</\1${blank}*>))?)`,
  'y',
);

const leaf = String.raw`<(${name})${attributes}${blank}*(?:/>|>[^<]*</\2${blank}*>)`;
const element = String.raw`<(${name})${attributes}${blank}*(?:/>|>[^<]*(?:${leaf}[^<]*)*</\1${blank}*>)`;

/** What most elements are, as most CPEs write them: {@link element} would take it too, in twice the time. */
const struct =
  String.raw`<ParameterValueStruct>[^<]*<Name>[^<]*</Name>[^<]*<Value(?: xsi:type="[^"<]*")?${attributes}>[^<]*</Value>` +
  '[^<]*</ParameterValueStruct>';

/** Elements without a fault that hold text and elements that hold text, one after the other, with text between them. */
const run = new RegExp(String.raw`(?:(?:${struct}|${element})[^<]*)+`, 'y');

/** How many elements deep a run is. */
export const runDepth: number = 2;

/**
 * Where the run of well-formed elements ends that begins at `from`, at `until` at most; `from` where none does. There is no
 * comment, CDATA, instruction or stray `<` in a run, each element in it is closed in it by an end tag of its own name, and
 * its text is outside of any tag: a parser that has read it is where it was before.
 */
export function endOfPlainRun(text: string, from: number, until: number): number {
  run.lastIndex = 0;
  return run.test(text.slice(from, until)) ? from + run.lastIndex : from;
}
