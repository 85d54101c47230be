/** A body that goes on: what begins it, what is repeated (by its index, where that matters), and what ends it. */
export interface EndlessBody {
  name: string;
  start: string;
  repeat: string | ((index: number) => string);
  end: string;
  /** Whether the URL struct at its end is still found. */
  findsUrl: boolean;
}

const struct = (name: string, value: string): string =>
  `<ParameterValueStruct><Name>${name}</Name><Value>${value}</Value></ParameterValueStruct>`;
const urlName = 'Device.ManagementServer.ConnectionRequestURL';
const urlStruct = struct(urlName, 'http://192.0.2.1/');
const start = '<Envelope><Body><GetParameterValuesResponse><ParameterList>';
const end = `${urlStruct}</ParameterList></GetParameterValuesResponse></Body></Envelope>`;
const text = 'x'.repeat(4096);

/** One body of each kind that a peer could fill memory with. */
export const endlessBodies: readonly EndlessBody[] = [
  {
    name: 'one value',
    start: `${start}<ParameterValueStruct><Name>A</Name><Value>`,
    repeat: text,
    end: `</Value></ParameterValueStruct>${end}`,
    findsUrl: true,
  },
  {
    name: 'one value of the URL',
    start: `${start}<ParameterValueStruct><Name>${urlName}</Name><Value>http://`,
    repeat: text,
    end: `</Value></ParameterValueStruct>${end}`,
    findsUrl: true,
  },
  {
    name: 'one value before its name',
    start: `${start}<ParameterValueStruct><Value>http://`,
    repeat: text,
    end: `</Value><Name>A</Name></ParameterValueStruct>${end}`,
    findsUrl: true,
  },
  {
    name: 'one name',
    start: `${start}<ParameterValueStruct><Name>`,
    repeat: text,
    end: `</Name></ParameterValueStruct>${end}`,
    findsUrl: true,
  },
  { name: 'one comment', start: `${start}<!--`, repeat: text, end: `-->${end}`, findsUrl: true },
  {
    name: 'one comment of dashes',
    start: `${start}<!--`,
    repeat: '- --'.repeat(1024),
    end: `-->${end}`,
    findsUrl: true,
  },
  { name: 'one CDATA section', start: `${start}<![CDATA[`, repeat: `${text}]]`, end: `]]>${end}`, findsUrl: true },
  { name: 'one instruction', start: `${start}<?x `, repeat: text, end: `?>${end}`, findsUrl: true },
  { name: 'one attribute', start: `${start}<a b="`, repeat: text, end: `"/>${end}`, findsUrl: false },
  {
    name: 'one attribute of angle brackets',
    start: `${start}<a b="`,
    repeat: '>'.repeat(4096),
    end: `"/>${end}`,
    findsUrl: false,
  },
  {
    name: 'attributes of one tag',
    start: `${start}<a`,
    repeat: (index) => ` b${index}="c"`.repeat(300),
    end: `/>${end}`,
    findsUrl: false,
  },
  { name: 'one element name', start: `${start}<`, repeat: text, end: `/>${end}`, findsUrl: false },
  { name: 'one end tag', start: `${start}</`, repeat: text, end: `>${end}`, findsUrl: false },
  {
    name: 'one document type',
    start: '<!DOCTYPE e [',
    repeat: '<!ENTITY a "b">'.repeat(300),
    end: `]>${start}${end}`,
    findsUrl: false,
  },
  { name: 'parameters', start, repeat: (index) => struct(`Device.X.${index}.Y`, '1').repeat(40), end, findsUrl: true },
  { name: 'parameters with CDATA', start, repeat: struct('Device.X', '<![CDATA[1]]>').repeat(40), end, findsUrl: true },
  { name: 'URLs', start, repeat: urlStruct.repeat(40), end, findsUrl: true },
  { name: 'nesting', start, repeat: '<a>'.repeat(1024), end, findsUrl: false },
  { name: 'unclosed structs', start, repeat: '<ParameterValueStruct><Name>A</Name>'.repeat(100), end, findsUrl: false },
  { name: 'elements', start, repeat: (index) => `<a${index}></a${index}>`.repeat(300), end, findsUrl: true },
  { name: 'end tags of nothing', start, repeat: '</x>'.repeat(1024), end, findsUrl: true },
  { name: 'angle brackets', start, repeat: '<'.repeat(4096), end: ` ${end}`, findsUrl: true },
  { name: 'ampersands', start, repeat: '&'.repeat(4096), end, findsUrl: true },
  { name: 'references', start, repeat: '&#67;'.repeat(800), end, findsUrl: true },
  { name: 'control characters', start, repeat: '\u0001\r'.repeat(2048), end, findsUrl: true },
  {
    name: 'document elements',
    start: '',
    repeat: '<a/><Envelope><Body/></Envelope>'.repeat(100),
    end: start + end,
    findsUrl: true,
  },
  {
    name: 'messages in one body',
    start: '<Envelope><Body>',
    repeat: '<Inform><Event><EventStruct><EventCode>1 BOOT</EventCode></EventStruct></Event></Inform>'.repeat(40),
    end: start + end,
    findsUrl: false,
  },
];

/** The body in chunks of about 64 KB, about `bytes` in all. */
export function* chunksOf(body: EndlessBody, bytes: number): Generator<Buffer> {
  yield Buffer.from(body.start, 'latin1');
  let index = 0;
  for (let sent = 0; sent < bytes;) {
    let chunk = '';
    while (chunk.length < 65_536) {
      chunk += typeof body.repeat === 'string' ? body.repeat : body.repeat(index);
      index += 1;
    }
    sent += chunk.length;
    yield Buffer.from(chunk, 'latin1');
  }
  yield Buffer.from(body.end, 'latin1');
}
