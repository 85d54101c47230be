/**
 * Just enough CWMP reading for peers that write their messages themselves. The proxy's own reader is a real XML parser;
 * this one only has to understand the messages of the demo (and those of whoever plays with it by hand).
 */

/** The SOAP body's element without its prefix, for instance `Inform`; `undefined` for an empty body. */
export function methodOf(body: Buffer): string | undefined {
  return /<(?:[\w.-]+:)?Body\b[^<>]*>\s*<(?:[\w.-]+:)?([A-Za-z]+)/.exec(body.toString('latin1'))?.[1];
}

/** The `cwmp:ID` of the SOAP header, which an answer must echo; some CPEs send none. */
export function idOf(body: Buffer): string | undefined {
  return /<cwmp:ID\b[^<>]*>([^<]*)</.exec(body.toString('latin1'))?.[1];
}

/** The CWMP namespace that a CPE speaks, for instance `urn:dslforum-org:cwmp-1-2`. */
export function namespaceOf(body: Buffer): string {
  return /urn:dslforum-org:cwmp-1-\d/.exec(body.toString('latin1'))?.[0] ?? 'urn:dslforum-org:cwmp-1-0';
}

/** The event codes of an Inform, for instance `["2 PERIODIC"]`. */
export function eventsOf(body: Buffer): string[] {
  return [...body.toString('latin1').matchAll(/<EventCode>([^<]*)</g)].map(([, code = '']) => code.trim());
}

/** The serial number in an Inform's DeviceId. */
export function serialNumberOf(body: Buffer): string | undefined {
  return /<SerialNumber>([^<]*)</.exec(body.toString('latin1'))?.[1]?.trim();
}

/** The names that a GetParameterValues asks for. */
export function parameterNamesOf(body: Buffer): string[] {
  return [...body.toString('latin1').matchAll(/<string>([^<]*)</g)].map(([, name = '']) => name.trim());
}

/** Where the value of the ConnectionRequestURL stands in a message, white space around it included. */
export interface UrlInMessage {
  /** Full parameter name, which also tells the data model. */
  readonly name: string;
  readonly url: string;
  readonly before: string;
  readonly after: string;
}

/** Finds the ConnectionRequestURL in an Inform or a GetParameterValuesResponse. */
export function urlIn(body: Buffer): UrlInMessage | undefined {
  const text = body.toString('latin1');
  const found = /<Name>\s*([\w.]*ManagementServer\.ConnectionRequestURL)\s*<\/Name>\s*<Value[^>]*>([^<]*)</.exec(text);
  if (found === null) return undefined;
  const [whole, name = '', value = ''] = found;
  const end = found.index + whole.length - 1;
  return { name, url: unescape(value).trim(), before: text.slice(0, end - value.length), after: text.slice(end) };
}

function unescape(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}

/** Writes text for use inside an XML element. */
export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
