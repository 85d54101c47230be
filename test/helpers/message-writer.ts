import type { Random } from './random.js';

const urlNames = [
  'InternetGatewayDevice.ManagementServer.ConnectionRequestURL',
  'Device.ManagementServer.ConnectionRequestURL',
] as const;
const otherNames = [
  'Device.DeviceInfo.SoftwareVersion',
  'InternetGatewayDevice.DeviceInfo.HardwareVersion',
  'Device.ManagementServer.ConnectionRequestURLs',
  'Device.ManagementServer.connectionRequestURL',
  'XDevice.ManagementServer.ConnectionRequestURL',
  'Device.ManagementServer.ConnectionRequestURL.1',
  'Device.ManagementServer.InformParameter.1.ParameterName',
  'Device.ManagementServer.UDPConnectionRequestAddress',
  '',
] as const;
const urls = [
  'http://192.0.2.1:7547/',
  'http://198.51.100.7:30005/78DF621F?a=1&b=2',
  'https://cpe.example/wsdl',
  'http://[2001:db8::1ff]:30005/x;y',
  "http://h/'q'",
  'HTTP://192.0.2.9/<tag>',
  'http://own.example/client?origin=1',
] as const;
const noUrls = [
  '',
  ' ',
  '/path',
  'ftp://h/',
  'http://',
  'http:///x',
  'http://a b/',
  '192.0.2.1:7547',
  'http://h/\u0007',
] as const;
const texts = [
  '1.0',
  '',
  'a & b',
  'x < y',
  '\u00e9\u00fc',
  '\u0001\u0002',
  'A&#10;B',
  '&#x4e2d;',
  '\u4e2d\u6587',
  ']]&gt;',
  '!?',
  '&nbsp;',
] as const;
const methods = [
  'Inform',
  'Inform',
  'Inform',
  'GetParameterValuesResponse',
  'GetParameterValuesResponse',
  'GetParameterNamesResponse',
  'SetParameterValues',
  'Fault',
  'TransferComplete',
] as const;
const blanks = ['', '', '', ' ', '\n  ', '\r\n\t', '&#10;', '&#x20;'] as const;

/** What stands between elements where it should not, or is easily misread. */
const noise = [
  '<!-- Device.ManagementServer.ConnectionRequestURL -->',
  '<!-- <ParameterValueStruct><Name>Device.ManagementServer.ConnectionRequestURL</Name><Value>http://h/</Value></ParameterValueStruct> -->',
  '<![CDATA[<Name>Device.ManagementServer.ConnectionRequestURL</Name>]]>',
  '<?pi <Value> ?>',
  '</stray>',
  '</ >',
  '<unclosed>',
  '<empty a="/>"/>',
  'a & b',
  '1 < 2',
  '&amp;',
  '\u0001',
  '<!BOGUS>',
  '<!DOCTYPE x>',
  '<!-->-->',
  ']]>',
  '>',
] as const;

/** Writes messages of the kinds that CPEs send, with everything in them that has been seen to go wrong. */
export class MessageWriter {
  readonly #random: Random;
  readonly #prefix: string;
  readonly #soap: string;
  readonly #newline: string;

  constructor(random: Random) {
    this.#random = random;
    this.#prefix = random.pick(['cwmp:', 'cwmp:', '', 'ns1:', '\u00e9:']);
    this.#soap = random.pick(['soap:', 'SOAP-ENV:', 'soap_env:', '']);
    this.#newline = random.pick(['', '\n', '\r\n', '\n   ']);
  }

  /** One document element. */
  document(): string {
    const random = this.#random;
    if (random.once(25)) return this.#struct();
    if (random.once(25)) return this.#message();
    const soap = this.#soap;
    const attributes = this.#attributes([
      ['xmlns:soap', 'http://schemas.xmlsoap.org/soap/envelope/'],
      ['xmlns:cwmp', random.pick(['urn:dslforum-org:cwmp-1-0', 'urn:dslforum-org:cwmp-1-2', 'urn:x'])],
    ]);
    const header = random.once(4) ? '' : this.#element(`${soap}Header`, this.#header());
    return this.#lines([
      `<${soap}Envelope${attributes}>`,
      header,
      this.#element(`${soap}Body`, this.#message() + (random.once(20) ? this.#message() : '')),
      random.once(30) ? '' : `</${soap}Envelope>`,
    ]);
  }

  #lines(parts: string[]): string {
    const lines: string[] = [];
    for (const part of parts) {
      lines.push(part);
      if (this.#random.once(40)) lines.push(this.#random.pick(noise));
    }
    return lines.join(this.#newline);
  }

  #attributes(pairs: [string, string][]): string {
    const quote = this.#random.pick(['"', "'"]);
    return pairs
      .map(
        ([name, value]) =>
          `${this.#random.pick([' ', '  ', '\n '])}${name}${this.#random.pick(['=', ' = '])}${quote}${value}${quote}`,
      )
      .join('');
  }

  #element(name: string, content: string, attributes = ''): string {
    const random = this.#random;
    if (content === '' && random.once(3)) return `<${name}${attributes}${random.pick(['', ' '])}/>`;
    if (random.once(150)) return `<${name}${attributes}>${content}`;
    const end = random.once(60)
      ? random.pick([`</ ${name}="${name}">`, `</${name} >`, `</${name} x>`, '</ >'])
      : `</${name}>`;
    return `<${name}${attributes}>${content}${end}`;
  }

  #header(): string {
    const random = this.#random;
    return this.#lines([
      this.#element(
        `${this.#prefix}ID`,
        random.pick(['1', ' abc ', 'a&amp;b', '']),
        this.#attributes([['mustUnderstand', '1']]),
      ),
      random.once(3) ? this.#element(`${this.#prefix}SessionTimeout`, random.pick(['30', 'x', ' 60 '])) : '',
      random.once(10) ? this.#element('Body', 'no body') : '',
    ]);
  }

  #message(): string {
    const random = this.#random;
    const method = random.pick(methods);
    const name = `${this.#prefix}${method}`;
    const list = this.#list(method);
    if (method === 'Inform') {
      return this.#element(
        name,
        this.#lines([
          this.#deviceId(),
          this.#events(),
          this.#element('MaxEnvelopes', '1'),
          this.#element('CurrentTime', random.pick(texts)),
          this.#element('RetryCount', random.pick(['0', ' 3 ', 'x'])),
          list,
        ]),
      );
    }
    if (method === 'Fault') {
      const fault = this.#element(
        `${this.#prefix}Fault`,
        this.#lines([
          this.#element('FaultCode', '9005'),
          this.#element('FaultString', 'x'),
          this.#element('SetParameterValuesFault', this.#element('ParameterName', urlNames[1])),
        ]),
      );
      return this.#element(
        `${this.#soap}Fault`,
        this.#lines([this.#element('faultcode', 'Client'), this.#element('detail', fault)]),
      );
    }
    return this.#element(name, list);
  }

  #deviceId(): string {
    return this.#element(
      'DeviceId',
      this.#lines(
        ['Manufacturer', 'OUI', 'ProductClass', 'SerialNumber'].map((name) =>
          this.#element(name, this.#padded(this.#dressed(this.#random.pick(texts)))),
        ),
      ),
    );
  }

  #events(): string {
    const count = this.#random.int(3);
    const structs = Array.from({ length: count }, () =>
      this.#element(
        'EventStruct',
        this.#element('EventCode', this.#random.pick(['0 BOOTSTRAP', '6 CONNECTION REQUEST', ' 4 VALUE CHANGE '])) +
          this.#element('CommandKey', ''),
      ),
    );
    return this.#element(
      'Event',
      this.#lines(structs),
      this.#attributes([['soap-enc:arrayType', 'cwmp:EventStruct[07]']]),
    );
  }

  #list(method: string): string {
    const random = this.#random;
    const structs = Array.from({ length: random.int(5) }, () => {
      if (method !== 'GetParameterNamesResponse') return this.#struct();
      return this.#element(
        'ParameterInfoStruct',
        this.#element('Name', random.pick(urlNames)) + this.#element('Writable', '0'),
      );
    });
    return this.#element(
      'ParameterList',
      this.#lines(structs),
      this.#attributes([['soap-enc:arrayType', `cwmp:ParameterValueStruct[0${random.int(3)}]`]]),
    );
  }

  #struct(): string {
    const random = this.#random;
    const isUrl = random.once(2);
    const parameter = isUrl ? random.pick(urlNames) : random.pick(otherNames);
    const name = this.#element('Name', this.#padded(random.once(4) ? this.#dressed(parameter) : parameter));
    let content: string;
    if (random.once(6)) content = random.pick([...noUrls, ...texts]);
    else if (random.once(8)) content = random.pick(urlNames);
    else content = this.#dressed(random.pick(urls));
    if (random.once(60)) content = `<x>${content}</x>`;
    if (random.once(80)) content = `<![CDATA[${this.#blank()}${random.pick(urls)} ]]>`;
    const value = this.#element(
      'Value',
      this.#padded(content),
      random.once(5) ? '' : this.#attributes([['xsi:type', random.pick(['xsd:string', 'a>b', 'a&b'])]]),
    );
    let parts = [name, value];
    if (random.once(12)) parts = [value, name];
    if (random.once(40)) parts = [name];
    if (random.once(40)) parts.push(random.pick([name, value, this.#element('Extension', name + value)]));
    if (random.once(80)) parts.splice(1, 0, this.#struct());
    return this.#element('ParameterValueStruct', this.#lines(parts));
  }

  #blank(): string {
    return this.#random.pick(['', ' ', '\n']);
  }

  #padded(content: string): string {
    return this.#random.once(3) ? this.#random.pick(blanks) + content + this.#random.pick(blanks) : content;
  }

  /** The same text in another lexical dress. */
  #dressed(text: string): string {
    const random = this.#random;
    const plain =
      text.includes('&#') || text.includes(' & ')
        ? text
        : text.replaceAll('&', random.pick(['&amp;', '&#38;', '&'])).replaceAll('<', '&lt;');
    if (random.once(2)) return plain;
    let dressed = '';
    let inCdata = false;
    for (const character of text) {
      if (!inCdata && random.once(12)) dressed += random.pick(['<!-- c -->', '<?p q?>', '<![CDATA[]]>', '<!---->']);
      if (!inCdata && random.once(20)) {
        dressed += '<![CDATA[';
        inCdata = true;
      } else if (inCdata && random.once(6)) {
        dressed += ']]>';
        inCdata = false;
      }
      const code = character.codePointAt(0) ?? 0;
      if (inCdata) dressed += character;
      else if (random.once(12))
        dressed += random.pick([`&#${code};`, `&#x${code.toString(16)};`, `&#x00${code.toString(16).toUpperCase()};`]);
      else if (character === '&') dressed += '&amp;';
      else if (character === '<') dressed += '&lt;';
      else dressed += character;
    }
    return inCdata ? `${dressed}]]>` : dressed;
  }
}
