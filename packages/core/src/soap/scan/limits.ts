/** Longest tag that is followed, in bytes. The longest seen from a CPE is below 700: an Envelope with its namespaces. */
export const maxTagBytes: number = 16_384;

/** Longest content of a Name, a Value or another text that is read, in bytes. */
export const maxTextBytes: number = 16_384;

/** Maximum number of bytes of a struct that are held back: from a Value that stands before its Name to the end of that Name. */
export const maxHeldBytes: number = 2 * maxTextBytes;

/** Deepest element that is followed. CWMP needs 8. */
export const maxDepth: number = 256;

/** Most ConnectionRequestURLs of one message that are told of; those after them are rewritten all the same. */
export const maxUrls: number = 64;
