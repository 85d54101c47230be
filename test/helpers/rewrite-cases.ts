import type { CwmpMessage } from '@cwmp-proxy/core';

/** A message and what is to become of it. */
export interface Case {
  name: string;
  /** The message, with the value that is to be replaced between ⟦ and ⟧. */
  xml: string;
  /** The URL that is found; undefined where none is. */
  url?: string;
  /** The white space that is put around the new text. */
  around?: [string, string];
  outcome?: CwmpMessage['outcome'];
  reason?: CwmpMessage['reason'];
  contentType?: string;
}

/** The newer name of the ConnectionRequestURL. */
export const urlName = 'Device.ManagementServer.ConnectionRequestURL';
/** A plain URL. */
export const url = 'http://192.0.2.7:7547/a';

/** An Inform in an envelope. */
export function inform(structs: string): string {
  return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:c="urn:dslforum-org:cwmp-1-2"><s:Body><c:Inform><ParameterList>${structs}</ParameterList></c:Inform></s:Body></s:Envelope>`;
}

/** A message in an envelope without prefixes. */
export function body(content: string): string {
  return `<Envelope><Body>${content}</Body></Envelope>`;
}

/** A ParameterValueStruct. */
export function struct(name: string, value: string): string {
  return `<ParameterValueStruct><Name>${name}</Name><Value xsi:type="xsd:string">${value}</Value></ParameterValueStruct>`;
}

/** An Inform whose ConnectionRequestURL has this raw value. */
export function withValue(value: string): string {
  return inform(struct(urlName, value));
}

/** Messages whose URL is replaced. */
export const found: Case[] = [
  { name: 'in an Inform', xml: withValue(`⟦${url}⟧`), url },
  { name: 'under the older root', xml: inform(struct(`InternetGateway${urlName}`, `⟦${url}⟧`)), url },
  {
    name: 'in a GetParameterValuesResponse',
    xml: body(`<x:GetParameterValuesResponse>${struct(urlName, `⟦${url}⟧`)}</x:GetParameterValuesResponse>`),
    url,
  },
  { name: 'in a bare Inform', xml: `<cwmp:Inform>${struct(urlName, `⟦${url}⟧`)}</cwmp:Inform>`, url },
  { name: 'in a bare struct', xml: struct(urlName, `⟦${url}⟧`), url },
  {
    name: 'with a default namespace and no prefix',
    xml: body(`<Inform xmlns="urn:dslforum-org:cwmp-1-0">${struct(urlName, `⟦${url}⟧`)}</Inform>`),
    url,
  },
  { name: 'with white space around it', xml: withValue(` \r\n\t⟦${url}⟧\n `), url },
  { name: 'with white space around the name', xml: inform(struct(`\n  ${urlName}\r\n`, `⟦${url}⟧`)), url },
  { name: 'with white space as references', xml: withValue(`&#10;⟦${url}⟧&#x20;`), url },
  {
    name: 'with named references',
    xml: withValue('⟦http://h/?a=1&amp;b=&lt;&gt;&quot;&apos;⟧'),
    url: `http://h/?a=1&b=<>"'`,
  },
  { name: 'with numeric references', xml: withValue('⟦&#104;ttp&#x3a;//h/&#x2F;&#x0000000041;⟧'), url: 'http://h//A' },
  { name: 'with a stray ampersand', xml: withValue('⟦http://h/?a=1&b=2⟧'), url: 'http://h/?a=1&b=2' },
  { name: 'as CDATA', xml: withValue('⟦<![CDATA[http://h/?a&b]]>⟧'), url: 'http://h/?a&b' },
  {
    name: 'as CDATA with white space in it',
    xml: withValue(' ⟦<![CDATA[ \nhttp://h/ ]]>⟧\n'),
    url: 'http://h/',
    around: [' \n', ' '],
  },
  { name: 'partly as CDATA', xml: withValue('⟦http://<![CDATA[h]]>/x⟧'), url: 'http://h/x' },
  {
    name: 'split by comments and instructions',
    xml: withValue('<!-- a -->⟦http<!-- > -->://h<?x > ?>/⟧<!-- b -->'),
    url: 'http://h/',
  },
  {
    name: 'with a name split by all of them',
    xml: inform(struct('De<!-- x -->vice.<![CDATA[ManagementServer]]>&#46;Connection<?y?>RequestU&#x52;L', `⟦${url}⟧`)),
    url,
  },
  {
    name: 'before its name',
    xml: inform(`<ParameterValueStruct><Value>⟦${url}⟧</Value><Name>${urlName}</Name></ParameterValueStruct>`),
    url,
  },
  {
    name: 'with single quotes and an angle bracket in an attribute',
    xml: withValue(`⟦${url}⟧`).replace('"xsd:string"', `'a>b'`),
    url,
  },
  { name: 'as an IPv6 literal', xml: withValue('⟦http://[2001:db8::1]:7547/⟧'), url: 'http://[2001:db8::1]:7547/' },
  {
    name: 'after a byte order mark and a declaration',
    xml: `\u00ef\u00bb\u00bf<?xml version="1.0"?>${withValue(`⟦${url}⟧`)}`,
    url,
  },
  { name: 'after a line feed before the declaration', xml: `\n<?xml version="1.0"?>${withValue(`⟦${url}⟧`)}`, url },
  { name: 'in a second document element', xml: body('<c:TransferComplete/>') + withValue(`⟦${url}⟧`), url },
  {
    name: 'beside control characters and stray markup',
    xml: inform(`\u0000 1 < 2 & 3 ]]> > ${struct('A', '\u0001<b')}</x>${struct(urlName, `⟦${url}⟧`)}`).replace(
      '<b<',
      '<b><',
    ),
    url,
  },
  {
    name: 'beside an HTML fragment in another value',
    xml: inform(struct('A', 'one<br>two</i>') + struct(urlName, `⟦${url}⟧`)),
    url,
  },
  {
    name: 'after broken end tags',
    xml: inform(
      `<ParameterValueStruct><Name>A</Name><Value>1</ Value="Value"></ ParameterValueStruct="ParameterValueStruct">${struct(urlName, `⟦${url}⟧`)}`,
    ),
    url,
  },
  {
    name: 'without its end tag',
    xml: inform(`<ParameterValueStruct><Name>${urlName}</Name><Value>⟦${url}⟧</ParameterValueStruct>`),
    url,
  },
  {
    name: 'after a comment that holds a struct',
    xml: inform(`<!-- ${struct(urlName, 'http://no/')} -->${struct(urlName, `⟦${url}⟧`)}`),
    url,
  },
  { name: 'in UTF-8 by default', xml: withValue('⟦http://h/\u00c3\u00a9⟧'), url: 'http://h/é' },
  {
    name: 'in the charset of the Content-Type',
    xml: `<?xml version="1.0" encoding="UTF-8"?>${withValue('⟦http://h/\u00e9⟧')}`,
    url: 'http://h/é',
    contentType: 'text/xml; charset="ISO-8859-1"',
  },
  {
    name: 'in the charset of the declaration',
    xml: `<?xml version='1.0' encoding='GBK'?>${withValue('⟦http://h/\u00d6\u00d0⟧')}`,
    url: 'http://h/中',
  },
  ...[
    'Connection&#82;equestURL',
    'ConnectionRe<!-- x -->questURL',
    'Conn<?x?>ectionRequestURL',
    'Connection<![CDATA[Request]]>URL',
    '<![CDATA[Connection]]><![CDATA[RequestURL]]>',
    'ConnectionRequestUR&#x000000000000000000004c;',
  ].map((last) => ({
    name: `with a name that is broken up in one place only: ${last}`,
    xml: inform(struct(`Device.ManagementServer.${last}`, `⟦${url}⟧`)),
    url,
  })),
  {
    name: 'after elements as deep as can be followed',
    xml: `<Body><Inform>${'<a>'.repeat(252)}${struct('A', '1')}${'</a>'.repeat(252)}${struct(urlName, `⟦${url}⟧`)}</Inform></Body>`,
    url,
  },
];

/** Messages that leave as they came. */
export const left: Case[] = [
  { name: 'an empty body', xml: '', outcome: 'none' },
  { name: 'a body that is no XML', xml: 'ConnectionRequestURL http://h/', outcome: 'none' },
  {
    name: 'the name in a GetParameterNamesResponse',
    xml: body(
      `<GetParameterNamesResponse><ParameterList><ParameterInfoStruct><Name>${urlName}</Name><Value>${url}</Value></ParameterInfoStruct></ParameterList></GetParameterNamesResponse>`,
    ),
    outcome: 'none',
  },
  {
    name: 'a struct in a SetParameterValues',
    xml: body(`<c:SetParameterValues>${struct(urlName, url)}</c:SetParameterValues>`),
    outcome: 'none',
  },
  {
    name: 'the name in a fault',
    xml: body(
      `<Fault><detail><c:Fault><SetParameterValuesFault><ParameterName>${urlName}</ParameterName></SetParameterValuesFault></c:Fault></detail></Fault>`,
    ),
    outcome: 'none',
  },
  {
    name: 'the name as a value',
    xml: inform(struct('Device.ManagementServer.InformParameter.1.ParameterName', urlName)),
    outcome: 'none',
  },
  { name: 'a longer name', xml: inform(struct(`${urlName}s`, url) + struct(`X${urlName}`, url)), outcome: 'none' },
  { name: 'a name in another case', xml: inform(struct(urlName.toLowerCase(), url)), outcome: 'none' },
  {
    name: 'the name of another element',
    xml: inform(
      `<ParameterValueStruct><Other><Name>${urlName}</Name></Other><Name>A</Name><Value>${url}</Value></ParameterValueStruct>`,
    ),
    outcome: 'none',
  },
  {
    name: 'the value of another element',
    xml: inform(
      `<ParameterValueStruct><Name>A</Name><x><Name>${urlName}</Name><Value>${url}</Value></x></ParameterValueStruct>`,
    ),
    outcome: 'none',
  },
  { name: 'a struct in a comment', xml: inform(`<!--${struct(urlName, url)}-->`), outcome: 'none' },
  { name: 'a struct in CDATA', xml: inform(struct('A', `<![CDATA[${struct(urlName, url)}]]>`)), outcome: 'none' },
  { name: 'a struct in an attribute', xml: inform(`<a b='${struct(urlName, url)}'/>`), outcome: 'none' },
  {
    name: 'a struct in the header',
    xml: `<Envelope><Header>${struct(urlName, url)}</Header></Envelope>`,
    outcome: 'none',
  },
  { name: 'an empty value', xml: withValue(''), url: '', reason: 'empty' },
  { name: 'a blank value', xml: withValue(' &#10;<!-- x --><![CDATA[ ]]>'), url: '', reason: 'empty' },
  { name: 'a value that closes itself', xml: withValue('').replace('></Value>', '/>'), url: '', reason: 'empty' },
  {
    name: 'a missing value',
    xml: inform(`<ParameterValueStruct><Name>${urlName}</Name></ParameterValueStruct>`),
    url: '',
    reason: 'empty',
  },
  { name: 'a relative URL', xml: withValue('/path'), url: '/path', reason: 'not-a-url' },
  { name: 'another scheme', xml: withValue('ftp://h/'), url: 'ftp://h/', reason: 'not-a-url' },
  { name: 'a URL with a space in it', xml: withValue('http://a b/'), url: 'http://a b/', reason: 'not-a-url' },
  { name: 'a value with an element in it', xml: withValue('<b>http://h/</b>'), url: '', reason: 'not-a-url' },
  { name: 'a URL of this proxy', xml: withValue('http://own.example/x'), url: 'http://own.example/x', reason: 'kept' },
  { name: 'a value that is too long', xml: withValue(`http://h/${'x'.repeat(16_384)}`), url: '', reason: 'too-long' },
  {
    name: 'what follows elements deeper than can be followed',
    xml: `<Body><Inform>${'<a>'.repeat(253)}${struct('A', '1')}${'</a>'.repeat(253)}${struct(urlName, url)}</Inform></Body>`,
    reason: 'structure',
  },
  {
    name: 'a value too far before its name',
    xml: inform(
      `<ParameterValueStruct><Value>${url}</Value><!--${'x'.repeat(33_000)}--><Name>${urlName}</Name></ParameterValueStruct>`,
    ),
    url: '',
    reason: 'too-long',
  },
  {
    name: 'a message with a document type',
    xml: `<!DOCTYPE e [<!ENTITY u "http://h/">]>${withValue('&u;')}`,
    reason: 'doctype',
  },
  {
    name: 'a document type without a URL',
    xml: `<?xml version="1.0"?>\n<!DOCTYPE e>${body('<Inform/>')}`,
    reason: 'doctype',
  },
  { name: 'UTF-16 with its mark', xml: `\u00ff\u00fe${withValue(url).split('').join('\0')}\0`, reason: 'utf-16' },
  { name: 'UTF-16 without its mark', xml: `\0${withValue(url).split('').join('\0')}`, reason: 'utf-16' },
  {
    name: 'what follows a declaration that is none',
    xml: inform(`<!BOGUS>${struct(urlName, url)}`),
    reason: 'structure',
  },
  {
    name: 'what follows a late document type',
    xml: withValue('1') + `<!DOCTYPE e>${withValue(url)}`,
    url: '1',
    reason: 'not-a-url',
  },
  { name: 'a declaration that is none with nothing after it', xml: `${inform('')}<!BOGUS>`, outcome: 'none' },
  {
    name: 'what stands in a comment that does not end',
    xml: inform(`<!-- ${struct(urlName, url)}`),
    reason: 'structure',
  },
  {
    name: 'what a tag swallows that does not end',
    xml: inform(`<a b="${struct(urlName, url)}`)
      .replaceAll('"xsd', 'xsd')
      .replaceAll('string"', 'string'),
    reason: 'structure',
  },
  { name: 'a message that is cut off in its value', xml: withValue(url).slice(0, -80), url: '', reason: 'structure' },
  {
    name: 'what stands deeper than can be followed',
    xml: '<a>'.repeat(300) + struct(urlName, url),
    reason: 'structure',
  },
  {
    name: 'what follows a tag longer than can be followed',
    xml: inform(`<a b="${'x'.repeat(17_000)}"/>${struct(urlName, url)}`),
    reason: 'structure',
  },
];
