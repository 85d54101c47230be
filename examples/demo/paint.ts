/** What a piece of the picture means; each meaning has one colour. */
export type Role = 'plain' | 'title' | 'faint' | 'request' | 'success' | 'challenge' | 'fault' | 'before' | 'after';

/** Colours a text, or leaves it as it is. */
export type Paint = (role: Role, text: string) => string;

const codes: Readonly<Record<Role, string>> = {
  plain: '',
  title: '1',
  faint: '2',
  request: '36',
  success: '32',
  challenge: '33',
  fault: '31',
  before: '33',
  after: '35',
};

/** Makes the painter; without colour not one escape code is written. */
export function createPaint(useColor: boolean): Paint {
  return (role, text) => {
    const code = codes[role];
    return useColor && code !== '' && text !== '' ? `\u001B[${code}m${text}\u001B[0m` : text;
  };
}

/** What the pictures show and the colours mean. */
export function legend(paint: Paint): string[] {
  const meanings: [Role, string][] = [
    ['request', 'request'],
    ['success', 'answer 2xx'],
    ['challenge', 'answer 401, a challenge'],
    ['fault', 'any other answer'],
  ];
  const lines = ['Each arrow was recorded by the CPE or the ACS at its end; the proxy records nothing.'];
  const hasColors = paint('request', 'x') !== 'x';
  if (hasColors) lines.push(meanings.map(([role, meaning]) => paint(role, `─── ${meaning}`)).join('   '));
  return lines;
}
