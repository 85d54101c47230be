import { randomBytes } from 'node:crypto';
import type { CpeModel, Parameter } from '../cpe-model.js';
import { escapeXml } from '../message.js';

const envelope = (id: string, body: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/" xmlns:cwmp="urn:dslforum-org:cwmp-1-0" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
   <SOAP-ENV:Header>
      <cwmp:ID SOAP-ENV:mustUnderstand="1">${escapeXml(id)}</cwmp:ID>
   </SOAP-ENV:Header>
   <SOAP-ENV:Body>
${body}
   </SOAP-ENV:Body>
</SOAP-ENV:Envelope>`;

// The value stands on a line of its own: the padding is the printer's, not the parameter's.
const list = (parameters: readonly Parameter[]): string =>
  `         <ParameterList SOAP-ENC:arrayType="cwmp:ParameterValueStruct[${String(parameters.length).padStart(4, '0')}]">
${parameters
  .map(({ name, value }) => {
    const element =
      value === ''
        ? '<Value xsi:type="xsd:string" />'
        : `<Value xsi:type="xsd:string">
                  ${escapeXml(value)}
               </Value>`;
    return `            <ParameterValueStruct>
               <Name>${name}</Name>
               ${element}
            </ParameterValueStruct>
`;
  })
  .join('')}         </ParameterList>`;

/** A Broadcom reference gateway whose messages went through a pretty-printer; its Digest is the old kind, without qop. */
export const broadcom: CpeModel = {
  name: 'Broadcom 968380',
  quirks: 'line breaks inside Value, self-closing Value, Digest without qop',
  serialNumber: 'a06518de0006',
  root: 'InternetGatewayDevice.',
  softwareVersion: 'G4.16L.06DEMO',

  writeInform({ events, url, id, time }) {
    const igd = 'InternetGatewayDevice.';
    return envelope(
      id,
      `      <cwmp:Inform>
         <DeviceId>
            <Manufacturer>Broadcom</Manufacturer>
            <OUI>a06518</OUI>
            <ProductClass>968380GERG</ProductClass>
            <SerialNumber>a06518de0006</SerialNumber>
         </DeviceId>
         <Event SOAP-ENC:arrayType="cwmp:EventStruct[${events.length}]">
${events
  .map(
    (code) => `            <EventStruct>
               <EventCode>${code}</EventCode>
               <CommandKey />
            </EventStruct>
`,
  )
  .join('')}         </Event>
         <MaxEnvelopes>1</MaxEnvelopes>
         <CurrentTime>${time.toISOString().slice(0, 19)}+00:00</CurrentTime>
         <RetryCount>0</RetryCount>
${list([
  { name: `${igd}DeviceSummary`, value: 'InternetGatewayDevice:1.5[](Baseline:1, EthernetLAN:1, WiFiLAN:1)' },
  { name: `${igd}DeviceInfo.SpecVersion`, value: '1.0' },
  { name: `${igd}DeviceInfo.HardwareVersion`, value: 'tmp_hardware1.0' },
  { name: `${igd}DeviceInfo.SoftwareVersion`, value: 'G4.16L.06DEMO' },
  { name: `${igd}DeviceInfo.ProvisioningCode`, value: '' },
  { name: `${igd}ManagementServer.ConnectionRequestURL`, value: url },
  { name: `${igd}ManagementServer.ParameterKey`, value: 'unsetCommandKey' },
  {
    name: `${igd}WANDevice.5.WANConnectionDevice.1.WANIPConnection.1.ExternalIPAddress`,
    value: '127.0.0.1',
  },
])}
      </cwmp:Inform>`,
    );
  },

  writeValues: ({ id, values }) =>
    envelope(
      id,
      `      <cwmp:GetParameterValuesResponse>
${list(values)}
      </cwmp:GetParameterValuesResponse>`,
    ),

  client: { headers: { 'Content-Type': 'text/xml; charset=ISO-8859-1', SOAPAction: '' } },
  server: {
    path: `/${randomBytes(6).toString('hex')}`,
    realm: 'IGD',
    digest: { qop: false, algorithm: '"MD5"', also: 'domain="/"' },
    challenge: 'closes',
  },
};
