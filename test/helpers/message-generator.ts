import { MessageWriter } from './message-writer.js';
import { Random } from './random.js';

/** A generated message; `contentType` is what it would be sent with. */
export interface GeneratedMessage {
  bytes: Buffer;
  contentType: string | undefined;
}

/** The message of a seed. */
export function generateMessage(seed: number): GeneratedMessage {
  const random = new Random(seed);
  const writer = new MessageWriter(random);
  const charset = random.pick(['utf-8', 'utf-8', 'iso-8859-1', 'latin9x']);
  const prolog = random.pick([
    '',
    '',
    '<?xml version="1.0"?>',
    `<?xml version="1.0" encoding="${charset}"?>\n`,
    '\n<?xml version="1.0"?>',
    '<!-- x -->',
  ]);
  let xml = prolog + writer.document() + (random.once(20) ? writer.document() : '');
  if (random.once(60)) xml = `<!DOCTYPE x [<!ENTITY y "z">]>${xml}`;
  if (random.once(30)) xml = xml.slice(0, random.int(xml.length + 1));
  if (random.once(100)) xml = '<d>'.repeat(random.pick([255, 300])) + xml;
  if (random.once(300)) xml = xml.replace('<Value', `<Value a="${'v'.repeat(random.pick([1000, 17_000]))}"`);
  if (random.once(300)) xml = xml.replace('<Name>', `<Name>${' '.repeat(random.pick([1000, 16_300, 17_000]))}`);
  if (random.once(300)) xml = xml.replace('</Value>', `<!--${'-'.repeat(random.pick([1000, 33_000]))}--></Value>`);
  let bytes = Buffer.from(xml, random.once(5) ? 'latin1' : 'utf8');
  if (random.once(20)) bytes = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]);
  if (random.once(100)) bytes = Buffer.from(`\ufeff${xml}`, 'utf16le');
  const contentType = random.pick([
    undefined,
    undefined,
    'text/xml',
    `text/xml; charset="${charset}"`,
    'text/xml;charset=ISO-8859-1',
  ]);
  return { bytes, contentType };
}
