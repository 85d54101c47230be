import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';

/** A self-signed certificate and its key, PEM. */
export interface Certificate {
  cert: string;
  key: string;
  /** DER of the certificate. */
  raw: Buffer;
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const utcTime = (text: string): Buffer => der(0x17, Buffer.from(text));

/** OIDs: ecdsa-with-SHA256, commonName, subjectAltName, basicConstraints. */
const ecdsaWithSha256 = '2a8648ce3d040302';
const commonName = '550403';
const subjectAltName = '551d11';
const basicConstraints = '551d13';

/** Makes a certificate for a name and 127.0.0.1 that is its own authority (RFC 5280 §4.1). */
export function selfSigned(name: string): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const algorithm = sequence(oid(ecdsaWithSha256));
  const who = sequence(der(0x31, sequence(oid(commonName), der(0x0c, Buffer.from(name)))));
  const names = sequence(der(0x82, Buffer.from(name)), der(0x87, Buffer.from([127, 0, 0, 1])));
  const isAuthority = sequence(der(0x01, Buffer.from([255])));
  const extensions = sequence(
    sequence(oid(subjectAltName), der(0x04, names)),
    sequence(oid(basicConstraints), der(0x04, isAuthority)),
  );
  const serial = der(0x02, Buffer.from([1, ...Buffer.from(name).subarray(0, 8)]));
  const validity = sequence(utcTime('200101000000Z'), utcTime('491231235959Z'));
  const version = der(0xa0, der(0x02, Buffer.from([2])));
  const toSign = sequence(version, serial, algorithm, who, validity, who, publicKey, der(0xa3, extensions));
  const signature = sign('sha256', toSign, createPrivateKey(privateKey));
  const raw = sequence(toSign, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = (raw.toString('base64').match(/.{1,64}/g) ?? []).join('\n');
  return { cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`, key: privateKey, raw };
}
