/** Who a CPE is, as TR-069 names it. */
export interface CpeIdentity {
  /** Six upper-case hex digits. */
  readonly oui: string;
  /** Empty where the CPE has none. */
  readonly productClass: string;
  readonly serialNumber: string;
}

/**
 * The user name of a CPE towards its ACS: `OUI-ProductClass-SerialNumber`, or `OUI-SerialNumber` where the product class is
 * empty; what is no letter, digit or underscore is percent-encoded in UTF-8 (TR-069 A6 §3.4.4). `-` becomes `%2D`, so that the
 * parts can be told apart.
 */
export function cpeUsername({ oui, productClass, serialNumber }: CpeIdentity): string {
  const parts = productClass === '' ? [serialNumber] : [productClass, serialNumber];
  return [oui, ...parts.map(encode)].join('-');
}

/** Reads what {@link cpeUsername} writes; nothing for any other user name. */
export function readCpeUsername(username: string): CpeIdentity | undefined {
  const parts = username.split('-');
  const [oui = '', first = '', second] = parts;
  if (parts.length < 2 || parts.length > 3 || !/^[\dA-F]{6}$/i.test(oui)) return undefined;
  try {
    const productClass = second === undefined ? '' : decodeURIComponent(first);
    return { oui, productClass, serialNumber: decodeURIComponent(second ?? first) };
  } catch {
    return undefined;
  }
}

function encode(text: string): string {
  return [...Buffer.from(text, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /\w/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}
