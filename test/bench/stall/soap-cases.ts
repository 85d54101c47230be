import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { InformRewriter, rewriteMessage } from '@cwmp-proxy/core';
import type { EncodedRewriteOptions } from '#core/soap/coding/content-coding.js';
import { MessageRewriter } from '#core/soap/rewrite/rewrite-stream.js';
import { rewriteEncodedMessage } from '#core/soap/coding/rewrite-body.js';
import { repeated, type StallCase } from './stall-case.js';

const rewriteUrl = (url: string): string => `http://proxy.example/client?origin=${url}`;
const urlName = 'InternetGatewayDevice.ManagementServer.ConnectionRequestURL';
const struct = (name: string, value: string): string =>
  `<ParameterValueStruct><Name>${name}</Name><Value xsi:type="xsd:string">${value}</Value></ParameterValueStruct>`;
const urlStruct = struct(urlName, 'http://10.0.0.1:7547/');

/** What stands between the beginning of an Inform and the struct with its URL, so that all of it has to be read. */
interface Filling {
  name: string;
  fill: (size: number) => string;
  contentType?: string;
}

function texts(name: string, unit: string, wrap: (text: string) => string, textBytes = 4_000): Filling {
  return {
    name,
    fill: (size) => {
      const one = wrap(repeated(unit, Math.min(textBytes, size) - unit.length));
      return repeated(one, size);
    },
  };
}

function units(name: string, unit: string): Filling {
  return { name, fill: (size) => repeated(unit, size) };
}

const inName = (text: string): string => struct(text, 'x');
const inValue = (text: string): string => struct(urlName, text);
const openNames = Array.from({ length: 240 }, (_, at) => `n${String(at).padStart(3, '0')}`);

const fillings: Filling[] = [
  units('structs as CPEs write them', struct('InternetGatewayDevice.DeviceInfo.SoftwareVersion', '1.0')),
  units('structs with a URL each', urlStruct),
  units('structs with a reference to a letter of the name', struct('&#85;x', 'x')),
  units('structs nested and never closed', '<ParameterValueStruct><Name>a</Name>'),
  texts('Names of Latin-1 letters and references', '\u00e9&lt;', inName),
  texts('Values of Latin-1 letters and references', '\u00e9&lt;', inValue),
  {
    ...texts('Values in Shift_JIS that are not valid', '\u0081&lt;', inValue),
    contentType: 'text/xml; charset=shift_jis',
  },
  { ...texts('Values in GB18030 that are not valid', '\u0081&lt;', inValue), contentType: 'text/xml; charset=gb18030' },
  {
    ...texts('Values in a charset that is not known', '\u00e9&lt;', inValue),
    contentType: `text/xml; charset=${'x'.repeat(8_000)}`,
  },
  texts('Values of valid UTF-8 and references', '\u00c3\u00a9&lt;', inValue),
  texts('Names of numeric references', '&#32;', inName),
  texts('Names of CDATA sections', '<![CDATA[a]]>', inName),
  texts('Names of comments', '<!---->', inName),
  texts('Names of line ends', '\r\n&#10;', inName),
  texts('Values of blanks', ' ', inValue),
  units('near misses of the name', 'ConnectionRequestUR '),
  units('near misses of its end', 'URL '),
  units('number signs', '&#'),
  units('references that are no letters', '&#1;'),
  units('references without an end', '&#x11111111111111111'),
  units('exclamation marks', 'R<!-- -->'),
  units('bare exclamation marks', '!'),
  units('question marks', '?'),
  units('instructions', '<?a?>'),
  units('empty CDATA sections', '<![CDATA[]]>'),
  units('empty comments', '<!---->'),
  { name: 'a comment that does not end', fill: (size) => `<!--${repeated('--', size)}` },
  { name: 'a CDATA section that does not end', fill: (size) => `<![CDATA[${repeated(']]', size)}` },
  units('stray less-than signs', '< '),
  units('less-than signs side by side', '<'),
  units('empty elements', '<a/>'),
  units('elements with nothing', '<a></a>'),
  units('elements that are never closed', '<a>'),
  {
    name: 'end tags that close nothing',
    fill: (size) => openNames.map((name) => `<${name}>`).join('') + repeated('</m000>', size),
  },
  {
    name: 'end tags that close all',
    fill: (size) => repeated(`${openNames.map((name) => `<${name}>`).join('')}</n000>`, size),
  },
  texts('attributes', ' b="c"', (text) => `<a${text}/>`),
  texts('attributes without values', ' b', (text) => `<a${text}/>`),
  texts('greater-than signs in an attribute', '>', (text) => `<a b="${text}"/>`),
  texts('less-than signs in an attribute', '<a ', (text) => `<a b="${text}"/>`),
  texts('blanks in a tag', ' ', (text) => `<a${text}b/>`),
  texts('quotes that do not end', ' b=\'"', (text) => `<a${text}>`, 4_000),
  texts('a long name', 'a', (text) => `<${text}></${text}>`, 8_000),
  texts('a name of Latin-1 letters', '\u00e9', (text) => `<${text}></${text}>`, 8_000),
  units('short names of Latin-1 letters', '<\u00e9></\u00e9>'),
  texts('elements in an element that ends otherwise', '<b/>', (text) => `<a>${text}<![CDATA[]]></a>`, 8_000),
  texts('elements with text in one that does not end', '<b>x</b>', (text) => `<a>${text}`, 1_000),
  texts('elements two deep', '<b><c>x</c></b>', (text) => `<a>${text}</a>`, 8_000),
  units('end tags that do not end', '</a'),
  units('prefixes', '<a:b:c:d:e/>'),
];

function bodyOf({ fill }: Filling, size: number): Buffer {
  const head =
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><cwmp:Inform><ParameterList>';
  return Buffer.from(`${head}${fill(size - head.length - urlStruct.length)}${urlStruct}`, 'latin1');
}

type Way = (filling: Filling) => StallCase;

/** A body in memory as it comes at most by default. */
const asHeld: Way = (filling) => ({
  room: 'held',
  name: filling.name,
  sizes: [16_384, 32_768, 65_536],
  make(size) {
    const body = bodyOf(filling, size);
    return {
      length: body.length,
      run: () => rewriteEncodedMessage(body, { rewriteUrl, contentType: filling.contentType }),
    };
  },
});

/** A body in memory with `limits.maxHeldBytes` raised. */
const asLong: Way = (filling) => ({
  ...asHeld(filling),
  room: 'held, long',
  sizes: [1 << 20, 1 << 21, 1 << 22],
});

function coded(room: string, contentEncoding: string, encode: (bytes: Buffer) => Buffer): Way {
  return (filling) => ({
    room,
    name: filling.name,
    sizes: [1_500_000, 3_000_000, 6_000_000],
    make(size) {
      const plain = bodyOf(filling, size);
      const body = encode(plain);
      const options: EncodedRewriteOptions = {
        rewriteUrl,
        contentEncoding,
        contentType: filling.contentType,
        maxRatio: 100_000,
      };
      return { length: plain.length, run: () => rewriteEncodedMessage(body, options) };
    },
  });
}

/** One long chunk of a stream. */
const asChunk: Way = (filling) => ({
  ...asLong(filling),
  room: 'chunk',
  make(size) {
    const body = bodyOf(filling, size);
    return {
      length: body.length,
      run: () =>
        pipeline(
          Readable.from([body]),
          new InformRewriter({ rewriteUrl, contentType: filling.contentType }),
          new Writable({ write: (_chunk, _encoding, done) => done() }),
        ),
    };
  },
});

/** The same in chunks of a byte; the time in between is the socket's. */
const asBytes: Way = (filling) => ({
  ...asHeld(filling),
  room: 'byte by byte',
  make(size) {
    const body = bodyOf(filling, size);
    const bytes = Array.from(body, (_, at) => body.subarray(at, at + 1));
    return {
      length: body.length,
      async run() {
        const rewriter = new MessageRewriter({ rewriteUrl, contentType: filling.contentType });
        for (const [at, byte] of bytes.entries()) {
          rewriter.push(byte);
          if (at % 64 === 0) {
            await new Promise((resolve) => {
              setImmediate(resolve);
            });
          }
        }
        return rewriter.end();
      },
    };
  },
});

/** All facts of a message, which are read at once. */
function factsCase(name: string, fill: (size: number) => string, contentType?: string): StallCase {
  return {
    room: 'facts',
    name,
    sizes: [16_384, 32_768, 65_536],
    make(size) {
      const body = Buffer.from(fill(size), 'latin1');
      return {
        length: body.length,
        run() {
          const { message } = rewriteMessage(body, { rewriteUrl, contentType });
          return [message.isInform, message.sessionTimeout, JSON.stringify(message)];
        },
      };
    },
  };
}

const inform = (text: string): string => `<Envelope><Body><Inform>${text}`;
const shiftJis = 'text/xml; charset=shift_jis';
const factsCases: StallCase[] = [
  factsCase('events', (size) =>
    inform(`<Event>${repeated('<EventStruct><EventCode>1</EventCode></EventStruct>', size)}`),
  ),
  factsCase('events of Latin-1 letters and references', (size) =>
    inform(`<Event>${repeated(`<EventStruct><EventCode>${'\u00e9&lt;'.repeat(200)}</EventCode></EventStruct>`, size)}`),
  ),
  factsCase(
    'events that are not valid in their charset',
    (size) =>
      inform(
        `<Event>${repeated(`<EventStruct><EventCode>${'\u0081&lt;'.repeat(200)}</EventCode></EventStruct>`, size)}`,
      ),
    shiftJis,
  ),
  factsCase('parts of the DeviceId', (size) => inform(`<DeviceId>${repeated('<OUI>001122</OUI>', size)}`)),
  factsCase('parts of the DeviceId of letters and references', (size) =>
    inform(`<DeviceId>${repeated(`<OUI>${'\u00e9&lt;'.repeat(1_000)}</OUI>`, size)}`),
  ),
  factsCase('elements before the message', (size) => repeated('<SessionTimeout/>', size)),
  factsCase('headers', (size) => `<Envelope><Header>${repeated('<ID>1</ID><SessionTimeout>1</SessionTimeout>', size)}`),
  factsCase('namespaces', (size) => repeated(`<a${' xmlns:b="urn:dslforum-org:cwmp-1-0-"'.repeat(300)}/>`, size)),
  factsCase('namespaces that are none', (size) => repeated(`<a${' xmlns'.repeat(2_500)}/>`, size)),
  factsCase('blanks around a namespace', (size) => repeated(`<a xmlns="${':cwmp-1'.repeat(2_000)}"/>`, size)),
  factsCase('a Fault of empty elements', (size) => `<Envelope><Body><Fault><detail>${repeated('<Fault/>', size)}`),
  factsCase('a deep Fault', (size) => `<Envelope><Body><Fault>${'<a>'.repeat(240)}${repeated('<b/>', size)}`),
  factsCase(
    'end tags that close nothing',
    (size) => `<Envelope><Body><Inform>${openNames.map((name) => `<${name}>`).join('')}${repeated('</m000>', size)}`,
  ),
  factsCase('names of Latin-1 letters', (size) => inform(repeated('<\u00e9></\u00e9>', size))),
  factsCase(
    'a declaration of blanks',
    (size) => `<?xml ${' encoding'.repeat(50)}?>${inform(repeated('<DeviceId><OUI>\u00e9</OUI></DeviceId>', size))}`,
  ),
];

/** Those that are read in every way; the others differ from them in the scanner alone. */
const everyWay = new Set([
  'structs with a URL each',
  'structs as CPEs write them',
  'Names of Latin-1 letters and references',
  'Values of Latin-1 letters and references',
  'references that are no letters',
  'greater-than signs in an attribute',
  'short names of Latin-1 letters',
  'end tags that close nothing',
  'bare exclamation marks',
]);
const some = fillings.filter(({ name }) => everyWay.has(name));

/** Bodies with `limits.maxHeldBytes` raised much. With more than this, pauses of V8's collector are what is measured. */
const longest: StallCase[] = some.slice(0, 2).map((filling) => ({
  ...asHeld(filling),
  room: 'held, longest',
  sizes: [1 << 22, 1 << 23, 1 << 24],
}));

export const soapCases: readonly StallCase[] = [
  ...fillings.map(asHeld),
  ...some.map(asLong),
  ...fillings.map(coded('gzip', 'gzip', (bytes) => zlib.gzipSync(bytes))),
  ...some.map(coded('deflate', 'deflate', (bytes) => zlib.deflateRawSync(bytes))),
  ...some.map(
    coded('br', 'br', (bytes) =>
      zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }),
    ),
  ),
  ...some.map(asChunk),
  ...some.map(asBytes),
  ...factsCases,
  ...longest,
];
