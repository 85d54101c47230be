import { createHash } from 'node:crypto';

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

/** What both ends of a Digest exchange hash (RFC 7616 §3.4.1, MD5, `auth`). */
export interface DigestInput {
  username: string;
  password: string;
  realm: string;
  nonce: string;
  method: string;
  uri: string;
  nc: string;
  cnonce: string;
}

export function digestResponse(input: DigestInput): string {
  const { username, password, realm, nonce, method, uri, nc, cnonce } = input;
  const ha1 = md5(`${username}:${realm}:${password}`);
  return md5(`${ha1}:${nonce}:${nc}:${cnonce}:auth:${md5(`${method}:${uri}`)}`);
}

/** One parameter of a challenge or of an Authorization. */
export function parameter(value: string, name: string): string | undefined {
  const found = new RegExp(`[\\s,]${name}=(?:"([^"]*)"|([^\\s,]+))`, 'i').exec(` ${value}`);
  return found?.[1] ?? found?.[2];
}

/** A CPE's Authorization for a challenge. */
export function authorization(challenge: string, uri: string, username = 'cpe', password = 'secret'): string {
  const realm = parameter(challenge, 'realm') ?? '';
  const nonce = parameter(challenge, 'nonce') ?? '';
  const [nc, cnonce] = ['00000001', '0a4f113b'];
  const response = digestResponse({ username, password, realm, nonce, method: 'POST', uri, nc, cnonce });
  return (
    `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", ` +
    `qop=auth, nc=${nc}, cnonce="${cnonce}", response="${response}"`
  );
}
