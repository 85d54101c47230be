import { isIPv4 } from 'node:net';
import { decodeBase32, encodeBase32 } from './base32.js';
import type { FoundUrl } from './path-form.js';
import { signatureLength } from './url-signer.js';

/** The authority's kind, in the two lowest bits of the flag byte a token begins with. */
const kind = { ipv4: 0, ipv6: 1, text: 2 } as const;
/** The other bits of the flag byte. */
const flag = { https: 4, port: 8, emptyPath: 16, signed: 32 } as const;

const maxNameLength = 253;
/** The longest labels that DNS allows. */
const labelsOf = /.{1,63}/g;

/** What a host form is made of: DNS labels for the authority, and the request target as the CPE has it. */
export interface HostForm {
  /** Labels that stand in front of the base: the authority, scheme and signature. */
  labels: string;
  /** Path and query, byte for byte; `/` in front of an empty path. */
  target: string;
}

/**
 * Puts the authority of a URL into DNS labels and leaves the rest as it is, so that a Digest answer over the request target
 * is good at the CPE too. `undefined` for a URL that does not come out of this exactly as it went in, or makes no DNS name.
 *
 * @param baseName Host name that the labels stand in front of.
 */
export function writeHostForm(url: string, signature: Buffer | undefined, baseName: string): HostForm | undefined {
  const parts = /^(https?):\/\/([^/?#]+)((?:[/?][^#]*)?)$/.exec(url);
  if (parts === null) return undefined;
  const [, scheme = '', authority = '', rest = ''] = parts;
  const { flags, bytes } = packAuthority(authority);
  const all =
    flags |
    (scheme === 'https' ? flag.https : 0) |
    (rest.startsWith('/') ? 0 : flag.emptyPath) |
    (signature === undefined ? 0 : flag.signed);
  const token = encodeBase32(Buffer.concat([Buffer.of(all), bytes, signature ?? Buffer.alloc(0)]));
  const labels = token.match(labelsOf)?.join('.') ?? '';
  const target = rest.startsWith('/') ? rest : `/${rest}`;
  if (labels.length + 1 + baseName.length > maxNameLength) return undefined;
  // What an ACS's URL parser would change on the way must not be written this way: "..", a quote, a space, a last "?".
  const probe = `http://${labels}.${baseName}${target}`;
  if (!URL.canParse(probe)) return undefined;
  const { href, pathname, search } = new URL(probe);
  if (href !== probe || pathname + search !== target) return undefined;
  return { labels, target };
}

/** Reads what {@link writeHostForm} writes, in upper or lower case; `undefined` for anything that it would not write. */
export function readHostForm({ labels, target }: HostForm): FoundUrl | undefined {
  if (labels.length > maxNameLength) return undefined;
  const bytes = decodeBase32(labels.replaceAll('.', ''));
  const [flags = 255] = bytes ?? [];
  if (bytes === undefined || flags > 63) return undefined;
  const end = bytes.length - ((flags & flag.signed) === 0 ? 0 : signatureLength);
  if (end < 1) return undefined;
  const authority = unpackAuthority(flags, bytes.subarray(1, end));
  if (authority === undefined || !target.startsWith('/')) return undefined;
  const scheme = (flags & flag.https) === 0 ? 'http' : 'https';
  const rest = (flags & flag.emptyPath) === 0 ? target : target.slice(1);
  return { url: `${scheme}://${authority}${rest}`, signature: end === bytes.length ? undefined : bytes.subarray(end) };
}

function packAuthority(authority: string): { flags: number; bytes: Buffer } {
  const [, host = '', digits] = /^(.*?)(?::([1-9]\d{0,4}))?$/.exec(authority) ?? [];
  const port = Number(digits ?? 0);
  if (port > 65_535) return { flags: kind.text, bytes: Buffer.from(authority) };
  const tail = digits === undefined ? Buffer.alloc(0) : Buffer.of(port >> 8, port & 255);
  const flags = digits === undefined ? 0 : flag.port;
  if (isIPv4(host)) {
    return { flags: flags | kind.ipv4, bytes: Buffer.concat([Buffer.from(host.split('.').map(Number)), tail]) };
  }
  const address = readBracketed(host);
  if (address !== undefined) return { flags: flags | kind.ipv6, bytes: Buffer.concat([address, tail]) };
  return { flags: flags | kind.text, bytes: Buffer.concat([Buffer.from(host), tail]) };
}

function unpackAuthority(flags: number, bytes: Buffer): string | undefined {
  const hasPort = (flags & flag.port) !== 0;
  const end = bytes.length - (hasPort ? 2 : 0);
  if (end < 1) return undefined;
  const host = bytes.subarray(0, end);
  const port = hasPort ? `:${bytes.readUInt16BE(end)}` : '';
  switch (flags & 3) {
    case kind.ipv4:
      return end === 4 ? [...host].join('.') + port : undefined;
    case kind.ipv6:
      return end === 16 ? bracket(host) + port : undefined;
    case kind.text:
      return host.toString() + port;
    default:
      return undefined;
  }
}

/** The bytes of an IPv6 address in brackets, if it is written the way {@link bracket} writes it. */
function readBracketed(host: string): Buffer | undefined {
  if (!/^\[[\da-f:]+\]$/.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  const [head = '', tail] = host.slice(1, -1).split('::');
  const high = head.split(':').filter((group) => group !== '');
  const low = tail?.split(':').filter((group) => group !== '') ?? [];
  const groups = [...high, ...Array<string>(8 - high.length - low.length).fill('0'), ...low];
  const bytes = Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
  return bracket(bytes) === host ? bytes : undefined;
}

function bracket(address: Buffer): string {
  const groups = address.toString('hex').match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(':')}]`).hostname;
}
