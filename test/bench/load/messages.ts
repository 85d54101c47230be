/** The address a simulated CPE gives; what a rewriting proxy replaces. */
export const connectionRequestUrl = 'http://192.168.100.50:7547/5f3c9a';

/** Where {@link inform} holds the ten digits that tell one message from another. */
export const idDigits = 10;

const idPlace = '0'.repeat(idDigits);

function envelope(body: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<soap-env:Envelope xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/" ' +
    'xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" ' +
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cwmp="urn:dslforum-org:cwmp-1-0">\n' +
    `<soap-env:Header><cwmp:ID soap-env:mustUnderstand="1">${idPlace}</cwmp:ID></soap-env:Header>\n` +
    `<soap-env:Body>${body}</soap-env:Body>\n</soap-env:Envelope>\n`
  );
}

function parameter(name: string, value: string): string {
  return (
    `<ParameterValueStruct>\n<Name>InternetGatewayDevice.${name}</Name>\n` +
    `<Value xsi:type="xsd:string">${value}</Value>\n</ParameterValueStruct>\n`
  );
}

function parameterList(parameters: readonly string[]): string {
  const count = parameters.length;
  return `<ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[${count}]">\n${parameters.join('')}</ParameterList>\n`;
}

const informParameters = [
  parameter('DeviceSummary', 'InternetGatewayDevice:1.4[](Baseline:1, EthernetLAN:1, WiFiLAN:1, ADSLWAN:1)'),
  parameter('DeviceInfo.SpecVersion', '1.0'),
  parameter('DeviceInfo.HardwareVersion', 'VR1-2.0'),
  parameter('DeviceInfo.SoftwareVersion', '1.2.3456 Build 260131'),
  parameter('DeviceInfo.ProvisioningCode', 'TLCO.GRP2'),
  parameter('ManagementServer.ParameterKey', '20260131-6f1a'),
  parameter('DeviceInfo.UpTime', '86400'),
  parameter('WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.ExternalIPAddress', '192.168.100.50'),
  parameter('WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.MACAddress', '02:00:5E:10:00:50'),
  parameter('WANDevice.1.WANCommonInterfaceConfig.PhysicalLinkStatus', 'Up'),
  parameter('LANDevice.1.WLANConfiguration.1.SSID', 'home-5f3c'),
  parameter('LANDevice.1.WLANConfiguration.1.Channel', '11'),
  parameter('Time.NTPServer1', 'ntp.isp.example'),
  parameter('ManagementServer.ConnectionRequestURL', connectionRequestUrl),
];

/** An Inform of about 4 KB with a ConnectionRequestURL near its end, as most CPEs write it. */
export const inform: Buffer = Buffer.from(
  envelope(
    '<cwmp:Inform>\n<DeviceId>\n<Manufacturer>Example Networks</Manufacturer>\n<OUI>00005E</OUI>\n' +
      '<ProductClass>VR1</ProductClass>\n<SerialNumber>SN0000000050</SerialNumber>\n</DeviceId>\n' +
      '<Event soap-enc:arrayType="cwmp:EventStruct[2]">\n' +
      '<EventStruct><EventCode>1 BOOT</EventCode><CommandKey></CommandKey></EventStruct>\n' +
      '<EventStruct><EventCode>4 VALUE CHANGE</EventCode><CommandKey></CommandKey></EventStruct>\n</Event>\n' +
      '<MaxEnvelopes>1</MaxEnvelopes>\n<CurrentTime>2026-01-31T12:00:00Z</CurrentTime>\n<RetryCount>0</RetryCount>\n' +
      `${parameterList(informParameters)}</cwmp:Inform>`,
  ),
);

const hosts = Array.from({ length: 8 }, (_, index) => `LANDevice.1.Hosts.Host.${index + 1}`);

const hostParameters = hosts.flatMap((host, index) => [
  parameter(`${host}.HostName`, `laptop-${index}`),
  parameter(`${host}.IPAddress`, `192.168.1.${index + 10}`),
  parameter(`${host}.MACAddress`, `02:00:5E:20:00:0${index}`),
]);

/** A GetParameterValuesResponse of about 4 KB without a ConnectionRequestURL, as most of them are. */
export const parameterValues: Buffer = Buffer.from(
  envelope(`<cwmp:GetParameterValuesResponse>\n${parameterList(hostParameters)}</cwmp:GetParameterValuesResponse>`),
);

/** A GetParameterValuesResponse of about 4 KB with the ConnectionRequestURL near its end, as after a look at all parameters. */
export const urlValues: Buffer = Buffer.from(
  envelope(
    `<cwmp:GetParameterValuesResponse>\n${parameterList([...hostParameters.slice(0, 10), ...informParameters])}` +
      '</cwmp:GetParameterValuesResponse>',
  ),
);

/** What the ACS answers to an Inform. */
export const informResponse: Buffer = Buffer.from(
  envelope('<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>'),
);

/** What the ACS asks when the CPE has nothing to say. */
export const getParameterValues: Buffer = Buffer.from(
  envelope(
    `<cwmp:GetParameterValues><ParameterNames soap-enc:arrayType="xsd:string[${hosts.length}]">` +
      hosts.map((host) => `<string>InternetGatewayDevice.${host}.</string>`).join('') +
      '</ParameterNames></cwmp:GetParameterValues>',
  ),
);

/** Where the ten digits of a message's `cwmp:ID` begin. */
export function idOffset(message: Buffer): number {
  return message.indexOf(idPlace);
}

/** A request as a CPE writes it. */
export function cpeRequest(body: Buffer, cookie?: string): Buffer {
  const head =
    'POST / HTTP/1.1\r\nHost: acs.isp.example:7547\r\nUser-Agent: Example_VR1/1.2.3456\r\n' +
    (body.length > 0 ? 'Content-Type: text/xml; charset="utf-8"\r\nSOAPAction: \r\n' : '') +
    `Content-Length: ${body.length}\r\n${cookie === undefined ? '' : `Cookie: ${cookie}\r\n`}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}
