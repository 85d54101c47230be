const name = Buffer.from('DeviceId');
/** Its end is looked for: its beginning stands in most parameters, which costs ten times as much. */
const end = Buffer.from('Id');
const before = new Set(Buffer.from('</:'));
const behind = new Set(Buffer.from(' \t\r\n/>'));

/** How many bytes of a tag can stand on one side of a cut: it is a name with a character on each side. */
export const tagOverlap: number = name.length + 1;

/**
 * How many tags of a DeviceId there are, start tags and end tags, in a comment too: two where a message names one device. ACSs take the
 * first of several or the last, some wherever it stands, so that nobody can say which one a message with more is from.
 */
export function deviceTags(bytes: Buffer): number {
  let tags = 0;
  for (let at = bytes.indexOf(end); at !== -1; at = bytes.indexOf(end, at + end.length)) {
    const to = at + end.length;
    const from = to - name.length;
    if (!behind.has(bytes[to] ?? 0) || !before.has(bytes[from - 1] ?? 0)) continue;
    if (bytes.subarray(from, to).equals(name)) tags += 1;
  }
  return tags;
}

/** Looks for tags of a DeviceId in what comes in chunks. */
export class DeviceTagSearch {
  /** Whether there is one. */
  found = false;
  #end: Buffer;

  /** @param before What came before the first chunk. */
  constructor(before: Buffer) {
    this.#end = Buffer.from(before.subarray(-tagOverlap));
  }

  /** Takes in the next chunk, which is not kept. */
  push(chunk: Buffer): void {
    if (this.found) return;
    const seam = Buffer.concat([this.#end, chunk.subarray(0, tagOverlap)]);
    this.found = deviceTags(seam) > 0 || deviceTags(chunk) > 0;
    this.#end = Buffer.from((chunk.length < tagOverlap ? seam : chunk).subarray(-tagOverlap));
  }
}
