// Bodies for the benchmarks: own text, in the shape of what CPEs send.

const parameters: readonly (readonly [string, string])[] = [
  ['DeviceInfo.HardwareVersion', 'V1.2'],
  ['DeviceInfo.SoftwareVersion', '3.04.117-release'],
  ['DeviceInfo.SpecVersion', '1.0'],
  ['DeviceInfo.ProvisioningCode', 'ISP.0042'],
  ['ManagementServer.ParameterKey', 'a81f0c'],
  ['WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.ExternalIPAddress', '198.51.100.23'],
  ['WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.MACAddress', '00:53:12:9a:4c:01'],
  ['LANDevice.1.WLANConfiguration.1.SSID', 'home &amp; garden'],
  ['LANDevice.1.Hosts.Host.12.HostName', 'printer-2'],
  ['DeviceInfo.UpTime', '86401'],
];

function struct(name: string, value: string): string {
  return `        <ParameterValueStruct>\n          <Name>InternetGatewayDevice.${name}</Name>\n          <Value xsi:type="xsd:string">${value}</Value>\n        </ParameterValueStruct>\n`;
}

const urlStruct = struct('ManagementServer.ConnectionRequestURL', 'http://192.168.100.50:7547/a81f0c27');

const namespaces =
  'xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cwmp="urn:dslforum-org:cwmp-1-0"';

function envelope(content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope ${namespaces}>\n  <SOAP-ENV:Header>\n    <cwmp:ID SOAP-ENV:mustUnderstand="1">1742</cwmp:ID>\n  </SOAP-ENV:Header>\n  <SOAP-ENV:Body>\n${content}  </SOAP-ENV:Body>\n</SOAP-ENV:Envelope>\n`;
}

function list(count: number, urlAt: number | undefined): string {
  const structs = Array.from({ length: count }, (_, at) => {
    const [name, value] = parameters[at % parameters.length] ?? ['', ''];
    return at === urlAt ? urlStruct : struct(name.replace('.12.', `.${at}.`), value);
  });
  return `      <ParameterList SOAP-ENC:arrayType="cwmp:ParameterValueStruct[${count}]">\n${structs.join('')}      </ParameterList>\n`;
}

/** An Inform of `count` parameters; 12 make 4 KB. */
export function informBody(count: number, urlAt: number | undefined): Buffer {
  return Buffer.from(
    envelope(
      `    <cwmp:Inform>\n      <DeviceId>\n        <Manufacturer>Example</Manufacturer>\n        <OUI>005312</OUI>\n        <ProductClass>Gateway</ProductClass>\n        <SerialNumber>A81F0C27</SerialNumber>\n      </DeviceId>\n      <Event SOAP-ENC:arrayType="cwmp:EventStruct[1]">\n        <EventStruct>\n          <EventCode>2 PERIODIC</EventCode>\n          <CommandKey></CommandKey>\n        </EventStruct>\n      </Event>\n      <MaxEnvelopes>1</MaxEnvelopes>\n      <CurrentTime>2026-05-04T03:02:01+01:00</CurrentTime>\n      <RetryCount>0</RetryCount>\n${list(count, urlAt)}    </cwmp:Inform>\n`,
    ),
  );
}

/** A GetParameterValuesResponse of about `bytes`; `urlAt` is where the URL stands in it, from 0 to 1, if at all. */
export function valuesBody(bytes: number, urlAt?: number): Buffer {
  const count = Math.round(bytes / 205);
  const content = list(count, urlAt === undefined ? undefined : Math.round(urlAt * (count - 1)));
  return Buffer.from(
    envelope(`    <cwmp:GetParameterValuesResponse>\n${content}    </cwmp:GetParameterValuesResponse>\n`),
  );
}
