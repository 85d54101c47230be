/**
 * What c-ares says, in the words of `getaddrinfo`. There is no such name, or no address of it: `ENOTFOUND`. No name server gave an answer:
 * `EAI_AGAIN`. An answer that cannot be used: `EAI_FAIL`.
 */
const codes: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'ENOTFOUND'],
  ['ENODATA', 'ENOTFOUND'],
  ['ENONAME', 'ENOTFOUND'],
  ['EBADNAME', 'ENOTFOUND'],
  ['EBADQUERY', 'ENOTFOUND'],
  ['ETIMEOUT', 'EAI_AGAIN'],
  ['ESERVFAIL', 'EAI_AGAIN'],
  ['EREFUSED', 'EAI_AGAIN'],
  ['ENOTIMP', 'EAI_AGAIN'],
  ['ECONNREFUSED', 'EAI_AGAIN'],
  ['ENOSERVER', 'EAI_AGAIN'],
  ['ECANCELLED', 'EAI_AGAIN'],
  ['EDESTRUCTION', 'EAI_AGAIN'],
  ['EFILE', 'EAI_AGAIN'],
  ['EBADRESP', 'EAI_FAIL'],
  ['EFORMERR', 'EAI_FAIL'],
  ['EBADFAMILY', 'EAI_FAIL'],
  ['ENOMEM', 'EAI_MEMORY'],
]);

/** The code of `getaddrinfo` for one of c-ares; others stay. */
export function lookupCode(code: string): string {
  return codes.get(code) ?? code;
}

/** Whether a server says so, or is not there, and the next one may know better. */
export function isServerFault(code: string): boolean {
  return code === 'ESERVFAIL' || code === 'EREFUSED' || code === 'ENOTIMP';
}
