import { randomBytes } from 'node:crypto';
import type { CpeModel, Parameter } from '../cpe-model.js';
import { escapeXml } from '../message.js';

const envelope = (id: string, body: string): string =>
  `<SOAP-ENV:Envelope
  xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"
  xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/"
  xmlns:xsd="http://www.w3.org/2001/XMLSchema"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xmlns:cwmp="urn:dslforum-org:cwmp-1-0">
  <SOAP-ENV:Header>
    <cwmp:ID SOAP-ENV:mustUnderstand="1">${escapeXml(id)}</cwmp:ID>
  </SOAP-ENV:Header>
  <SOAP-ENV:Body>
${body}
  </SOAP-ENV:Body>
</SOAP-ENV:Envelope>
`;

const list = (parameters: readonly Parameter[]): string =>
  `      <ParameterList SOAP-ENC:arrayType="cwmp:ParameterValueStruct[${String(parameters.length).padStart(4, '0')}]">
${parameters
  .map(
    ({ name, value }) => `        <ParameterValueStruct>
          <Name>${name}</Name>
          <Value xsi:type="xsd:string">${escapeXml(value)}</Value>
        </ParameterValueStruct>
`,
  )
  .join('')}      </ParameterList>`;

/** A ZyXEL VDSL gateway that is managed over IPv6. */
export const zyxel: CpeModel = {
  name: 'ZyXEL VMG8924',
  quirks: 'IPv6 URL, no XML declaration, prefix SOAP-ENV, arrayType [0008]',
  serialNumber: 'S140Y00DEMO05',
  root: 'InternetGatewayDevice.',
  softwareVersion: '1.00(DEMO.1)b20',

  writeInform({ events, url, id, time }) {
    const igd = 'InternetGatewayDevice.';
    return envelope(
      id,
      `    <cwmp:Inform>
      <DeviceId>
        <Manufacturer>ZyXEL</Manufacturer>
        <OUI>4C9EFF</OUI>
        <ProductClass>VMG8924-B10A</ProductClass>
        <SerialNumber>S140Y00DEMO05</SerialNumber>
      </DeviceId>
      <Event SOAP-ENC:arrayType="cwmp:EventStruct[${events.length}]">
${events
  .map(
    (code) => `        <EventStruct>
          <EventCode>${code}</EventCode>
          <CommandKey></CommandKey>
        </EventStruct>
`,
  )
  .join('')}      </Event>
      <MaxEnvelopes>1</MaxEnvelopes>
      <CurrentTime>${time.toISOString().slice(0, 19)}+00:00</CurrentTime>
      <RetryCount>0</RetryCount>
${list([
  { name: `${igd}DeviceSummary`, value: 'InternetGatewayDevice:1.4[](Baseline:1, EthernetLAN:1, VDSL2WAN:1)' },
  { name: `${igd}DeviceInfo.SpecVersion`, value: '1.0' },
  { name: `${igd}DeviceInfo.HardwareVersion`, value: 'HW_1.0' },
  { name: `${igd}DeviceInfo.SoftwareVersion`, value: '1.00(DEMO.1)b20' },
  { name: `${igd}DeviceInfo.ProvisioningCode`, value: '31755,n' },
  { name: `${igd}ManagementServer.ConnectionRequestURL`, value: url },
  { name: `${igd}ManagementServer.ParameterKey`, value: 'fd2cc42d07adccccbf39052325a85f11' },
  {
    name: `${igd}WANDevice.2.WANConnectionDevice.1.WANIPConnection.2.X_5067F0_ExternalIPv6Address`,
    value: '::1/128',
  },
])}
    </cwmp:Inform>`,
    );
  },

  writeValues: ({ id, values }) =>
    envelope(
      id,
      `    <cwmp:GetParameterValuesResponse>
${list(values)}
    </cwmp:GetParameterValuesResponse>`,
    ),

  client: { headers: { 'Content-Type': 'text/xml; charset=utf-8', SOAPAction: '' } },
  server: {
    path: `/${randomBytes(12).toString('hex').toUpperCase()}`,
    ipv6: true,
    realm: 'VMG8924-B10A',
    challenge: 'keeps',
  },
};
