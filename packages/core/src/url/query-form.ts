import { CwmpProxyError } from '../errors.js';
import type { FoundUrl } from './path-form.js';
import { signatureLength } from './url-signer.js';

const parameter = 'origin=';
const signatureParameter = '&sig=';

/** The query that holds a URL, percent-encoded once, and its signature in base64url; without the question mark. */
export function writeQuery(url: string, signature: Buffer | undefined): string {
  const query = parameter + encodeForQuery(url);
  return signature === undefined ? query : query + signatureParameter + signature.toString('base64url');
}

/**
 * Reads what {@link writeQuery} writes, decoding exactly once.
 *
 * @throws {@link CwmpProxyError} `ERR_CWMP_BAD_ORIGIN` for any other query: whatever stands beside the two parameters means
 * that somebody nested a URL without encoding it, and what stands in front of the "&" would be the wrong origin.
 */
export function readQuery(query: string): FoundUrl {
  const [, encoded, text] = /^origin=([^&]*)(?:&sig=([\w-]*))?$/.exec(query) ?? [];
  if (encoded === undefined) {
    throw new CwmpProxyError('ERR_CWMP_BAD_ORIGIN', 'the query must be one percent-encoded "origin" and its "sig"');
  }
  return { url: decode(encoded), signature: text === undefined ? undefined : readSignature(text) };
}

function readSignature(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : Buffer.alloc(signatureLength - 1);
}

/**
 * Percent-encodes once what does not survive a query in the hands of a WHATWG, a form-urlencoded or an RFC 3986 parser;
 * everything that a plain origin is made of stays readable.
 */
function encodeForQuery(url: string): string {
  return url.replace(/[^\w\-.~:/?@!$()*,;=[\]]/gu, (character) => encodeURIComponent(character).replace("'", '%27'));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new CwmpProxyError('ERR_CWMP_BAD_ORIGIN', 'the origin is not well percent-encoded', { cause });
  }
}
