import { isUtf8 } from 'node:buffer';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { signatureLength } from './url-signer.js';

/** A CPE's URL as it was found in a proxied one, with the signature that stood beside it. */
export interface FoundUrl {
  url: string;
  signature: Buffer | undefined;
}

/** Bits of the flag byte a token begins with; the others are zero. */
const flag = { http: 1, https: 2, deflated: 4, signed: 8 } as const;

const maxUrlBytes = 8_192;

/** What CPEs' URLs are made of; part of the format, since a token is read with the dictionary it was written with. */
const dictionary = Buffer.from(
  '/tr069/cwmp/CWMP/ConnectionRequest/connectionrequest/acs/cpe/ping/XML/.xml?username=&password=&id=&sn=serial=device.example.com.local.net:8080/:58000/:30005/:7547/',
);

/**
 * One path segment that holds a URL: base64url of a flag byte, the URL and its signature. The URL is deflated where that is
 * shorter and the whole would have more than `maxLength` characters otherwise.
 */
export function writePathToken(url: string, signature: Buffer | undefined, maxLength: number): string {
  const [scheme, bits] = url.startsWith('http://')
    ? ['http://', flag.http]
    : url.startsWith('https://')
      ? ['https://', flag.https]
      : ['', 0];
  const rest = Buffer.from(url.slice(scheme.length));
  const flags = bits | (signature === undefined ? 0 : flag.signed);
  const tail = signature ?? Buffer.alloc(0);
  const plain = Buffer.concat([Buffer.of(flags), rest, tail]).toString('base64url');
  // What expands to more would not be read back.
  if (plain.length <= maxLength || rest.length > maxUrlBytes) return plain;
  const deflated = deflateRawSync(rest, { dictionary, level: 9 });
  if (deflated.length >= rest.length) return plain;
  return Buffer.concat([Buffer.of(flags | flag.deflated), deflated, tail]).toString('base64url');
}

/** Reads what {@link writePathToken} writes; `undefined` for anything that it would not write. */
export function readPathToken(token: string): FoundUrl | undefined {
  const bytes = Buffer.from(token, 'base64url');
  const [flags = 255] = bytes;
  if (flags > 15 || (flags & 3) === 3 || bytes.toString('base64url') !== token) return undefined;
  const end = bytes.length - ((flags & flag.signed) === 0 ? 0 : signatureLength);
  if (end < 1) return undefined;
  const scheme = (flags & flag.http) !== 0 ? 'http://' : (flags & flag.https) !== 0 ? 'https://' : '';
  try {
    const held = bytes.subarray(1, end);
    const rest =
      (flags & flag.deflated) === 0 ? held : inflateRawSync(held, { dictionary, maxOutputLength: maxUrlBytes });
    if (!isUtf8(rest)) return undefined;
    const url = scheme + rest.toString('utf8');
    return { url, signature: end === bytes.length ? undefined : bytes.subarray(end) };
  } catch {
    return undefined;
  }
}
