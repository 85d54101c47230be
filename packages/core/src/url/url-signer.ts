import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';

/** Length of a signature, in bytes: HMAC-SHA256 cut to 128 bits (RFC 2104 §5). */
export const signatureLength = 16;

/** Signs the URLs of one proxy, so that it calls none that it did not write. */
export interface UrlSigner {
  /** The signature of a CPE's URL, by the first key; `undefined` without keys. */
  sign(url: string): Buffer | undefined;
  /** Whether one of the keys has made the signature; without keys each passes, none too. Takes the same time for any. */
  verify(url: string, signature: Uint8Array | undefined): boolean;
}

/**
 * @param publicUrl Stands in what is signed, so that another proxy with the same key takes no URL of this one.
 * @param keys The first signs, all verify.
 */
export function createUrlSigner(publicUrl: string, keys: readonly string[]): UrlSigner {
  const secrets = keys.map((key) => createSecretKey(key, 'utf8'));
  const [first] = secrets;

  function compute(secret: (typeof secrets)[number], url: string): Buffer {
    // A NUL stands in no URL, so the parts cannot run into each other.
    const digest = createHmac('sha256', secret).update(`cwmp-proxy url 1\0${publicUrl}\0${url}`).digest();
    return digest.subarray(0, signatureLength);
  }

  return {
    sign: (url) => (first === undefined ? undefined : compute(first, url)),
    verify(url, signature) {
      if (first === undefined) return true;
      if (signature?.length !== signatureLength) return false;
      return secrets.map((secret) => timingSafeEqual(compute(secret, url), signature)).includes(true);
    },
  };
}
