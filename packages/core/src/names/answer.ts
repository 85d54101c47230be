/** What a name stands for, or why nobody knows. */
export type Answer = Addresses | NoAddress;

/** The addresses of a name; at least one. */
interface Addresses {
  readonly addresses: readonly string[];
  /** How long this may be kept, in milliseconds. */
  readonly keptMs: number;
}

/** A look-up without an address. */
interface NoAddress {
  /** As `getaddrinfo` calls it: `ENOTFOUND`, or `EAI_AGAIN` where nobody knows; or what this machine lacks. */
  readonly code: string;
}
