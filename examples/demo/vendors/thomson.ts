import { randomBytes } from 'node:crypto';
import type { CpeModel, Parameter } from '../cpe-model.js';
import { escapeXml } from '../message.js';

const envelope = (id: string, body: string): string =>
  lines(`<soapenv:Envelope soapenv:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/" xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:soap="http://schemas.xmlsoap.org/soap/encoding/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cwmp="urn:dslforum-org:cwmp-1-0">
 <soapenv:Header>
<cwmp:ID soapenv:mustUnderstand="1">${escapeXml(id)}</cwmp:ID>
 </soapenv:Header>
 <soapenv:Body>
${body}
 </soapenv:Body>
</soapenv:Envelope>
`);

const list = (parameters: readonly Parameter[]): string =>
  `<ParameterList soap:arrayType="cwmp:ParameterValueStruct[${twoDigits(parameters.length)}]">${parameters
    .map(
      ({ name, value }) => `<ParameterValueStruct>      <Name>${name}</Name>
      <Value xsi:type="xsd:string">${escapeXml(value)}</Value>
</ParameterValueStruct>
`,
    )
    .join('     ')}</ParameterList>`;

/** A Thomson SpeedTouch: CRLF line ends, no XML declaration, numbers with leading zeros, chunked bodies. */
export const thomson: CpeModel = {
  name: 'Thomson SpeedTouch',
  quirks: 'CRLF, no XML declaration, arrayType [08], MaxEnvelopes 2, chunked bodies',
  serialNumber: 'CP0644DEMO1',
  root: 'InternetGatewayDevice.',
  softwareVersion: '7.4.1.7',

  writeInform({ events, url, id, time }) {
    const igd = 'InternetGatewayDevice.';
    return envelope(
      `${id}_THOM_TR69_ID`,
      `<cwmp:Inform><DeviceId> <Manufacturer>THOMSON</Manufacturer>
 <OUI>00147F</OUI>
 <ProductClass>SpeedTouch 780</ProductClass>
 <SerialNumber>CP0644DEMO1</SerialNumber>
</DeviceId>
<Event soap:arrayType="cwmp:EventStruct[${twoDigits(events.length)}]">${events
        .map(
          (code) => `<EventStruct> <EventCode>${code}</EventCode>
 <CommandKey></CommandKey>
</EventStruct>
`,
        )
        .join('')}</Event>
<MaxEnvelopes>2</MaxEnvelopes>
<CurrentTime>${time.toISOString().slice(0, 19)}Z</CurrentTime>
<RetryCount>00</RetryCount>
${list([
  { name: '.ExternalIPAddress', value: '127.0.0.1' },
  { name: `${igd}DeviceInfo.HardwareVersion`, value: 'BANT-R' },
  { name: `${igd}DeviceInfo.ProvisioningCode`, value: '' },
  { name: `${igd}DeviceInfo.SoftwareVersion`, value: '7.4.1.7' },
  { name: `${igd}DeviceInfo.SpecVersion`, value: '1.0' },
  { name: `${igd}DeviceSummary`, value: 'InternetGatewayDevice:1.3[](Baseline:1, EthernetLAN:1, ADSLWAN:1)' },
  { name: `${igd}ManagementServer.ConnectionRequestURL`, value: url },
  { name: `${igd}ManagementServer.ParameterKey`, value: '' },
])}
</cwmp:Inform>`,
    );
  },

  writeValues: ({ id, values }) =>
    envelope(
      id,
      `  <cwmp:GetParameterValuesResponse>   ${list(values)}
</cwmp:GetParameterValuesResponse>`,
    ),

  client: { headers: { 'Content-Type': 'text/xml', SOAPAction: '' }, chunked: true },
  server: { path: `/${randomBytes(8).toString('hex')}`, realm: 'SpeedTouch (00-14-7F)', challenge: 'closes' },
};

function lines(text: string): string {
  return text.replaceAll('\n', '\r\n');
}

function twoDigits(count: number): string {
  return String(count).padStart(2, '0');
}
